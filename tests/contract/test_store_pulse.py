"""Who could last write to the store, and whether anything was accepted lately."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.outbox import AMBIGUOUS, claim, send
from tests.support.stores import World, at, delivery, enqueue
from watchtower.errors import StoreError
from watchtower.store.store import Store


async def test_a_touch_tells_how_long_ago_the_last_one_was_whoever_left_it(world: World, store: Store) -> None:
    assert await store.touch() is None
    await world.advance(61)
    other = await world.other(store)
    assert await other.touch() == timedelta(seconds=61)
    assert await store.touch() == timedelta(0)


async def test_a_store_that_cannot_be_written_cannot_be_touched(world: World, store: Store) -> None:
    reader = await Store.open_readonly(world.url, clock=world.clock)
    with pytest.raises(StoreError):
        await reader.touch()
    await reader.close()


async def test_what_was_accepted_is_known_by_its_moment(world: World, store: Store) -> None:
    await enqueue(store, delivery("a"), delivery("b", incident_id="i2"))
    epoch = await claim(store)
    await send(store, epoch, AMBIGUOUS)
    assert not await store.accepted_since(at(0))
    await world.advance(10)
    await send(store, epoch)
    assert await store.accepted_since(at(10))
    assert not await store.accepted_since(at(11))
