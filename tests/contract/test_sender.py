"""The sender between claim and settle: what may leave, and what is counted before it does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.messages import Listener
from tests.support.outbox import AMBIGUOUS, claim, send, states, take
from tests.support.stores import World, delivery, enqueue
from watchtower.engine.send import Sender, Switchboard
from watchtower.engine.settings import EngineSettings
from watchtower.incidents.model import ChannelTraits
from watchtower.live import Live
from watchtower.model import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from watchtower.model import Delivery, Receipt
    from watchtower.store.store import Store


async def _nothing() -> None:
    """A vendor that answers at once."""


@dataclass
class Chat(Listener):
    """A vendor that finds nothing; ``meanwhile`` happens while it is asked."""

    meanwhile: Callable[[], Awaitable[None]] = field(default=_nothing)
    again: bool = True

    @property
    def traits(self) -> ChannelTraits:
        return ChannelTraits("oncall", "slack", delivery("x").destination)

    def doubles(self, delivery: Delivery) -> bool:
        return self.again

    async def find(self, delivery: Delivery) -> Receipt | None:
        await self.meanwhile()
        return None


async def drain(world: World, store: Store, chat: Chat) -> None:
    """What a worker does when its channel has something to send."""
    switchboard = Switchboard()
    switchboard.configure({"oncall": chat})
    live = Live(world.clock)
    sender = Sender("oncall", switchboard, store, live, world.clock, EngineSettings(), "a")
    await sender.drain(asyncio.Event())


async def left_ambiguous(world: World, store: Store) -> None:
    """One page whose first attempt may have arrived, due again."""
    await enqueue(store, delivery("t"))
    epoch = await claim(store)
    await send(store, epoch, AMBIGUOUS)
    await store.release_channel("oncall", epoch)
    await world.advance(120)


async def duplicates(store: Store) -> int:
    return (await store.channel_health())["oncall"].possible_duplicates


async def test_what_may_have_arrived_is_counted_before_it_is_sent_again(world: World, store: Store) -> None:
    await left_ambiguous(world, store)
    chat = Chat()
    await drain(world, store, chat)

    assert [one.id for one in chat.heard] == ["t"]
    assert await duplicates(store) == 1
    assert await states(store) == {"t": DeliveryState.ACCEPTED}
    assert await duplicates(await world.restart(store)) == 1, "a restart does not begin at zero"


async def test_what_is_the_same_twice_is_not_counted(world: World, store: Store) -> None:
    await left_ambiguous(world, store)
    await drain(world, store, Chat(again=False))
    assert await duplicates(store) == 0


async def test_a_first_attempt_is_no_duplicate(world: World, store: Store) -> None:
    await enqueue(store, delivery("t"))
    await drain(world, store, Chat())
    assert await duplicates(store) == 0


async def test_a_worker_that_stood_still_sends_nothing_that_another_may_be_sending(world: World, store: Store) -> None:
    await left_ambiguous(world, store)
    chat = Chat(meanwhile=lambda: world.advance(25))
    await drain(world, store, chat)

    assert chat.heard == []
    assert await states(store) == {"t": DeliveryState.AMBIGUOUS}


async def test_a_worker_whose_channel_was_taken_over_neither_counts_nor_sends(world: World, store: Store) -> None:
    await left_ambiguous(world, store)
    other = await world.other(store)
    taken: list[str] = []

    async def overtaken() -> None:
        await world.advance(31)
        epoch = await other.claim_channel("oncall", "b", lease=30)
        assert epoch is not None
        taken.append((await take(other, epoch)).id)

    chat = Chat(meanwhile=overtaken)
    await drain(world, store, chat)

    assert (chat.heard, taken) == ([], ["t"])
    assert await duplicates(store) == 0
