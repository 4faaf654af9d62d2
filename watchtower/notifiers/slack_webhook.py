"""Slack through an incoming webhook: it can post and nothing else, so every event is a new message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from watchtower.incidents.model import ChannelTraits
from watchtower.model import Receipt
from watchtower.notifiers.blocks import PLAIN
from watchtower.notifiers.digests import content
from watchtower.notifiers.follow_ups import FollowUps
from watchtower.notifiers.http import Vendor
from watchtower.notifiers.slack_api import PACE, PATIENCE

if TYPE_CHECKING:
    from watchtower.model import Delivery
    from watchtower.notifiers.base import Doors, Pace
    from watchtower.notifiers.blocks import Look
    from watchtower.secrets import Secret


def traits(name: str, url: Secret) -> ChannelTraits:
    """What the flush must know of a webhook."""
    where = f"slack-webhook:{url.digest}"
    return ChannelTraits(name, "slack", where, takes_updates=False, repeats=True, digests=True, follow_ups=True)


class SlackWebhook:
    """One incoming webhook; the channel it posts to is Slack's setting, not ours."""

    def __init__(self, name: str, url: Secret, doors: Doors, look: Look = PLAIN) -> None:
        self._url = url
        self._look = look
        self._vendor = Vendor("Slack's webhook", (url,), doors, PATIENCE)
        self._traits = traits(name, url)

    @property
    def traits(self) -> ChannelTraits:
        """No updates: each would be one message more."""
        return self._traits

    @property
    def follow_ups(self) -> FollowUps:
        """A message of its own: a webhook knows no threads."""
        return FollowUps(self)

    def pace(self, delivery: Delivery) -> Pace | None:  # noqa: ARG002
        """Every event is a message, and a webhook takes one a second."""
        return PACE

    def doubles(self, delivery: Delivery) -> bool:  # noqa: ARG002
        """Every event is a message."""
        return True

    async def send(self, delivery: Delivery) -> Receipt:
        """Post the message; the answer ``ok`` carries nothing to come back to."""
        told = content(delivery, self._look)
        answer = await self._vendor.post(
            self._url.reveal(), orjson.dumps(told), {"Content-Type": "application/json; charset=utf-8"}
        )
        self._vendor.check(answer)
        return Receipt(detail="posted")

    async def find(self, delivery: Delivery) -> Receipt | None:  # noqa: ARG002
        """Never knows: a webhook cannot read."""
        return None
