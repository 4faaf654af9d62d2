"""The flush: transitions in, incidents and deliveries out, all or none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import START
from tests.support.stores import (
    World,
    at,
    change,
    commit_plan,
    delivery,
    enqueue,
    incident,
    key,
    look,
    member,
    state,
)
from watchtower.errors import StoreError
from watchtower.incidents.model import Decision, DeliveryBrief, FlushInput, FlushPlan
from watchtower.model import DeliveryState, Event, Labels, Priority, State
from watchtower.store.values import Settled

if TYPE_CHECKING:
    from watchtower.store.store import Store

ACCEPTED = Settled(DeliveryState.ACCEPTED, "202", ref={"ts": "1"})


def paging(given: FlushInput) -> FlushPlan:
    """Every new transition is consumed into one incident, which pages once."""
    numbers = tuple(change.seq for change in given.transitions)
    if not numbers:
        return FlushPlan()
    name = f"i{numbers[0]}"
    return FlushPlan(
        consumed=numbers,
        incidents=(incident(name),),
        deliveries=(delivery(f"d{name}", incident_id=name),),
        decisions=(Decision(key().id, numbers[0], "delivered", "route rest", name),),
    )


async def test_a_flush_sees_transitions_in_the_order_they_were_committed(store: Store) -> None:
    given = [change("db-1"), change("db-2"), change("db-1", to=State.OK, when=5)]
    await store.commit_orphans([], given)
    seen = await look(store)
    assert seen.store_id == store.store_id
    assert [replace(one, seq=0) for one in seen.transitions] == given
    numbers = [one.seq for one in seen.transitions]
    assert numbers == sorted(set(numbers))
    assert min(numbers) > 0


async def test_what_a_flush_wrote_the_next_one_sees(store: Store) -> None:
    await store.commit_orphans([], [change()])
    plan = await store.flush(paging)
    seen = await look(store)
    assert seen.transitions == ()
    assert seen.incidents == plan.incidents
    [sent] = plan.deliveries
    brief = DeliveryBrief(
        sent.id,
        sent.incident_id,
        sent.channel,
        sent.destination,
        Event.TRIGGER,
        Priority.P3,
        sent.dedup_key,
        DeliveryState.PENDING,
        0,
        created_at=sent.created_at,
    )
    assert seen.deliveries == (brief,)
    assert seen.debts == ()


async def test_an_empty_plan_writes_nothing(store: Store) -> None:
    await store.commit_orphans([], [change()])
    await commit_plan(store, FlushPlan(decisions=(Decision("a", 1, "held", "why"),)))
    seen = await look(store)
    assert (len(seen.transitions), seen.incidents) == (1, ())


async def test_a_decision_that_raises_rolls_the_flush_back(store: Store) -> None:
    await store.commit_orphans([], [change()])

    def broken(_: FlushInput) -> FlushPlan:
        raise LookupError("a bug in the decision")

    with pytest.raises(LookupError, match="a bug"):
        await store.flush(broken)
    assert len((await store.flush(paging)).consumed) == 1, "and the store works on"


async def test_a_flush_that_fails_half_way_has_written_nothing(world: World, store: Store) -> None:
    await store.commit_orphans([], [change()])

    def stray(given: FlushInput) -> FlushPlan:
        good = paging(given)
        return replace(good, deliveries=(*good.deliveries, delivery("stray", incident_id="nobody")))

    with pytest.raises(StoreError):
        await store.flush(stray)
    assert await world.count("incident") == 0
    assert await world.count("delivery") == 0
    assert len((await look(store)).transitions) == 1


async def test_two_flushes_at_once_serialise_and_page_once(world: World, store: Store) -> None:
    other = await world.other(store)
    for round_ in range(5):
        await store.commit_orphans([], [change(f"db-{round_}")])
        plans = await asyncio.gather(store.flush(paging), other.flush(paging), store.flush(paging))
        assert sorted(len(plan.consumed) for plan in plans) == [0, 0, 1]
    assert await world.count("delivery") == 5


async def test_a_second_incident_of_one_group_is_refused_while_the_first_takes_members(
    world: World, store: Store
) -> None:
    group = Labels({"alert": "CpuHigh"})
    await commit_plan(store, FlushPlan(incidents=(incident("i1", group_labels=group),)))
    rival = FlushPlan(incidents=(incident("i2", group_labels=group),), deliveries=(delivery("d", incident_id="i2"),))
    with pytest.raises(StoreError):
        await commit_plan(store, rival)
    assert await world.count("delivery") == 0
    assert [one.id for one in await store.open_incidents()] == ["i1"]
    elsewhere = incident("i3", group_labels=group, route="other")
    await commit_plan(store, FlushPlan(incidents=(elsewhere,)))


@pytest.mark.parametrize("closed", [{"taking_members": False}, {"ended_at": START}], ids=["acknowledged", "ended"])
async def test_a_new_incident_may_open_in_the_plan_that_closes_the_old(store: Store, closed: dict[str, object]) -> None:
    old = incident("i1", group_labels=Labels({"alert": "CpuHigh"}))
    await commit_plan(store, FlushPlan(incidents=(old,)))
    new = replace(old, id="i2")
    await commit_plan(store, FlushPlan(incidents=(new, replace(old, **closed))))  # type: ignore[arg-type]
    assert "i2" in [one.id for one in await store.open_incidents()]


async def test_an_incident_is_replaced_with_its_members(store: Store) -> None:
    first = incident(told_tier=None, last_page_at=None)
    await commit_plan(store, FlushPlan(incidents=(first,)))
    second = replace(
        first,
        tier=Priority.P1,
        told_tier=Priority.P1,
        last_page_at=at(3),
        told_at=at(4),
        members=(member("db-3"), member("db-1")),
        changed=True,
        due_at=None,
    )
    await commit_plan(store, FlushPlan(incidents=(second,)))
    assert await store.open_incidents() == [second]


async def test_the_next_incident_due_is_the_earliest_that_wants_to_be_looked_at(store: Store) -> None:
    assert await store.next_incident_due() is None
    plan = (
        incident("i1", due_at=at(60)),
        incident("i2", due_at=at(30)),
        incident("i3", due_at=at(5), ended_at=START),
        incident("i4", due_at=None, ended_at=START),
    )
    await commit_plan(store, FlushPlan(incidents=plan))
    assert await store.next_incident_due() == at(5)


async def test_an_ended_incident_is_not_looked_at_again(store: Store) -> None:
    await enqueue(store, delivery("t"))
    await commit_plan(store, FlushPlan(incidents=(incident(ended_at=START, due_at=None),)))
    seen = await look(store)
    assert (seen.incidents, seen.deliveries) == ((), ())


async def test_an_ended_incident_whose_page_is_to_be_told_elsewhere_is_looked_at_with_all_of_it(store: Store) -> None:
    await enqueue(store, delivery("t"))
    ended = incident(ended_at=START, due_at=at(60))
    await commit_plan(store, FlushPlan(incidents=(ended,)))
    seen = await look(store)
    assert seen.incidents == (ended,)
    assert [row.id for row in seen.deliveries] == ["t"]
    assert await store.open_incidents() == []


async def test_a_delivery_is_withdrawn_with_the_reason(store: Store) -> None:
    await enqueue(store, delivery("t"))
    await commit_plan(store, FlushPlan(withdrawn=(("t", "silenced by s1"),)))
    await store.commit_orphans([], [change()])
    [brief] = (await look(store)).deliveries
    assert brief.state is DeliveryState.WITHDRAWN
    [told] = await store.explain("CpuHigh", {"db": "db-1"})
    assert told.deliveries[0].last_error == "silenced by s1"
    assert told.deliveries[0].finished_at == START


async def test_an_attempted_delivery_is_never_withdrawn(store: Store) -> None:
    await enqueue(store, delivery("t"))
    epoch = await store.claim_channel("oncall", "a", lease=30)
    assert epoch is not None
    taken = await store.next_delivery("oncall", epoch)
    assert taken is not None
    await commit_plan(store, FlushPlan(withdrawn=(("t", "silenced"),)))
    assert (await look(store)).deliveries[0].state is DeliveryState.SENDING
    await store.finish(taken, epoch, Settled(DeliveryState.PENDING, "429"))
    await commit_plan(store, FlushPlan(withdrawn=(("t", "silenced"),)))
    assert (await look(store)).deliveries[0].state is DeliveryState.PENDING


async def test_a_delivery_that_was_decided_against_is_kept_as_such(store: Store) -> None:
    await enqueue(store, delivery("t", state=DeliveryState.WITHDRAWN, last_error="muted"))
    assert await store.outbox() == []
    assert (await look(store)).deliveries[0].state is DeliveryState.WITHDRAWN


async def test_a_flush_is_bounded(store: Store) -> None:
    await store.commit_orphans([], [change(f"db-{n}") for n in range(1100)])
    plan = await store.flush(paging)
    assert len(plan.consumed) == 1000
    assert len((await look(store)).transitions) == 100


async def test_the_flush_sees_debts_until_they_are_paid(store: Store) -> None:
    await enqueue(store, delivery("t"), delivery("r", Event.RESOLVE))
    epoch = await store.claim_channel("oncall", "a", lease=30)
    assert epoch is not None
    for owed in (1, 0):
        taken = await store.next_delivery("oncall", epoch)
        assert taken is not None
        await store.finish(taken, epoch, ACCEPTED)
        assert len((await look(store)).debts) == owed


async def test_a_sender_and_a_flush_that_withdraws_the_same_row_never_both_win(world: World, store: Store) -> None:
    """Whatever the order: a row that left is not withdrawn, a withdrawn one never leaves."""
    other = await world.other(store)
    epoch = await store.claim_channel("oncall", "a", lease=300)
    assert epoch is not None
    for number in range(15):
        name = f"i{number}"
        await enqueue(store, delivery(name, incident_id=name))
        withdrawal = FlushPlan(withdrawn=((name, "silenced"),))
        taken, _ = await asyncio.gather(store.next_delivery("oncall", epoch), commit_plan(other, withdrawal))
        states = {row.id: row.state for row in (await look(store)).deliveries}
        assert states[name] is (DeliveryState.WITHDRAWN if taken is None else DeliveryState.SENDING)


async def test_an_explanation_tells_transitions_decisions_incidents_and_deliveries(store: Store) -> None:
    await store.commit_orphans([], [change("db-1", when=1)])
    plan = await store.flush(paging)
    await store.commit_orphans([], [change("db-1", to=State.OK, when=2), change("db-9")])
    [told] = await store.explain("CpuHigh", {"db": "db-1", "team": "data"})
    assert told.state is None
    assert [one.at for one in told.transitions] == [at(2), at(1)]
    assert told.decisions == tuple(replace(made, at=at(0)) for made in plan.decisions)
    assert told.incidents == plan.incidents
    assert [one.id for one in told.deliveries] == [one.id for one in plan.deliveries]
    assert told.deliveries[0].notice == plan.deliveries[0].notice


async def test_labels_are_explained_as_a_subset(store: Store) -> None:
    await store.commit_orphans([], [change(f"db-{n}", when=n) for n in range(30)])
    assert len(await store.explain("CpuHigh", {"db": "db-7"})) == 1
    everything = await store.explain("CpuHigh", {})
    assert len(everything) == 20
    assert everything[0].transitions[0].key == key("db-29")
    assert await store.explain("CpuHigh", {"db": "other"}) == []
    assert await store.explain("Unknown", {}) == []


async def test_what_was_last_said_of_alerts_that_no_incident_has_is_there_to_read(store: Store) -> None:
    """Who asks what fires is told of those that nobody is paged for, too."""
    said = [change("alone"), replace(change("alone"), summary="db: worse"), change("told"), change("well")]
    await store.commit_orphans([state("alone"), state("told")], said)
    await commit_plan(store, FlushPlan(incidents=(incident("open", members=(member("told"),)),)))
    found = await store.outside()
    assert [(word.transition.summary, word.flushed) for word in found.values()] == [("db: worse", False)]
    assert list(found) == [state("alone").key.id]
    numbers = tuple(each.seq for each in (await look(store)).transitions)
    await commit_plan(store, FlushPlan(consumed=numbers))
    assert [word.flushed for word in (await store.outside()).values()] == [True]
