"""An acknowledgement in the store: kept once, ended with its time, told to the next flush."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.outbox import AMBIGUOUS, claim, send, states, take
from tests.support.stores import World, at, commit_plan, delivery, enqueue, incident, look
from watchtower.incidents.model import FlushPlan, Incident
from watchtower.incidents.reports import Deed, Report
from watchtower.model import DeliveryState, Priority

if TYPE_CHECKING:
    from watchtower.model import Delivery
    from watchtower.store.store import Store

ID = "8d1c5f0e-1111-4c55-9d3f-0f7d1c2b9a11"
TWIN = "8d1c5f0e-2222-4c55-9d3f-0f7d1c2b9a11"


def told(name: str = ID, **settings: float) -> Incident:
    return replace(incident(name), told_tier=Priority.P3, settings=settings, due_at=None)


def report(store: Store, deed: Deed, by: str = "ana") -> Report:
    return Report(f"wt:{store.store_id}:{ID}:P3", deed, by)


async def keep(store: Store, *incidents: Incident) -> None:
    await commit_plan(store, FlushPlan(incidents=incidents))


async def test_an_acknowledged_incident_says_who_and_is_due_and_takes_no_more_members(
    world: World, store: Store
) -> None:
    await keep(store, told())
    await world.advance(60)
    found = await store.acknowledge(ID, by="ana", via="ops")
    assert found is not None
    assert (found.acknowledged_by, found.acknowledged_via, found.acknowledged_at) == ("ana", "ops", at(60))
    assert (found.acknowledged_until, found.acknowledgement_told, found.taking_members) == (None, False, False)
    assert found.due_at == at(60)
    [seen] = (await look(store)).incidents
    assert seen == found


async def test_the_beginning_of_an_id_is_enough_when_it_means_one_open_incident(store: Store) -> None:
    await keep(store, told())
    assert await store.acknowledge(ID[:7], by="ana", via="cli") is None
    assert (await store.acknowledge(ID[:8], by="ana", via="cli")) is not None
    await keep(store, replace(told(TWIN), group_labels=told().group_labels.merged({"db": "2"})))
    assert await store.acknowledge(ID[:8], by="ana", via="cli") is None
    assert (await store.acknowledge(ID[:10], by="ana", via="cli")) is not None


async def test_what_has_ended_or_was_never_there_cannot_be_acknowledged(store: Store) -> None:
    await keep(store, replace(told(), ended_at=at(0), taking_members=False))
    assert await store.acknowledge(ID, by="ana", via="cli") is None
    assert await store.acknowledge("%%%%%%%%", by="ana", via="cli") is None
    assert (await store.heed(report(store, Deed.RESOLVED), via="oncall")).incident is None


async def test_whoever_has_it_in_hand_keeps_it_and_another_can_only_let_it_last_longer(
    world: World, store: Store
) -> None:
    await keep(store, told(acknowledge_for=7200.0))
    first = await store.acknowledge(ID, by="ana", via="ops")
    assert first is not None
    assert first.acknowledged_until == at(7200)
    await world.advance(600)
    again = await store.acknowledge(ID, by="ben", via="cli")
    assert again == replace(first, acknowledged_until=at(7800))
    assert await store.acknowledge(ID, by="ben", via="cli", until=at(700)) == again


async def test_closing_it_by_hand_is_an_acknowledgement_for_an_hour_and_closes_its_key(
    world: World, store: Store
) -> None:
    await keep(store, told())
    await store.acknowledge(ID, by="ana", via="ops")
    await world.advance(600)
    heard = await store.heed(report(store, Deed.RESOLVED, by="ben"), via="oncall")
    closed = heard.incident
    assert closed is not None
    assert await store.open_incidents() == [closed]
    assert (closed.acknowledged_by, closed.acknowledged_until, closed.rounds) == ("ana", at(4200), 1)


async def test_what_is_reported_twice_is_taken_over_once(world: World, store: Store) -> None:
    await keep(store, told())
    first = await store.heed(report(store, Deed.ACKNOWLEDGED), via="oncall")
    assert first.incident is not None
    assert (first.incident.acknowledged_by, first.incident.acknowledged_via) == ("ana", "oncall")
    closing = report(store, Deed.RESOLVED)
    assert (await store.heed(closing, via="oncall")).incident is not None
    await world.advance(60)
    [kept] = await store.open_incidents()
    for again in (closing, report(store, Deed.ACKNOWLEDGED)):
        assert (await store.heed(again, via="oncall")).incident is None
    assert await store.open_incidents() == [kept]


async def test_a_key_of_another_store_means_nothing_here(store: Store) -> None:
    await keep(store, told())
    other = Report(f"wt:another-store:{ID}:P3", Deed.ACKNOWLEDGED, "ana")
    assert (await store.heed(other, via="oncall")).incident is None


async def test_an_untold_incident_still_takes_members_after_it_was_acknowledged(store: Store) -> None:
    await keep(store, replace(told(), told_tier=None))
    found = await store.acknowledge(ID, by="ana", via="cli")
    assert found is not None
    assert found.taking_members


async def test_whom_an_incident_called_and_when_is_kept(store: Store) -> None:
    called = replace(
        told(acknowledge_for=60.0),
        settings={"repeat": 3600.0, "escalate": {"after": 900.0, "channels": ["lead"]}},
        rounds=2,
        called_at=at(1),
        escalated_at=at(2),
        repeated_at=at(3),
        acknowledged_at=at(4),
        acknowledged_by="ana",
        acknowledged_via="ops",
        acknowledged_until=at(5),
        acknowledgement_told=True,
    )
    await keep(store, called)
    assert await store.open_incidents() == [called]


# -- what a report proves ----------------------------------------------------------------------------------------------


def page(store: Store, name: str = "t", **more: Any) -> Delivery:
    return delivery(name, incident_id=ID, dedup_key=f"wt:{store.store_id}:{ID}:P3", **more)


@pytest.mark.parametrize("deed", list(Deed))
async def test_what_a_person_did_at_the_pager_proves_that_the_page_arrived(
    world: World, store: Store, deed: Deed
) -> None:
    await enqueue(store, page(store))
    await send(store, await claim(store), AMBIGUOUS)
    await store.heed(report(store, deed), via="oncall")

    await world.advance(120)
    assert await store.next_delivery("oncall", await claim(store)) is None, "again, it would ring for what was closed"
    assert await states(store) == {"t": DeliveryState.ACCEPTED}
    assert [debt.dedup_key for debt in await store.debts()] == [page(store).dedup_key]


async def test_a_page_that_a_crash_left_open_is_settled_by_a_report_and_stays_owed(world: World, store: Store) -> None:
    await enqueue(store, page(store))
    await take(store, await claim(store))
    store = await world.restart(store)
    await store.heed(report(store, Deed.RESOLVED), via="oncall")
    await world.advance(120)
    assert await store.next_delivery("oncall", await claim(store)) is None
    assert len(await store.debts()) == 1


async def test_a_request_that_is_out_when_the_report_comes_is_not_made_again(world: World, store: Store) -> None:
    await enqueue(store, page(store))
    epoch = await claim(store)
    out = await take(store, epoch)
    await store.heed(report(store, Deed.ACKNOWLEDGED), via="oncall")
    assert not await store.finish(out, epoch, AMBIGUOUS)
    assert await states(store) == {"t": DeliveryState.ACCEPTED}
    assert len(await store.debts()) == 1


async def test_a_report_about_what_has_ended_still_proves_that_its_page_arrived(world: World, store: Store) -> None:
    await enqueue(store, page(store, tier=Priority.P1))
    await send(store, await claim(store), AMBIGUOUS)
    await keep(store, replace(incident(ID), ended_at=at(0), taking_members=False))
    assert (await store.heed(report(store, Deed.RESOLVED), via="oncall")).incident is None
    await world.advance(120)
    assert await store.next_delivery("oncall", await claim(store)) is None


async def test_a_report_says_nothing_of_pages_that_never_left_or_have_another_key(store: Store) -> None:
    other = replace(page(store, "escalation"), dedup_key=f"{page(store).dedup_key}:escalation")
    await enqueue(store, other)
    await send(store, await claim(store), AMBIGUOUS)
    await enqueue(store, page(store))
    await store.heed(report(store, Deed.ACKNOWLEDGED), via="oncall")
    assert await states(store) == {"escalation": DeliveryState.AMBIGUOUS, "t": DeliveryState.PENDING}


async def test_what_no_person_did_at_one_of_two_services_proves_nothing_of_the_other(
    world: World, store: Store
) -> None:
    await enqueue(store, page(store), page(store, "other", channel="lead", destination="pagerduty:2"))
    await send(store, await claim(store), AMBIGUOUS)
    await send(store, await claim(store, channel="lead"), channel="lead")
    await store.heed(report(store, Deed.RESOLVED, by=""), via="oncall")
    await world.advance(120)
    again = await take(store, await claim(store))
    assert (again.id, again.shared) == ("t", True)
