"""Rows that leave as one message: claimed, marked and settled together, on both databases."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from tests.support.outbox import ACCEPTED, AMBIGUOUS, claim, send, states
from tests.support.stores import World, at, delivery, enqueue
from watchtower.incidents.digests import Batch, Kind
from watchtower.model import Delivery, DeliveryState, Event, Priority
from watchtower.store.values import Settled, Standing

if TYPE_CHECKING:
    from watchtower.store.store import Store

REF = {"channel": "C1", "ts": "1.0"}
POSTED = Settled(DeliveryState.ACCEPTED, "posted", ref=REF)
FREE = Standing()


def rows(count: int, event: Event = Event.TRIGGER, first: int = 1, id_prefix: str = "", **more: Any) -> list[Delivery]:
    """The messages of so many incidents, of which each has one."""
    return [
        delivery(f"{id_prefix}{event[0]}{n}", event, incident_id=f"i{n}", dedup_key=f"k{n}", **more)
        for n in range(first, first + count)
    ]


async def parcel(store: Store, epoch: int, names: Any = None) -> Delivery | Batch | None:
    ids = names or itertools.count(1)
    return await store.next_parcel("oncall", epoch, lambda: f"digest-{next(ids)}")


async def batch(store: Store, epoch: int) -> Batch:
    taken = await parcel(store, epoch)
    assert isinstance(taken, Batch)
    return taken


async def settle(store: Store, epoch: int, taken: Batch, settled: Settled) -> None:
    assert await store.finish_batch(taken, epoch, [settled] * len(taken.rows), FREE, gathers_for=30)


async def told(store: Store, count: int = 12) -> int:
    """A channel whose digest of so many incidents was accepted."""
    await enqueue(store, *rows(count))
    epoch = await claim(store)
    await settle(store, epoch, await batch(store, epoch), POSTED)
    return epoch


async def test_eleven_that_wait_leave_as_one_and_ten_do_not(store: Store) -> None:
    await enqueue(store, *rows(10))
    epoch = await claim(store)
    assert isinstance(await parcel(store, epoch), Delivery)
    await enqueue(store, *rows(2, first=50))
    taken = await batch(store, epoch)
    assert (taken.id, taken.kind, len(taken.rows)) == ("digest-1", Kind.POST, 11)
    assert {row.state for row in taken.rows} == {DeliveryState.PENDING}, "as they were before"
    assert set((await states(store)).values()) == {DeliveryState.SENDING}
    assert await parcel(store, epoch) is None


async def test_a_p1_leaves_before_the_digest(store: Store) -> None:
    await enqueue(store, *rows(12), delivery("p1", incident_id="x", tier=Priority.P1))
    epoch = await claim(store)
    first = await parcel(store, epoch)
    assert isinstance(first, Delivery)
    assert first.id == "p1"


async def test_a_digest_takes_the_first_row_of_each_key(store: Store) -> None:
    await enqueue(store, *rows(12), *rows(12, Event.RESOLVE))
    taken = await batch(store, await claim(store))
    assert {row.event for row in taken.rows} == {Event.TRIGGER}


async def test_each_incident_of_an_accepted_digest_owes_its_end(store: Store) -> None:
    await told(store)
    owed = await store.debts()
    assert len(owed) == 12
    assert all(debt.ref == REF for debt in owed)
    assert set((await states(store)).values()) == {DeliveryState.ACCEPTED}


async def test_ends_within_a_digest_are_one_edit_that_pays_them_all(store: Store) -> None:
    epoch = await told(store)
    await enqueue(store, *rows(3, Event.RESOLVE))
    taken = await batch(store, epoch)
    assert (taken.kind, taken.id, taken.ref, len(taken.rows), len(taken.told)) == (Kind.EDIT, "digest-1", REF, 3, 12)
    assert sum(row.event is Event.RESOLVE for row in taken.told) == 3
    await settle(store, epoch, taken, POSTED)
    assert len(await store.debts()) == 9
    assert await parcel(store, epoch) is None


async def test_an_edit_shows_the_ends_that_earlier_edits_told(store: Store) -> None:
    epoch = await told(store)
    for first in (1, 5):
        await enqueue(store, *rows(2, Event.RESOLVE, first=first))
        taken = await batch(store, epoch)
        await settle(store, epoch, taken, POSTED)
    assert sum(row.event is Event.RESOLVE for row in taken.told) == 4


async def test_a_message_that_had_to_be_posted_afresh_is_the_one_that_is_edited_next(store: Store) -> None:
    epoch = await told(store)
    fresh = {"channel": "C1", "ts": "2.0"}
    await enqueue(store, *rows(1, Event.RESOLVE))
    await settle(store, epoch, await batch(store, epoch), Settled(DeliveryState.ACCEPTED, "posted", ref=fresh))
    await enqueue(store, *rows(1, Event.RESOLVE, first=2))
    assert (await batch(store, epoch)).ref == fresh


async def test_a_digest_that_may_have_arrived_takes_nobody_new(world: World, store: Store) -> None:
    await enqueue(store, *rows(12))
    epoch = await claim(store)
    again = Settled(DeliveryState.AMBIGUOUS, "timeout", next_at=at(5))
    await settle(store, epoch, await batch(store, epoch), again)
    assert len(await store.debts()) == 12
    await enqueue(store, *rows(12, first=50))
    await world.advance(5)
    taken = await batch(store, epoch)
    assert (taken.id, taken.kind, len(taken.rows)) == ("digest-1", Kind.AGAIN, 12)
    assert {row.state for row in taken.rows} == {DeliveryState.AMBIGUOUS}


async def test_a_digest_that_a_crash_left_open_is_the_same_digest_again(world: World, store: Store) -> None:
    await enqueue(store, *rows(12))
    await batch(store, await claim(store))
    await enqueue(store, *rows(12, first=50))
    await world.advance(31)
    epoch = await claim(store, "b")
    taken = await batch(store, epoch)
    assert (taken.id, len(taken.rows), len(await store.debts())) == ("digest-1", 12, 12)
    await settle(store, epoch, taken, POSTED)
    assert {debt.incident_id for debt in await store.debts() if debt.ref} == {f"i{n}" for n in range(1, 13)}


async def test_what_was_refused_is_told_in_other_company(store: Store) -> None:
    await enqueue(store, *rows(12))
    epoch = await claim(store)
    await settle(store, epoch, await batch(store, epoch), Settled(DeliveryState.PENDING, "429", next_at=at(0)))
    assert await store.debts() == []
    await enqueue(store, *rows(3, first=50))
    taken = await batch(store, epoch)
    assert (taken.kind, len(taken.rows)) == (Kind.POST, 15)


async def test_a_page_of_its_own_takes_an_incident_out_of_the_digest(store: Store) -> None:
    """From then on that message is edited, and one resolve still pays for both."""
    epoch = await told(store)
    rise = delivery("rise", incident_id="i1", dedup_key="k1", tier=Priority.P1)
    await enqueue(store, rise)
    page = await parcel(store, epoch)
    assert isinstance(page, Delivery)
    assert page.ref is None
    own = {"channel": "C1", "ts": "3.0"}
    assert await store.finish(page, epoch, Settled(DeliveryState.ACCEPTED, "posted", ref=own))
    assert len(await store.debts()) == 13
    await enqueue(store, *rows(1, Event.RESOLVE))
    end = await parcel(store, epoch)
    assert isinstance(end, Delivery)
    assert end.ref == own
    assert await store.finish(end, epoch, ACCEPTED)
    assert len(await store.debts()) == 11


async def alone(store: Store, epoch: int, settled: Settled) -> None:
    taken = await parcel(store, epoch)
    assert isinstance(taken, Delivery)
    assert await store.finish(taken, epoch, settled)


async def test_an_incident_that_ends_in_a_message_of_its_own_is_over_in_its_digest_too(store: Store) -> None:
    """Nobody would ever edit that otherwise, and it would seem to fire for ever."""
    epoch = await told(store)
    await enqueue(store, *rows(11, Event.RESOLVE, first=2))
    await settle(store, epoch, await batch(store, epoch), POSTED)
    await enqueue(store, delivery("rise", incident_id="i1", dedup_key="k1", tier=Priority.P1))
    own = Settled(DeliveryState.ACCEPTED, "posted", ref={"channel": "C1", "ts": "9.0"})
    await alone(store, epoch, own)
    await enqueue(store, *rows(1, Event.RESOLVE))
    await alone(store, epoch, own)

    taken = await batch(store, epoch)
    assert (taken.kind, taken.id, taken.ref) == (Kind.EDIT, "digest-1", REF)
    assert {row.event for row in taken.told} == {Event.RESOLVE}
    await settle(store, epoch, taken, POSTED)
    assert await parcel(store, epoch) is None
    assert await store.debts() == []


async def test_whoever_was_told_in_two_digests_is_over_in_both(world: World, store: Store) -> None:
    epoch, names = await told(store), itertools.count(2)
    await world.advance(40)
    epoch = await claim(store)
    await enqueue(store, *rows(12, tier=Priority.P2, first=1, id_prefix="rise"))
    second = await parcel(store, epoch, names)
    assert isinstance(second, Batch)
    later = {"channel": "C1", "ts": "2.0"}
    await settle(store, epoch, second, Settled(DeliveryState.ACCEPTED, "posted", ref=later))
    await enqueue(store, *rows(12, Event.RESOLVE))
    ended = {}
    while isinstance(taken := await parcel(store, epoch), Batch):
        assert {row.event for row in taken.told} == {Event.RESOLVE}
        ended[taken.id] = taken.ref
        await settle(store, epoch, taken, Settled(DeliveryState.ACCEPTED, "updated", ref=taken.ref))
    assert ended == {"digest-1": REF, "digest-2": later}


async def test_a_reminder_in_a_digest_leaves_the_incident_its_own_message(store: Store) -> None:
    await enqueue(store, *rows(1))
    epoch = await claim(store)
    own = {"channel": "C1", "ts": "9.0"}
    await send(store, epoch, Settled(DeliveryState.ACCEPTED, "posted", ref=own))
    await enqueue(store, *rows(12, Event.REPEAT))
    await settle(store, epoch, await batch(store, epoch), POSTED)
    refs = {debt.incident_id: debt.ref for debt in await store.debts()}
    assert (refs["i1"], refs["i2"]) == (own, REF)


async def test_where_nothing_can_be_edited_many_ends_are_one_message_too(world: World, store: Store) -> None:
    await enqueue(store, *rows(12))
    epoch = await claim(store)
    await settle(store, epoch, await batch(store, epoch), ACCEPTED)
    await enqueue(store, *rows(12, Event.RESOLVE))
    await world.advance(30)
    epoch = await claim(store)
    taken = await batch(store, epoch)
    assert (taken.kind, len(taken.rows)) == (Kind.POST, 12)
    await settle(store, epoch, taken, ACCEPTED)
    assert await store.debts() == []


async def test_the_outcome_of_a_fenced_worker_changes_nothing(world: World, store: Store) -> None:
    await enqueue(store, *rows(12))
    old = await claim(store, "a")
    taken = await batch(store, old)
    await world.advance(31)
    await claim(store, "b")
    assert not await store.finish_batch(taken, old, [AMBIGUOUS] * 12, FREE, gathers_for=30)
    assert set((await states(store)).values()) == {DeliveryState.SENDING}


async def test_after_a_digest_what_follows_waits_half_a_minute_for_company(world: World, store: Store) -> None:
    epoch = await told(store)
    await enqueue(store, *rows(3, first=50), *rows(1, Event.RESOLVE))
    await settle(store, epoch, await batch(store, epoch), POSTED)
    assert await parcel(store, epoch) is None
    assert await store.next_send_due(["oncall"]) == {"oncall": at(30)}
    await enqueue(store, delivery("p1", incident_id="x", tier=Priority.P1))
    assert await store.next_send_due(["oncall"]) == {"oncall": at(0)}
    urgent = await parcel(store, epoch)
    assert isinstance(urgent, Delivery)
    assert await store.finish(urgent, epoch, ACCEPTED)
    await world.advance(30)
    assert isinstance(await parcel(store, await claim(store)), Delivery)


async def test_a_clock_that_is_set_back_makes_nobody_wait_for_company(world: World, store: Store) -> None:
    await told(store)
    await world.advance(-3600)
    await enqueue(store, *rows(1, first=50, next_at=at(-3600)))
    assert isinstance(await parcel(store, await claim(store)), Delivery)
