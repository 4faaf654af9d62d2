"""Work units and ticks, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import START
from tests.support.stores import World, at, change, key, look, state, tick, unit
from watchtower.errors import StoreError
from watchtower.evaluation.roll import Census
from watchtower.model import AlertMemory, Priority, State, SuppressedBy, Suppression
from watchtower.store.values import UnitRow

if TYPE_CHECKING:
    from watchtower.store.store import Store


async def claim(store: Store, worker: str = "a", *, limit: int = 100, lease: float = 30) -> dict[str, int]:
    claimed = await store.claim_units(worker, limit=limit, lease=lease)
    return {found.id: found.epoch for found in claimed}


async def test_two_workers_that_claim_at_once_get_different_units(world: World, store: Store) -> None:
    await store.sync_units([unit(f"u{number:02}") for number in range(40)])
    other = await world.other(store)
    shares = await asyncio.gather(*(claim(each, f"w{n}", limit=10) for n, each in enumerate([store, other] * 2)))
    everything = [name for share in shares for name in share]
    assert len(everything) == len(set(everything)) == 40


async def test_the_unit_that_is_longest_due_is_claimed_first(store: Store) -> None:
    await store.sync_units([unit("late", due=-10), unit("later", due=-5), unit("latest", due=-60)])
    claimed = await store.claim_units("a", limit=2, lease=30)
    assert [found.id for found in claimed] == ["latest", "late"]


async def test_a_unit_that_is_not_due_or_excluded_is_not_claimed(store: Store) -> None:
    await store.sync_units([unit("now"), unit("running"), unit("soon", due=1)])
    claimed = await store.claim_units("a", limit=10, lease=30, exclude=["running"])
    assert [found.id for found in claimed] == ["now"]


async def test_a_claim_hands_over_what_the_unit_remembers(store: Store) -> None:
    await store.sync_units([unit()])
    first = (await store.claim_units("a", limit=1, lease=30))[0]
    assert (first.memory, first.last_tick, first.failures) == (None, None, 0)
    failed = tick("u1", first.epoch, due_at=START, failing_since=at(5), failures=2, failure="throttled")
    await store.commit_ticks([failed])
    second = (await store.claim_units("a", limit=1, lease=30))[0]
    assert (second.memory, second.last_tick) == (b"memory", 1767571200)
    assert (second.failing_since, second.failures, second.epoch) == (at(5), 2, first.epoch + 1)


async def test_what_a_failing_unit_does_not_see_is_known_until_it_is_well(store: Store) -> None:
    await store.sync_units([unit()])
    [fresh] = await store.unit_health()
    assert (fresh.blinded, fresh.silent) == ((), False)
    epoch = (await claim(store))["u1"]
    failed = tick("u1", epoch, due_at=START, failing_since=at(5), failures=1, blinded=("CpuHigh", "Disk"), silent=True)
    await store.commit_ticks([failed])
    [blind] = await store.unit_health()
    assert (blind.blinded, blind.silent) == (("CpuHigh", "Disk"), True)
    await store.commit_ticks([tick("u1", (await claim(store))["u1"])])
    [well] = await store.unit_health()
    assert (well.blinded, well.silent) == ((), False)


async def test_a_tick_that_brings_no_memory_keeps_the_old(store: Store) -> None:
    await store.sync_units([unit()])
    await store.commit_ticks([tick("u1", (await claim(store))["u1"], due_at=START)])
    again = (await claim(store))["u1"]
    await store.commit_ticks([tick("u1", again, due_at=START, memory=None, last_tick=None)])
    [kept] = await store.claim_units("a", limit=1, lease=30)
    assert (kept.memory, kept.last_tick) == (b"memory", 1767571200)


async def test_a_lease_keeps_others_away_until_it_expires(world: World, store: Store) -> None:
    await store.sync_units([unit()])
    assert await claim(store, "a", lease=30) == {"u1": 1}
    await world.advance(29)
    assert await claim(store, "b") == {}
    await world.advance(2)
    assert await claim(store, "b") == {"u1": 2}


async def test_a_fenced_commit_changes_nothing_at_all(world: World, store: Store) -> None:
    await store.sync_units([unit("u1"), unit("u2")])
    old = await claim(store, "paused", lease=30)
    await world.advance(31)
    new = await claim(store, "successor", limit=1)
    committed = await store.commit_ticks(
        [
            tick("u1", old["u1"], states=[state("db-1")], changes=[change("db-1")], failures=7),
            tick("u2", old["u2"], states=[state("db-2")], changes=[change("db-2")]),
        ]
    )
    assert new == {"u1": 2}
    assert committed == {"u2"}
    assert [found.key for found in await store.alert_states()] == [key("db-2")]
    assert [found.key for found in (await look(store)).transitions] == [key("db-2")]
    assert [(row.id, row.failures, row.due_at) for row in await store.unit_health()] == [
        ("u1", 0, START),
        ("u2", 0, at(60)),
    ]


async def test_a_tick_is_committed_once_even_by_the_worker_that_claimed_it(store: Store) -> None:
    await store.sync_units([unit()])
    epoch = (await claim(store))["u1"]
    again = tick("u1", epoch, changes=[change()])
    assert await store.commit_ticks([again]) == {"u1"}
    assert await store.commit_ticks([again]) == frozenset()
    assert len((await look(store)).transitions) == 1


async def test_a_committed_unit_is_free_at_once_when_it_is_due(store: Store) -> None:
    await store.sync_units([unit()])
    epoch = (await claim(store))["u1"]
    await store.commit_ticks([tick("u1", epoch, due_at=START)])
    assert await claim(store, "b") == {"u1": epoch + 1}


async def test_a_unit_far_ahead_is_due_because_the_clock_was_set_back(world: World, store: Store) -> None:
    await store.sync_units([unit("ahead", due=60), unit("hourly", due=3000, period=3600)])
    await world.advance(-599)
    assert await claim(store) == {}, "a period and ten minutes ahead is not too far"
    await world.advance(-2)
    assert await claim(store) == {"ahead": 1}


async def test_a_lease_from_before_the_clock_was_set_back_does_not_bind(world: World, store: Store) -> None:
    await store.sync_units([unit()])
    await claim(store, "gone", lease=30)
    await world.advance(-7200)
    assert await claim(store, "b") == {"u1": 2}


async def test_the_next_due_moment_is_the_lease_end_of_a_unit_that_somebody_holds(store: Store) -> None:
    assert await store.next_unit_due() is None
    await store.sync_units([unit("held"), unit("soon", due=50)])
    assert await store.next_unit_due() == START
    await claim(store, limit=1, lease=30)
    assert await store.next_unit_due() == at(30)


async def test_the_next_due_moment_is_now_when_the_clock_was_set_back(world: World, store: Store) -> None:
    await store.sync_units([unit()])
    await world.advance(-7200)
    assert await store.next_unit_due() == at(-7200)


async def test_a_new_plan_adds_and_deletes_and_leaves_the_others_alone(store: Store) -> None:
    await store.sync_units([unit("stays"), unit("goes")])
    epoch = (await claim(store))["stays"]
    await store.commit_ticks([tick("stays", epoch, due_at=at(40))])
    await store.sync_units([unit("stays", due=5), unit("comes", due=7)])
    assert [(row.id, row.due_at) for row in await store.unit_health()] == [("comes", at(7)), ("stays", at(40))]


async def test_changed_asks_keep_the_memory_and_make_the_unit_due_sooner(store: Store) -> None:
    await store.sync_units([unit()])
    await store.commit_ticks([tick("u1", (await claim(store))["u1"], due_at=at(40))])
    await store.sync_units([unit(due=50, fingerprint="changed")])
    assert (await store.unit_health())[0].due_at == at(40), "never later than it was"
    await store.sync_units([unit(due=0, fingerprint="changed again")])
    [found] = await store.claim_units("a", limit=1, lease=30)
    assert (found.memory, found.epoch) == (b"memory", 2)


async def test_a_unit_that_left_the_plan_fences_its_last_tick(store: Store) -> None:
    await store.sync_units([unit()])
    epoch = (await claim(store))["u1"]
    await store.sync_units([])
    assert await store.commit_ticks([tick("u1", epoch, changes=[change()])]) == frozenset()
    assert (await look(store)).transitions == ()


async def test_states_come_back_as_they_were_given(store: Store) -> None:
    await store.sync_units([unit()])
    given = replace(state(), no_data_since=at(3), recovering=True, value=None)
    plain = replace(state("db-2", now=State.OK), value=float("nan"))
    await store.commit_ticks([tick("u1", (await claim(store))["u1"], states=[given, plain])])
    assert await store.alert_states() == [given]
    assert await store.alert_states(["Other"]) == []
    assert {found.key for found in await store.alert_states(["CpuHigh"], include_ok=True)} == {
        given.key,
        plain.key,
    }


async def test_what_the_evaluation_remembers_of_an_alert_comes_back_even_when_it_is_ok(store: Store) -> None:
    memory = AlertMemory((1_767_571_200, -1_767_571_260), True, True, Priority.P3)
    given = [replace(state(), memory=memory), replace(state("db-2", now=State.OK), memory=memory)]
    await store.commit_orphans([*given, state("db-3", now=State.OK)], [])
    assert await store.alert_states() == given[:1]
    found = await store.alert_states(["CpuHigh"], include_memories=True)
    assert {one.key: one.memory for one in found} == {one.key: memory for one in given}
    await store.commit_orphans([state("db-2", now=State.OK)], [])
    assert await store.alert_states(include_memories=True) == given[:1]


async def test_a_unit_keeps_its_roll_and_its_census_until_there_are_new_ones(store: Store) -> None:
    await store.sync_units([unit()])
    census = (Census("CpuHigh", 3, 60, None, 2), Census("Empty", 0, 60, 120))
    first = replace(tick("u1", (await claim(store))["u1"], due_at=START), roll=b"roll", census=census)
    await store.commit_ticks([first])
    [again] = await store.claim_units("a", limit=1, lease=30)
    assert (again.roll, again.census) == (b"roll", census)
    await store.commit_ticks([tick("u1", again.epoch, due_at=START)])
    [row] = await store.unit_health()
    assert row.census == census
    [later] = await store.claim_units("a", limit=1, lease=30)
    assert later.roll == b"roll"


async def test_an_alert_that_misses_data_while_firing_is_remembered(store: Store) -> None:
    silent = replace(state(now=State.INSUFFICIENT_DATA), firing=True)
    pending_end = replace(state("db-2", now=State.OK), firing=True)
    await store.commit_orphans([silent, pending_end], [])
    assert {found.key for found in await store.alert_states()} == {silent.key, pending_end.key}


async def test_orphans_are_committed_without_a_unit(store: Store) -> None:
    await store.commit_orphans([state(now=State.OK)], [change(to=State.OK)])
    assert await store.alert_states() == []
    assert [found.to_state for found in (await look(store)).transitions] == [State.OK]


async def test_text_from_outside_that_a_database_refuses_does_not_lose_the_tick(store: Store) -> None:
    await store.sync_units([unit()])
    odd = replace(change(), evidence=("a\x00b",), reason="\x00 and \N{SNOWMAN}")
    epoch = (await claim(store))["u1"]
    await store.commit_ticks([tick("u1", epoch, failure="reset\x00by peer", changes=[odd])])
    assert (await look(store)).transitions[0].evidence == ("a\x00b",)
    assert (await store.unit_health())[0].failure == "reset\N{REPLACEMENT CHARACTER}by peer"


async def test_a_naive_time_is_refused_wherever_it_hides(store: Store) -> None:
    naive = datetime(2026, 1, 5)  # noqa: DTZ001
    with pytest.raises(StoreError, match="naive time"):
        await store.sync_units([UnitRow("u1", "cloudwatch", "prod", "eu-west-1", 60, "f", naive)])
    with pytest.raises(StoreError, match="naive time"):
        await store.commit_orphans([], [replace(change(), at=naive)])
    assert await store.unit_health() == []
    assert (await look(store)).transitions == ()


async def test_two_hundred_ticks_with_a_thousand_states_are_committed_at_once(store: Store) -> None:
    names = [f"u{number:03}" for number in range(200)]
    await store.sync_units([unit(name) for name in names])
    epochs = await claim(store, limit=200)
    ticks = [
        tick(name, epochs[name], states=[state(f"{name}-{n}") for n in range(5)], changes=[change(name)])
        for name in names
    ]
    started = time.perf_counter()
    assert await store.commit_ticks(ticks) == frozenset(names)
    assert time.perf_counter() - started < 2, "measured: about 0.05 s"
    assert len(await store.alert_states()) == 1000


async def test_a_tick_makes_other_units_due_in_its_own_commit(world: World, store: Store) -> None:
    await store.sync_units([unit("u1"), unit("reader", due=60), unit("other", due=60)])
    await world.advance(5)
    [claimed] = await store.claim_units("a", limit=1, lease=30)
    await store.commit_ticks([tick("u1", claimed.epoch, wakes=("reader", "gone"))])
    [woken] = await store.claim_units("a", limit=10, lease=30)
    assert (woken.id, woken.due_at, woken.woken) == ("reader", at(5), 1)


async def test_a_fenced_tick_wakes_nobody(store: Store) -> None:
    await store.sync_units([unit("u1"), unit("reader", due=60)])
    epoch = (await claim(store))["u1"]
    await store.commit_ticks([tick("u1", epoch - 1, wakes=("reader",))])
    assert await claim(store) == {}


async def test_a_unit_that_is_woken_while_somebody_holds_it_is_due_again(world: World, store: Store) -> None:
    """What it read when it was claimed is not the newest any more; its own due time must not hide that."""
    await store.sync_units([unit("u1"), unit("reader")])
    claimed = {found.id: found for found in await store.claim_units("a", limit=2, lease=30)}
    await store.commit_ticks([tick("u1", claimed["u1"].epoch, wakes=("reader",))])
    reader = claimed["reader"]
    assert await store.commit_ticks([tick("reader", reader.epoch, due_at=at(60), woken=reader.woken)])
    [again] = await store.claim_units("a", limit=2, lease=30)
    assert (again.id, again.woken) == ("reader", 1)
    await store.commit_ticks([tick("reader", again.epoch, due_at=at(60), woken=again.woken)])
    assert await claim(store) == {}


async def test_what_a_changed_plan_ended_wakes_too(store: Store) -> None:
    await store.sync_units([unit("reader", due=60)])
    await store.commit_orphans([state("db-1", now=State.OK)], [], wakes=["reader"])
    assert await claim(store) == {"reader": 1}


async def test_what_suppresses_a_composite_is_remembered(store: Store) -> None:
    await store.sync_units([unit()])
    held = AlertMemory(untold=True, suppressed=Suppression(SuppressedBy.WAIT, at(120), "Deploying"))
    kept = [
        replace(state("db-1"), memory=held),
        replace(state("db-2"), memory=AlertMemory(suppressed=Suppression(SuppressedBy.ALARM))),
    ]
    await store.commit_ticks([tick("u1", (await claim(store))["u1"], states=kept)])
    assert sorted(await store.alert_states(), key=lambda one: one.key.identity.pairs) == kept
