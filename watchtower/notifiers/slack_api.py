"""Slack's Web API as notifiers need it: one call, its errors sorted, a channel's name turned into its id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from watchtower.errors import Ambiguous, Rejected
from watchtower.notifiers.base import Pace
from watchtower.notifiers.http import Vendor

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchtower.notifiers.base import Doors
    from watchtower.secrets import Secret

#: Seconds to wait when a 429 does not say.
PATIENCE = 30.0
#: Messages one channel takes: https://docs.slack.dev/apis/web-api/rate-limits
PACE = Pace(1, 1.0)
#: Slack says of some of these that a part of the operation may have succeeded.
UNCERTAIN = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
#: The message to edit is gone or may no longer be edited: it has to be posted afresh.
NOT_EDITABLE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})

#: Pages looked through before giving up: ten thousand channels, two thousand messages.
_PAGES = 10
_ERROR_WORD = re.compile(r"[a-z0-9_]{1,80}")
_CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{8,}")


Item = Mapping[str, Any]


class SlackApi:
    """One token's calls."""

    def __init__(self, base: str, token: Secret, doors: Doors) -> None:
        self._base = base
        self._token = token
        self._vendor = Vendor("Slack", (token,), doors, PATIENCE)

    @property
    def vendor(self) -> Vendor:
        """The way to Slack, for errors that are not an answer."""
        return self._vendor

    async def write(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a method with JSON; ``ok: false`` is returned, a missing or broken answer raises."""
        return await self._call(method, orjson.dumps(arguments), "application/json; charset=utf-8")

    async def read(self, method: str, arguments: Mapping[str, str]) -> dict[str, Any]:
        """Call a method that takes a form, as the reading ones do; ``ok: false`` is returned."""
        return await self._call(method, urlencode(arguments).encode(), "application/x-www-form-urlencoded")

    async def first(
        self, method: str, arguments: Mapping[str, str], listed: str, wanted: Callable[[Item], bool]
    ) -> Item | None:
        """The first ``wanted`` item of those ``listed`` over the pages of a reading method.

        None also when Slack refuses to tell: who may post may not always read.
        """
        cursor = ""
        for _ in range(_PAGES):
            page = await self.read(method, {**arguments, "cursor": cursor} if cursor else arguments)
            if page.get("ok") is not True and page.get("error") not in UNCERTAIN:
                return None
            found = next(filter(wanted, expect_ok(page).get(listed, ())), None)
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if found is not None or not cursor:
                return found
        return None

    async def channel_id(self, channel: str) -> str | None:
        """The id of a channel written as id or ``#name``; None when it is not to be found."""
        if _CHANNEL_ID.fullmatch(channel):
            return channel
        name = channel.removeprefix("#")
        asked = {"types": "public_channel,private_channel", "exclude_archived": "true", "limit": "1000"}
        found = await self.first("conversations.list", asked, "channels", lambda listed: listed.get("name") == name)
        return str(found["id"]) if found else None

    async def _call(self, method: str, body: bytes, kind: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token.reveal()}", "Content-Type": kind}
        answer = self._vendor.check(await self._vendor.post(f"{self._base}/{method}", body, headers))
        said = answer.json()
        if said is None:
            raise Ambiguous("Slack's answer is not JSON")
        if said.get("error") == "ratelimited":
            wait = answer.retry_after
            raise Rejected("Slack: ratelimited", permanent=False, retry_after=PATIENCE if wait is None else wait)
        return said


def expect_ok(said: dict[str, Any]) -> dict[str, Any]:
    """The answer if Slack did what was asked; otherwise raises what its error word means."""
    if said.get("ok") is True:
        return said
    named = str(said.get("error", ""))
    error = named if _ERROR_WORD.fullmatch(named) else "an error without a name"
    if error in UNCERTAIN:
        raise Ambiguous(f"Slack: {error}")
    raise Rejected(f"Slack: {error}", permanent=True)
