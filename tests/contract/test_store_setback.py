"""A clock that was set back: nothing waits for a time that was, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.outbox import claim, send, take
from tests.support.stores import World, at, commit_plan, delivery, enqueue, incident, look, tick, unit
from watchtower.incidents.model import FlushPlan
from watchtower.incidents.silences import Silence
from watchtower.matchers import parse_matcher
from watchtower.model import DeliveryState
from watchtower.store.values import FURTHEST_RETRY, Settled

if TYPE_CHECKING:
    from watchtower.store.store import Store

HOUR, DAY = 3_600, 86_400


async def later(store: Store, seconds: float) -> None:
    """One attempt at a delivery that is to be tried again so much later."""
    await enqueue(store, delivery("t"))
    epoch = await claim(store)
    await send(store, epoch, Settled(DeliveryState.PENDING, "503", next_at=at(seconds)))
    await store.release_channel("oncall", epoch)


# -- what each statement knows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [HOUR, DAY])
async def test_a_retry_that_is_further_ahead_than_any_can_be_is_due_now(
    world: World, store: Store, step: float
) -> None:
    await later(store, 60)
    await world.advance(-step)
    assert await store.next_send_due(["oncall"]) == {"oncall": at(-step)}
    assert (await take(store, await claim(store))).id == "t"


async def test_a_retry_that_a_vendor_asked_for_is_waited_for(world: World, store: Store) -> None:
    await later(store, FURTHEST_RETRY - 1)
    assert await store.next_send_due(["oncall"]) == {"oncall": at(FURTHEST_RETRY - 1)}
    assert await store.next_delivery("oncall", await claim(store)) is None


@pytest.mark.parametrize("step", [HOUR, DAY])
async def test_a_lease_of_a_worker_that_died_before_the_step_ends(world: World, store: Store, step: float) -> None:
    await store.sync_units([unit()])
    assert await store.claim_units("a", limit=1, lease=30)
    assert await store.claim_channel("oncall", "a", lease=30) is not None
    assert await store.claim_channel("oncall", "b", lease=30) is None
    await world.advance(-step)
    assert [found.id for found in await store.claim_units("b", limit=1, lease=30)] == ["u1"]
    assert await store.claim_channel("oncall", "b", lease=30) is not None


@pytest.mark.parametrize("step", [HOUR, DAY])
async def test_a_unit_is_due_at_once(world: World, store: Store, step: float) -> None:
    await store.sync_units([unit(due=60)])
    assert await store.claim_units("a", limit=1, lease=30) == []
    await world.advance(-step)
    assert await store.next_unit_due() == at(-step)
    assert len(await store.claim_units("a", limit=1, lease=30)) == 1


async def test_a_silence_that_was_ended_stays_so(world: World, store: Store) -> None:
    every = (parse_matcher("team=data"),)
    await store.save_silence(Silence("7", every, at(0), at(DAY), at(0), "ana", "moving"))
    await world.advance(2 * HOUR)
    assert [one.id for one in await store.silences()] == ["7"]
    assert await store.expire_silence("7", at(2 * HOUR))
    await world.advance(-HOUR)
    assert await store.silences() == []
    assert (await look(store)).silences == ()
    assert [one.id for one in await store.silences(ended=True)] == ["7"]


# -- what is mended when the step is seen -----------------------------------------------------------------------------


async def test_small_steps_are_mended_too(world: World, store: Store) -> None:
    """A page waits for no five minutes because of a step of five minutes."""
    await later(store, 60)
    await store.sync_units([unit(due=60)])
    await world.advance(-300)
    assert await store.next_send_due(["oncall"]) == {"oncall": at(60)}
    await store.clock_set_back()
    assert await store.next_send_due(["oncall"]) == {"oncall": at(-300)}
    assert len(await store.claim_units("a", limit=1, lease=30)) == 1


async def test_a_start_leaves_retries_that_may_be_meant(world: World, store: Store) -> None:
    await later(store, 300)
    await store.clock_set_back(retries_after=FURTHEST_RETRY)
    assert await store.next_send_due(["oncall"]) == {"oncall": at(300)}


async def test_a_unit_that_waits_for_its_period_goes_on_waiting(world: World, store: Store) -> None:
    await store.sync_units([unit("soon", due=60), unit("slow", due=900, period=900)])
    await store.clock_set_back()
    assert await store.claim_units("a", limit=9, lease=30) == []


async def test_a_failure_that_lies_ahead_begins_now(world: World, store: Store) -> None:
    await store.sync_units([unit()])
    [claimed] = await store.claim_units("a", limit=1, lease=30)
    await store.commit_ticks([tick("u1", claimed.epoch, failing_since=at(0), failures=1, failure="throttled")])
    await world.advance(-HOUR)
    await store.clock_set_back()
    assert [one.failing_since for one in await store.unit_health()] == [at(-HOUR)]


async def test_an_incident_that_lies_ahead_begins_now_and_is_looked_at(world: World, store: Store) -> None:
    open_one = incident("open", last_page_at=at(10), told_at=at(-2 * HOUR), due_at=at(600))
    ended = incident("ended", ended_at=at(5), due_at=None, last_page_at=at(1))
    past = incident("past", opened_at=at(-DAY), due_at=at(900))
    await commit_plan(store, FlushPlan(incidents=(open_one, ended, past)))
    await world.advance(-HOUR)
    await store.clock_set_back()
    now = at(-HOUR)
    mended = replace(open_one, opened_at=now, last_page_at=now, due_at=now)
    assert {one.id: one for one in await store.open_incidents()} == {"open": mended, "past": past}
    assert await world.count("incident", f"id = 'ended' AND last_page_at = {int(at(1).timestamp()) * 1_000_000}") == 1


async def test_what_is_finished_is_not_due_again(world: World, store: Store) -> None:
    await enqueue(store, delivery("t", next_at=at(60), state=DeliveryState.WITHDRAWN))
    await world.advance(-HOUR)
    await store.clock_set_back()
    assert await store.next_send_due(["oncall"]) == {}
