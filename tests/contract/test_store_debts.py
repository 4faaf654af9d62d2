"""What is owed: a page that may have arrived owes one accepted resolve, and a page that did not owes none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import START
from tests.support.outbox import ACCEPTED, AMBIGUOUS, DEAD, claim, drain, send, states, take
from tests.support.stores import World, at, delivery, enqueue, look
from watchtower.model import DeliveryState, Event, Priority
from watchtower.store.values import Settled

if TYPE_CHECKING:
    from watchtower.store.store import Store


async def test_an_accepted_trigger_owes_and_an_accepted_resolve_pays(store: Store) -> None:
    await enqueue(store, delivery("t"), delivery("r", Event.RESOLVE))
    epoch = await claim(store)
    await send(store, epoch, Settled(DeliveryState.ACCEPTED, "", ref={"ts": "17.1"}))
    [owed] = await store.debts()
    assert (owed.ref, owed.since) == ({"ts": "17.1"}, START)
    resolve = await take(store, epoch)
    assert resolve.ref == {"ts": "17.1"}
    await store.finish(resolve, epoch, ACCEPTED)
    assert await store.debts() == []


@pytest.mark.parametrize("event", [Event.TRIGGER, Event.ESCALATION, Event.REPEAT])
async def test_an_ambiguous_page_owes_even_when_it_is_given_up(store: Store, event: Event) -> None:
    await enqueue(store, delivery("t", event), delivery("r", Event.RESOLVE))
    epoch = await claim(store)
    await send(store, epoch, AMBIGUOUS)
    assert (await take(store, epoch)).state is DeliveryState.AMBIGUOUS
    assert await store.finish(delivery("t"), epoch, DEAD)
    assert (await take(store, epoch)).id == "r"


async def test_an_update_owes_nothing_but_refreshes_the_reference(store: Store) -> None:
    await enqueue(store, delivery("t"), delivery("u", Event.UPDATE), delivery("u2", Event.UPDATE))
    epoch = await claim(store)
    await send(store, epoch, Settled(DeliveryState.ACCEPTED, "", ref={"ts": "1"}))
    await send(store, epoch, Settled(DeliveryState.ACCEPTED, "", ref={"ts": "2"}))
    assert [owed.ref for owed in await store.debts()] == [{"ts": "2"}]
    await send(store, epoch)
    assert [owed.ref for owed in await store.debts()] == [{"ts": "2"}]


async def test_a_resolve_pays_all_tiers_of_its_key_and_no_other_key(store: Store) -> None:
    rows = [
        delivery("t3", dedup_key="k"),
        delivery("t1", tier=Priority.P1, dedup_key="k"),
        delivery("x", dedup_key="x"),
        delivery("r", Event.RESOLVE, dedup_key="k", tier=Priority.P1),
    ]
    await enqueue(store, *rows)
    epoch = await claim(store)
    assert set(await drain(store, epoch)) == {"t3", "t1", "x", "r"}
    assert [owed.dedup_key for owed in await store.debts()] == ["x"]


async def test_a_second_page_of_one_key_owes_one_resolve(store: Store) -> None:
    await enqueue(store, delivery("t"), delivery("again", Event.REPEAT))
    await drain(store, await claim(store))
    assert len(await store.debts()) == 1


@pytest.mark.parametrize("settled", [DEAD, Settled(DeliveryState.WITHDRAWN, "silenced")], ids=["dead", "withdrawn"])
async def test_a_resolve_whose_trigger_never_arrived_is_withdrawn(store: Store, settled: Settled) -> None:
    await enqueue(store, delivery("t"), delivery("r", Event.RESOLVE))
    epoch = await claim(store)
    await send(store, epoch, settled)
    assert await store.next_delivery("oncall", epoch) is None
    assert (await states(store))["r"] is DeliveryState.WITHDRAWN
    assert await store.outbox() == []


async def test_a_resolve_waits_while_its_trigger_may_still_leave(store: Store) -> None:
    await enqueue(store, delivery("t", next_at=at(60)), delivery("r", Event.RESOLVE))
    assert await store.next_delivery("oncall", await claim(store)) is None
    assert (await states(store))["r"] is DeliveryState.PENDING


async def test_an_acknowledgement_of_what_never_arrived_is_withdrawn_and_owes_nothing(store: Store) -> None:
    await enqueue(store, delivery("t"), delivery("k", Event.ACKNOWLEDGE))
    epoch = await claim(store)
    await store.finish(await take(store, epoch), epoch, DEAD)
    assert await store.next_delivery("oncall", epoch) is None
    assert (await states(store))["k"] is DeliveryState.WITHDRAWN
    assert await store.debts() == []


async def test_a_resolve_that_was_tried_is_not_withdrawn(world: World, store: Store) -> None:
    await enqueue(store, delivery("t"), delivery("r", Event.RESOLVE))
    epoch = await claim(store)
    await send(store, epoch)
    await send(store, epoch, AMBIGUOUS)
    await world.sql("DELETE FROM debt")
    assert (await take(store, epoch)).id == "r"


async def test_an_old_page_is_withdrawn_once_its_resolve_is_accepted(world: World, store: Store) -> None:
    """It would page anew, and nothing would ever end it."""
    await enqueue(store, delivery("t"), delivery("r", Event.RESOLVE))
    epoch = await claim(store)
    await send(store, epoch)
    resolve = await take(store, epoch)
    await world.sql("UPDATE delivery SET state = 'pending', finished_at = NULL WHERE id = 't'")
    await store.finish(resolve, epoch, ACCEPTED)
    assert (await states(store))["t"] is DeliveryState.WITHDRAWN


REFUSED = Settled(DeliveryState.PENDING, "400: no such routing key", next_at=at(300), refused=True)


@pytest.mark.parametrize("settled", [REFUSED, DEAD], ids=["urgent", "given up"])
async def test_a_page_that_is_refused_for_good_makes_its_incident_due_at_once(store: Store, settled: Settled) -> None:
    await enqueue(store, delivery("t"))
    assert await store.next_incident_due() != START
    await send(store, await claim(store), settled)
    assert await store.next_incident_due() == START
    [brief] = (await look(store)).deliveries
    assert (brief.refused, brief.last_error) == (settled.refused, settled.detail)


async def test_a_resolve_that_is_given_up_makes_nothing_due(store: Store) -> None:
    await enqueue(store, delivery("t"), delivery("r", Event.RESOLVE))
    epoch = await claim(store)
    await send(store, epoch)
    before = await store.next_incident_due()
    await send(store, epoch, DEAD)
    assert await store.next_incident_due() == before


async def _risen(store: Store, first: Settled) -> int:
    """A page, its resolve with how that ended, and the resolve that follows it a minute later."""
    second = replace(delivery("again", Event.RESOLVE, next_at=at(60)), after="r")
    await enqueue(store, delivery("t"), delivery("r", Event.RESOLVE), second)
    epoch = await claim(store)
    await send(store, epoch)
    await send(store, epoch, first)
    return epoch


async def test_the_second_resolve_is_sent_a_minute_after_the_first_though_nothing_is_owed(
    world: World, store: Store
) -> None:
    await world.advance(50)  # the new page took that long
    epoch = await _risen(store, ACCEPTED)
    assert await store.debts() == []
    await world.advance(20)
    assert await store.next_delivery("oncall", epoch) is None, "a minute from the first resolve, not from the rise"
    assert (await states(store))["again"] is DeliveryState.PENDING
    await world.advance(40)
    assert await drain(store, await claim(store, "b")) == ["again"]
    assert await store.outbox() == []


async def test_nothing_follows_a_resolve_that_had_nothing_to_resolve(store: Store) -> None:
    second = replace(delivery("again", Event.RESOLVE, next_at=at(60)), after="r")
    await enqueue(store, delivery("t"), delivery("r", Event.RESOLVE), second)
    epoch = await claim(store)
    await send(store, epoch, DEAD)
    assert await store.next_delivery("oncall", epoch) is None
    assert (await states(store))["again"] is DeliveryState.WITHDRAWN
