"""Slack with a bot's token: one message per incident, edited in place, its thread for what must be seen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from watchtower.clock import epoch
from watchtower.incidents.model import ChannelTraits
from watchtower.model import Event, Receipt
from watchtower.notifiers.blocks import blocks, fallback, reply
from watchtower.notifiers.slack_api import NOT_EDITABLE, PACE, SlackApi, expect_ok

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.model import Delivery
    from watchtower.notifiers.base import Doors, Pace
    from watchtower.secrets import Secret

#: Seconds before the first attempt from which history is searched: our clock may run ahead of Slack's.
SEARCH_MARGIN = 60.0
#: The name under which a message carries its delivery id, so that an unanswered post can be found again.
METADATA_TYPE = "watchtower_delivery"

#: Events that an edit tells well enough: edits notify nobody.
_QUIET = frozenset({Event.UPDATE, Event.RESOLVE})


def traits(name: str, token: Secret, channel: str) -> ChannelTraits:
    """What the flush must know of a Slack channel that a bot writes to.

    A message belongs to the token that posted it: another workspace's token would find nothing to edit.
    """
    return ChannelTraits(name, "slack", f"slack:{token.digest}:{channel}")


class Slack:
    """One Slack channel, told by a bot with ``chat:write``, and ``channels:history`` to find lost posts."""

    def __init__(self, name: str, *, token: Secret, channel: str, api_url: str, doors: Doors) -> None:
        self._channel = channel
        self._api = SlackApi(api_url, token, doors)
        self._timeout = doors.timeout
        self._traits = traits(name, token, channel)

    @property
    def traits(self) -> ChannelTraits:
        """One message per incident: a rise edits it, and a reply shown in the channel makes it noticed."""
        return self._traits

    def pace(self, delivery: Delivery) -> Pace | None:
        """One message a second to a channel; an edit alone is no message."""
        return None if delivery.ref and delivery.event in _QUIET else PACE

    async def send(self, delivery: Delivery) -> Receipt:
        """Post the incident's message, or edit it when there is one."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._send(delivery)
        except TimeoutError:
            raise self._api.vendor.silence() from None

    async def _send(self, delivery: Delivery) -> Receipt:
        ref = delivery.ref
        if not ref or not await self._edited(delivery, ref):
            return await self._post(delivery)
        if delivery.event not in _QUIET:
            await self._broadcast(delivery, ref)
        return Receipt(ref, "updated in place")

    async def _edited(self, delivery: Delivery, ref: Mapping[str, Any]) -> bool:
        said = await self._api.write("chat.update", {**_message(delivery), "channel": ref["channel"], "ts": ref["ts"]})
        return said.get("error") not in NOT_EDITABLE and bool(expect_ok(said))

    async def _post(self, delivery: Delivery) -> Receipt:
        said = await self._api.write("chat.postMessage", {**_message(delivery), **_QUIETLY, "channel": self._channel})
        return Receipt(_reference(expect_ok(said)), "posted")

    async def _broadcast(self, delivery: Delivery, ref: Mapping[str, Any]) -> None:
        thread = {"channel": ref["channel"], "thread_ts": ref["ts"], "reply_broadcast": True}
        told = {**_message(delivery), "blocks": reply(delivery.notice), **_QUIETLY, **thread}
        expect_ok(await self._api.write("chat.postMessage", told))

    async def find(self, delivery: Delivery) -> Receipt | None:
        """Look in the channel's history for the delivery's id; None also when the token may not read it."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._find(delivery)
        except TimeoutError:
            raise self._api.vendor.silence() from None

    async def _find(self, delivery: Delivery) -> Receipt | None:
        if delivery.first_attempt_at is None:
            return None
        channel = delivery.ref["channel"] if delivery.ref else await self._api.channel_id(self._channel)
        if channel is None:
            return None
        oldest = f"{epoch(delivery.first_attempt_at) - SEARCH_MARGIN:.6f}"
        asked = {"channel": channel, "oldest": oldest, "include_all_metadata": "true", "limit": "200"}
        found = await self._api.first(
            "conversations.history", asked, "messages", lambda listed: _delivery_id(listed) == delivery.id
        )
        if found is None:
            return None
        return Receipt({"channel": channel, "ts": found.get("thread_ts", found["ts"])}, "found in history")


#: Links in a message are for reading; previews would bury it.
_QUIETLY = {"unfurl_links": False, "unfurl_media": False}


def _message(delivery: Delivery) -> dict[str, Any]:
    carried = {"delivery_id": delivery.id, "incident_id": delivery.incident_id}
    return {
        "text": fallback(delivery.notice),
        "blocks": blocks(delivery),
        "metadata": {"event_type": METADATA_TYPE, "event_payload": carried},
    }


def _reference(said: Mapping[str, Any]) -> dict[str, str]:
    return {"channel": str(said["channel"]), "ts": str(said["ts"])}


def _delivery_id(found: Mapping[str, Any]) -> str | None:
    payload = (found.get("metadata") or {}).get("event_payload") or {}
    return payload.get("delivery_id")
