"""Graphs in the thread of an incident's message: uploaded after the text, found again by the file's name.

An upload is three requests, of which only the last shows anything: what fails before may be done again.
https://docs.slack.dev/messaging/working-with-files#upload
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from watchtower.clock import epoch
from watchtower.errors import Ambiguous, Rejected
from watchtower.incidents.lanes import lane
from watchtower.model import Receipt
from watchtower.notifiers.slack_api import SlackApi, expect_ok
from watchtower.notifiers.text import cut, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.incidents.model import ChannelTraits
    from watchtower.model import Delivery
    from watchtower.notifiers.base import Doors, Pace, Painter

#: Where Slack takes files, whatever its API is called at.
FILES_HOST = "https://files.slack.com"
#: The share of the time for one delivery in which the picture must be drawn and stored.
PREPARED_WITHIN = 0.7
#: Seconds before the first attempt from which the thread is searched: our clock may run ahead of Slack's.
SEARCH_MARGIN = 60.0
_TITLE = 200


class SlackGraphs:
    """The lane of one Slack channel on which its graphs leave, with ``files:write``."""

    def __init__(self, traits: ChannelTraits, api: SlackApi, doors: Doors, *, api_url: str, by_aws: bool) -> None:
        self._traits = replace(traits, name=lane(traits.name), digests=False, graphs=False)
        self._api = api
        self._painter: Painter | None = doors.painter
        self._timeout = doors.timeout
        self._hosts = {_origin(api_url), FILES_HOST}
        self._by_aws = by_aws
        self._drawn: tuple[str, bytes] = ("", b"")

    @property
    def traits(self) -> ChannelTraits:
        """Those of its channel, under the lane's name."""
        return self._traits

    def pace(self, delivery: Delivery) -> Pace | None:  # noqa: ARG002
        """Uploads do not count against the pace of messages."""
        return None

    def doubles(self, delivery: Delivery) -> bool:  # noqa: ARG002
        """The same picture twice in a thread tells nobody anything twice."""
        return False

    async def send(self, delivery: Delivery) -> Receipt:
        """Draw, store, show."""
        ref = delivery.ref
        if not ref:
            raise Rejected("the message that it belongs to is not known", permanent=True)
        file = await self._prepared(delivery)
        shared = {
            "files": [{"id": file, "title": cut(one_line(delivery.notice.title), _TITLE)}],
            "channel_id": ref["channel"],
            "thread_ts": ref["ts"],
        }
        try:
            async with asyncio.timeout(self._timeout * (1 - PREPARED_WITHIN)):
                expect_ok(await self._api.write("files.completeUploadExternal", shared))
        except TimeoutError:
            raise self._api.vendor.silence() from None
        self._drawn = ("", b"")
        return Receipt(detail="graph in its thread")

    async def _prepared(self, delivery: Delivery) -> str:
        """The id of a file that Slack has and shows nowhere; whatever fails here can be done again."""
        try:
            async with asyncio.timeout(self._timeout * PREPARED_WITHIN):
                return await self._stored(delivery, await self._picture(delivery))
        except TimeoutError:
            raise Rejected("the graph was not stored in time", permanent=False) from None
        except Ambiguous as doubt:
            raise Rejected(doubt.detail, permanent=False, retry_after=doubt.retry_after) from None

    async def _picture(self, delivery: Delivery) -> bytes:
        """Drawn once for all attempts."""
        if self._drawn[0] != delivery.id:
            if self._painter is None:
                raise Rejected("nothing is drawn here", permanent=True)
            self._drawn = (delivery.id, await self._painter.paint(delivery.notice, by_aws=self._by_aws))
        return self._drawn[1]

    async def _stored(self, delivery: Delivery, picture: bytes) -> str:
        asked = {
            "filename": filename(delivery),
            "length": str(len(picture)),
            "alt_txt": cut(f"Graph: {one_line(delivery.notice.title)}", _TITLE),
        }
        said = expect_ok(await self._api.read("files.getUploadURLExternal", asked))
        address = str(said.get("upload_url", ""))
        if _origin(address) not in self._hosts:
            raise Rejected("Slack named a place for the file that is not Slack's", permanent=True)
        headers = {"Content-Type": "application/octet-stream"}
        self._api.vendor.check(await self._api.vendor.post(address, picture, headers))
        return str(said.get("file_id", ""))

    async def find(self, delivery: Delivery) -> Receipt | None:
        """Look in the thread for a file with the delivery's name; None also when the token may not read it."""
        ref = delivery.ref
        if not ref or delivery.first_attempt_at is None:
            return None
        oldest = f"{epoch(delivery.first_attempt_at) - SEARCH_MARGIN:.6f}"
        where = {"channel": ref["channel"], "ts": ref["ts"], "oldest": oldest, "limit": "200"}
        wanted = filename(delivery)
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._api.first(
                    "conversations.replies", where, "messages", lambda one: wanted in _files(one)
                )
        except TimeoutError:
            raise self._api.vendor.silence() from None
        return None if found is None else Receipt(detail="graph found in its thread")


def filename(delivery: Delivery) -> str:
    """The name by which an upload whose answer was lost is found again."""
    return f"graph-{delivery.id}.png"


def _files(message: Mapping[str, Any]) -> list[Any]:
    return [file.get("name") for file in message.get("files") or ()]


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
