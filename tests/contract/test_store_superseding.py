"""An obsolete page does not ring once the newer one has: what of it is still sent, and what is owed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.outbox import AMBIGUOUS, claim, drain, send, states
from tests.support.stores import World, at, delivery, enqueue
from watchtower.model import DeliveryState, Event, Priority
from watchtower.store.values import Settled

if TYPE_CHECKING:
    from watchtower.model import Delivery
    from watchtower.store.store import Store

REFUSED = Settled(DeliveryState.PENDING, "connection refused")
REFUSED_FOR_GOOD = Settled(DeliveryState.PENDING, "400", refused=True)

OLD = delivery("old", dedup_key="k", tier=Priority.P1)
NEW = delivery("new", dedup_key="k:2", tier=Priority.P1)
ROOM = replace(delivery("room", Event.RESOLVE, dedup_key="k", tier=Priority.P1), after="new")


async def paged_anew(store: Store, first: Settled | None, *more: Delivery) -> int:
    """A page that ended so, and the one that replaces it with the resolve that follows."""
    await enqueue(store, OLD)
    epoch = await claim(store)
    if first is not None:
        await send(store, epoch, first)
    await enqueue(store, NEW, ROOM, *more)
    return epoch


async def test_a_page_that_was_refused_is_not_sent_once_a_newer_one_rang(world: World, store: Store) -> None:
    await paged_anew(store, REFUSED)
    await world.advance(120)
    assert await drain(store, await claim(store)) == ["new"]
    assert await states(store) == {
        "old": DeliveryState.WITHDRAWN,
        "new": DeliveryState.ACCEPTED,
        "room": DeliveryState.WITHDRAWN,
    }
    assert [debt.dedup_key for debt in await store.debts()] == ["k:2"]


async def test_a_page_that_never_left_is_not_sent_either(store: Store) -> None:
    assert await drain(store, await paged_anew(store, None)) == ["new"]


async def test_a_page_that_may_have_arrived_is_resolved_and_not_sent_again(world: World, store: Store) -> None:
    await paged_anew(store, AMBIGUOUS)
    await world.advance(120)
    epoch = await claim(store)
    assert await drain(store, epoch) == ["new"]
    assert (await states(store))["old"] is DeliveryState.WITHDRAWN
    assert {debt.dedup_key for debt in await store.debts()} == {"k", "k:2"}
    await world.advance(59)
    assert await store.next_delivery("oncall", await claim(store)) is None, "the lost request may come in this minute"
    await world.advance(2)
    assert await drain(store, await claim(store)) == ["room"]
    assert [debt.dedup_key for debt in await store.debts()] == ["k:2"]


async def test_where_a_second_resolve_follows_the_first_does_not_wait(world: World, store: Store) -> None:
    again = replace(ROOM, id="again", after="room")
    await paged_anew(store, AMBIGUOUS, again)
    await world.advance(120)
    assert await drain(store, await claim(store)) == ["new", "room"]
    await world.advance(61)
    assert await drain(store, await claim(store)) == ["again"]


async def test_a_crash_in_the_old_page_leaves_it_owed_and_unsent(world: World, store: Store) -> None:
    await enqueue(store, OLD)
    assert await store.next_delivery("oncall", await claim(store)) is not None
    await enqueue(store, NEW, ROOM)
    store = await world.restart(store)
    assert await drain(store, await claim(store)) == ["new"]
    assert {debt.dedup_key for debt in await store.debts()} == {"k", "k:2"}


async def test_the_old_page_waits_for_one_that_is_to_be_tried_again(world: World, store: Store) -> None:
    epoch = await paged_anew(store, REFUSED)
    await send(store, epoch, Settled(DeliveryState.AMBIGUOUS, "timeout", next_at=at(300)))
    assert await store.next_delivery("oncall", epoch) is None
    due = (await store.next_send_due(["oncall"]))["oncall"]
    assert due == at(300), "nothing to do until then"


async def test_the_old_page_goes_out_where_the_newer_one_is_refused_for_good(store: Store) -> None:
    epoch = await paged_anew(store, REFUSED)
    await send(store, epoch, replace(REFUSED_FOR_GOOD, next_at=at(300)))
    assert (await send(store, epoch)).id == "old", "better told twice than never"


async def test_a_page_that_was_accepted_is_resolved_as_ever(store: Store) -> None:
    epoch = await paged_anew(store, Settled(DeliveryState.ACCEPTED, ""))
    assert await drain(store, epoch) == ["new", "room"]
    assert (await states(store))["old"] is DeliveryState.ACCEPTED
