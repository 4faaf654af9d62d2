"""Evidence that was late, in the thread of its incident's Slack message: quiet, and found again by its delivery id."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from watchtower.clock import epoch
from watchtower.errors import Rejected
from watchtower.model import Receipt
from watchtower.notifiers.blocks import FALLBACK_LIMIT, escaped, shown
from watchtower.notifiers.follow_ups import on_its_lane
from watchtower.notifiers.message import headline
from watchtower.notifiers.slack_api import PACE, SlackApi, expect_ok
from watchtower.notifiers.slack_metadata import SEARCH_MARGIN, delivery_id, metadata

if TYPE_CHECKING:
    from watchtower.incidents.model import ChannelTraits
    from watchtower.model import Delivery
    from watchtower.notifiers.base import Pace


class SlackEvidence:
    """The lane of one Slack channel on which late evidence leaves."""

    def __init__(self, traits: ChannelTraits, api: SlackApi, timeout: float) -> None:
        self._traits = on_its_lane(traits)
        self._api = api
        self._timeout = timeout

    @property
    def traits(self) -> ChannelTraits:
        """Those of its channel, under the lane's name."""
        return self._traits

    def pace(self, delivery: Delivery) -> Pace | None:  # noqa: ARG002
        """A reply counts like any message."""
        return PACE

    def doubles(self, delivery: Delivery) -> bool:  # noqa: ARG002
        """What is not found in its thread is not there."""
        return False

    async def send(self, delivery: Delivery) -> Receipt:
        """Reply in the thread; the channel does not see it, and nobody is called."""
        ref = delivery.ref
        if not ref:
            raise Rejected("the message that it belongs to is not known", permanent=True)
        post = {**reply(delivery), "channel": ref["channel"], "thread_ts": ref["ts"]}
        try:
            async with asyncio.timeout(self._timeout):
                expect_ok(await self._api.write("chat.postMessage", post))
        except TimeoutError:
            raise self._api.vendor.silence() from None
        return Receipt(detail="evidence in its thread")

    async def find(self, delivery: Delivery) -> Receipt | None:
        """Look in the thread; raises Rejected where the token may not read it, because nobody can know then."""
        ref = delivery.ref
        if not ref or delivery.first_attempt_at is None:
            return None
        oldest = f"{epoch(delivery.first_attempt_at) - SEARCH_MARGIN:.6f}"
        where = {"channel": ref["channel"], "ts": ref["ts"], "oldest": oldest}
        asked = {**where, "include_all_metadata": "true", "limit": "200"}
        try:
            async with asyncio.timeout(self._timeout):
                said = expect_ok(await self._api.read("conversations.replies", asked))
        except TimeoutError:
            raise self._api.vendor.silence() from None
        found = any(delivery_id(one) == delivery.id for one in said.get("messages", ()))
        return Receipt(detail="evidence found in its thread") if found else None


def reply(delivery: Delivery) -> dict[str, Any]:
    """What the thread is told."""
    return {
        "text": escaped(headline(delivery.notice), FALLBACK_LIMIT),
        "blocks": shown(delivery.notice),
        "metadata": metadata(delivery),
        "unfurl_links": False,
        "unfurl_media": False,
    }
