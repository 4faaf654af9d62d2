"""Evidence that was late, on a channel that has no thread to put it in: one more message, which says what it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.incidents.lanes import evidence_lane

if TYPE_CHECKING:
    from watchtower.incidents.model import ChannelTraits
    from watchtower.model import Delivery, Receipt
    from watchtower.notifiers.base import Notifier, Pace


def on_its_lane(traits: ChannelTraits) -> ChannelTraits:
    """Those of the lane on which a channel's late evidence leaves."""
    return replace(traits, name=evidence_lane(traits.name), digests=False, graphs=False, follow_ups=False)


class FollowUps:
    """The lane of a channel whose own messages say that they are evidence."""

    def __init__(self, channel: Notifier) -> None:
        self._channel = channel
        self._traits = on_its_lane(channel.traits)

    @property
    def traits(self) -> ChannelTraits:
        """Those of its channel, under the lane's name."""
        return self._traits

    def pace(self, delivery: Delivery) -> Pace | None:
        """A message like others."""
        return self._channel.pace(delivery)

    def doubles(self, delivery: Delivery) -> bool:
        """A message like others."""
        return self._channel.doubles(delivery)

    async def send(self, delivery: Delivery) -> Receipt:
        """Send it as the channel sends."""
        return await self._channel.send(delivery)

    async def find(self, delivery: Delivery) -> Receipt | None:
        """Look for it as the channel looks."""
        return await self._channel.find(delivery)
