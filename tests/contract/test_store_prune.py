"""What the store forgets, and what it never forgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.stores import World, at, change, commit_plan, delivery, enqueue, incident, look, state
from watchtower.incidents.model import Decision, FlushInput, FlushPlan
from watchtower.model import DeliveryState, Event, State
from watchtower.store.values import Settled

if TYPE_CHECKING:
    from watchtower.store.store import Store


def consume(given: FlushInput) -> FlushPlan:
    """Every new transition is consumed and decided upon."""
    return FlushPlan(
        consumed=tuple(one.seq for one in given.transitions),
        decisions=tuple(Decision(one.key.id, one.seq, "delivered", "") for one in given.transitions),
    )


async def test_the_newest_fifty_changes_of_every_alert_are_kept(world: World, store: Store) -> None:
    await store.commit_orphans([], [change("db-1", when=n) for n in range(700)])
    await store.commit_orphans([], [change("db-2", when=1000)])
    await store.flush(consume)
    await store.prune(before=at(0))
    assert await world.count("alert_transition") == await world.count("decision") == 51
    [told] = await store.explain("CpuHigh", {"db": "db-1"})
    assert [one.at for one in told.transitions] == [at(699 - n) for n in range(20)]


async def test_old_changes_are_forgotten_once_they_are_consumed(world: World, store: Store) -> None:
    await store.commit_orphans([], [change("db-1", when=1), change("db-1", when=9)])
    await store.prune(before=at(5))
    assert len((await look(store)).transitions) == 2, "nobody has looked at them"
    await store.flush(consume)
    await store.prune(before=at(5))
    assert await world.count("alert_transition") == 1


async def test_alerts_that_have_long_been_fine_are_forgotten(store: Store) -> None:
    fine = [state("old", now=State.OK, when=1), state("new", now=State.OK, when=9), state("firing", when=1)]
    await store.commit_orphans(fine, [])
    await store.prune(before=at(5))
    assert {one.key.identity["db"] for one in await store.alert_states(include_ok=True)} == {"new", "firing"}


async def test_more_than_one_step_can_take_is_forgotten_all_the_same(world: World, store: Store) -> None:
    ended = tuple(incident(f"i{n}", ended_at=at(1), members=()) for n in range(1100))
    await commit_plan(store, FlushPlan(incidents=ended))
    await store.prune(before=at(5))
    assert await world.count("incident") == 0


@pytest.mark.parametrize("event", [Event.GRAPH, Event.EVIDENCE])
async def test_what_only_followed_a_page_keeps_no_incident_that_is_over(
    world: World, store: Store, event: Event
) -> None:
    over = incident(ended_at=at(1), due_at=None)
    await commit_plan(store, FlushPlan(incidents=(over,), deliveries=(delivery("left", event, channel="gone/lane"),)))
    await store.prune(before=at(5))
    assert await world.count("incident") == await world.count("delivery") == 0


async def test_what_is_old_and_settled_is_forgotten(world: World, store: Store) -> None:
    await enqueue(store, delivery("t", incident_id="owing"), delivery("x", incident_id="waiting", next_at=at(900)))
    epoch = await store.claim_channel("oncall", "a", lease=3000)
    assert epoch is not None
    assert await store.next_delivery("oncall", epoch) is not None
    await _finish_and_end(store)
    await store.prune(before=at(1000))
    assert await world.count("incident") == 2
    await world.sql("UPDATE debt SET paid_at = 1")
    await store.prune(before=at(5))
    assert await world.count("incident") == 2, "it ended only then"
    await store.prune(before=at(1000))
    assert await world.count("incident", "id = 'waiting'") == 1
    assert await world.count("incident") == await world.count("delivery") == 1
    assert await world.count("debt") == 0


async def _finish_and_end(store: Store) -> None:
    assert await store.finish(delivery("t", incident_id="owing"), 1, Settled(DeliveryState.ACCEPTED, ""))
    ended = tuple(incident(name, ended_at=at(10)) for name in ("owing", "waiting"))

    def end(_: FlushInput) -> FlushPlan:
        return FlushPlan(incidents=ended)

    await store.flush(end)
