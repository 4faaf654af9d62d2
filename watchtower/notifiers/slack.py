"""Slack with a bot's token: one message per incident, edited in place, its thread for what happened when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from watchtower.clock import epoch
from watchtower.errors import Rejected
from watchtower.incidents.model import ChannelTraits
from watchtower.model import Event, Receipt
from watchtower.notifiers.blocks import PLAIN
from watchtower.notifiers.digests import content
from watchtower.notifiers.slack_api import NOT_EDITABLE, PACE, SlackApi, expect_ok
from watchtower.notifiers.slack_evidence import SlackEvidence
from watchtower.notifiers.slack_graph import SlackGraphs
from watchtower.notifiers.slack_metadata import SEARCH_MARGIN, delivery_id, metadata
from watchtower.notifiers.slack_thread import news, remembered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.model import Delivery
    from watchtower.notifiers.base import Doors, Pace
    from watchtower.notifiers.blocks import Look
    from watchtower.notifiers.slack_thread import News
    from watchtower.secrets import Secret


def traits(name: str, token: Secret, channel: str, *, graphs: bool = False) -> ChannelTraits:
    """What the flush must know of a Slack channel that a bot writes to.

    A message belongs to the token that posted it: another workspace's token would find nothing to edit.
    """
    mine = f"slack:{token.digest}:"
    return ChannelTraits(
        name,
        "slack",
        f"{mine}{channel}",
        repeats=True,
        takes_acknowledgements=True,
        digests=True,
        graphs=graphs,
        follow_ups=True,
        edits=mine,
    )


class Slack:
    """One Slack channel, told by a bot with ``chat:write``, and ``channels:history`` to find lost posts."""

    def __init__(
        self,
        name: str,
        *,
        token: Secret,
        channel: str,
        api_url: str,
        doors: Doors,
        look: Look = PLAIN,
        graph: str = "none",
    ) -> None:
        self._channel = channel
        self._api = SlackApi(api_url, token, doors)
        self._timeout = doors.timeout
        self._traits = traits(name, token, channel, graphs=graph != "none")
        self._look = look
        self._graphs = SlackGraphs(self._traits, self._api, doors, api_url=api_url, by_aws=graph == "aws")
        self._follow_ups = SlackEvidence(self._traits, self._api, doors.timeout)

    @property
    def traits(self) -> ChannelTraits:
        """One message per incident: a rise edits it, and a reply shown in the channel makes it noticed."""
        return self._traits

    @property
    def graphs(self) -> SlackGraphs | None:
        """What shows graphs in the threads of its messages."""
        return self._graphs if self._traits.graphs else None

    @property
    def follow_ups(self) -> SlackEvidence:
        """What tells late evidence in the threads of its messages."""
        return self._follow_ups

    def pace(self, delivery: Delivery) -> Pace | None:
        """One message a second to a channel, replies included; an edit alone is no message.

        A digest's edits are paced all the same: what happens meanwhile is one edit.
        """
        return PACE if delivery.notice.digest or self.doubles(delivery) else None

    def doubles(self, delivery: Delivery) -> bool:
        """An edit changes nothing the second time; a message, or a reply in its thread, is there twice."""
        if not delivery.ref:
            return True
        return not delivery.notice.digest and news(delivery, self._look) is not None

    async def send(self, delivery: Delivery) -> Receipt:
        """Post the incident's message, or edit it when there is one and log the change in its thread."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._send(delivery)
        except TimeoutError:
            raise self._api.vendor.silence() from None

    async def _send(self, delivery: Delivery) -> Receipt:
        ref = delivery.ref
        if not ref or not await self._edited(delivery, ref):
            return await self._post(delivery)
        if delivery.event is Event.RESOLVE and ref.get("twin_since") is not None:
            await self._edit_twin(delivery, ref)
        told = None if delivery.notice.digest else news(delivery, self._look)
        detail = "updated in place" + (await self._reply(delivery, ref, told) if told else "")
        logged = bool(told) or bool(ref.get("logged"))
        return Receipt(remembered(delivery, ref["channel"], ref["ts"], logged=logged), detail)

    async def _edited(self, delivery: Delivery, ref: Mapping[str, Any]) -> bool:
        edit = {**self._message(delivery, edited=True), "channel": ref["channel"], "ts": ref["ts"]}
        said = await self._api.write("chat.update", edit)
        return said.get("error") not in NOT_EDITABLE and bool(expect_ok(said))

    async def _edit_twin(self, delivery: Delivery, ref: Mapping[str, Any]) -> None:
        """End the message that arrived late, if there is one: nobody knows its address, so it is searched for."""
        oldest = f"{ref['twin_since'] - SEARCH_MARGIN:.6f}"
        asked = {"channel": ref["channel"], "oldest": oldest, "include_all_metadata": "true", "limit": "200"}
        found = await self._api.first(
            "conversations.history", asked, "messages", lambda one: _twin(one, delivery.incident_id, ref["ts"])
        )
        if found is not None:  # refused, it stays as it is: the resolve must not wait for it
            edit = self._message(delivery, edited=True)
            await self._api.write("chat.update", {**edit, "channel": ref["channel"], "ts": found["ts"]})

    async def _post(self, delivery: Delivery) -> Receipt:
        post = {**self._message(delivery), **_QUIETLY, "channel": self._channel}
        said = expect_ok(await self._api.write("chat.postMessage", post))
        return Receipt(remembered(delivery, str(said["channel"]), str(said["ts"]), logged=False), "posted")

    async def _reply(self, delivery: Delivery, ref: Mapping[str, Any], told: News) -> str:
        """Say it in the thread; what became of it. A thread that takes no reply must not hold back what is quiet."""
        thread = {"channel": ref["channel"], "thread_ts": ref["ts"], "reply_broadcast": told.broadcast}
        post = {"text": told.text, "blocks": told.blocks, "metadata": metadata(delivery), **_QUIETLY, **thread}
        said = await self._api.write("chat.postMessage", post)
        try:
            expect_ok(said)
        except Rejected as refusal:
            if told.broadcast:
                raise
            return f", its thread took no reply ({refusal.detail})"
        return ", told in its thread"

    def _message(self, delivery: Delivery, *, edited: bool = False) -> dict[str, Any]:
        return {
            **content(delivery, self._look, edited=edited),
            "metadata": metadata(delivery),
        }

    async def find(self, delivery: Delivery) -> Receipt | None:
        """Look in Slack for the delivery's id; None also when the token may not read it."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._find(delivery)
        except TimeoutError:
            raise self._api.vendor.silence() from None

    async def _find(self, delivery: Delivery) -> Receipt | None:
        """In the thread first: the edit leaves before the reply, so a reply proves both, and an edit proves nothing."""
        ref = delivery.ref
        if delivery.first_attempt_at is None:
            return None
        channel = ref["channel"] if ref else await self._api.channel_id(self._channel)
        if channel is None:
            return None
        if ref and await self._found("conversations.replies", delivery, {"channel": channel, "ts": ref["ts"]}, ref):
            return Receipt(remembered(delivery, channel, ref["ts"], logged=True), "found in its thread")
        found = await self._found("conversations.history", delivery, {"channel": channel}, ref)
        if found is None:
            return None
        ts = str(found.get("thread_ts", found["ts"]))
        return Receipt(remembered(delivery, channel, ts, logged=ts != found["ts"]), "found in history")

    async def _found(
        self, method: str, delivery: Delivery, where: Mapping[str, str], ref: Mapping[str, Any] | None
    ) -> Mapping[str, Any] | None:
        """The message of this delivery that is not the one it edits."""
        since = delivery.first_attempt_at or delivery.created_at
        oldest = f"{epoch(since) - SEARCH_MARGIN:.6f}"
        asked = {**where, "oldest": oldest, "include_all_metadata": "true", "limit": "200"}
        edited = ref["ts"] if ref else None
        return await self._api.first(
            method, asked, "messages", lambda one: delivery_id(one) == delivery.id and one["ts"] != edited
        )


#: Links in a message are for reading; previews would bury it.
_QUIETLY = {"unfurl_links": False, "unfurl_media": False}


def _twin(found: Mapping[str, Any], incident_id: str, ts: str) -> bool:
    """Whether it is a message of the incident, no reply, and not the one that is known."""
    payload = (found.get("metadata") or {}).get("event_payload") or {}
    root = found.get("thread_ts", found["ts"]) == found["ts"]
    return root and found["ts"] != ts and payload.get("incident_id") == incident_id
