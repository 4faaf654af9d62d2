"""Announcements make units due at once, and a storm of them no more often than every ten seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.stores import World, at, tick, unit

if TYPE_CHECKING:
    from watchtower.store.store import Store
    from watchtower.store.values import ClaimedUnit, UnitRow


def hourly(name: str, *, due: float) -> UnitRow:
    return unit(name, due=due, period=3600)


async def polled(store: Store, *, due: float, **more: Any) -> ClaimedUnit:
    """Claim the one unit that is due, and commit it."""
    [claimed] = await store.claim_units("one", limit=5, lease=60)
    assert await store.commit_ticks([tick(claimed.id, claimed.epoch, due_at=at(due), woken=claimed.woken, **more)])
    return claimed


async def test_a_unit_that_waits_for_its_slot_is_due_at_once(store: Store) -> None:
    await store.sync_units([hourly("ecr", due=900), hourly("asg", due=900)])
    assert await store.nudge({"ecr", "gone"}, gap=10) == {"ecr": at(0)}
    claimed = await polled(store, due=900)
    assert (claimed.id, claimed.nudged_at) == ("ecr", at(0))
    assert await store.claim_units("one", limit=5, lease=60) == [], "and once is enough"


async def test_a_storm_costs_one_poll_in_ten_seconds(world: World, store: Store) -> None:
    await store.sync_units([hourly("ecr", due=900)])
    await store.nudge({"ecr"}, gap=10)
    await polled(store, due=900)
    await world.advance(3)
    assert await store.nudge({"ecr"}, gap=10) == {"ecr": at(10)}
    assert await store.nudge({"ecr"}, gap=10) == {"ecr": at(10)}
    assert await store.claim_units("one", limit=5, lease=60) == []
    assert await store.next_unit_due() == at(10)
    await world.advance(7)
    await polled(store, due=900)
    assert await store.next_unit_due() == at(900)


async def test_what_is_heard_during_a_poll_causes_another_one(world: World, store: Store) -> None:
    await store.sync_units([hourly("ecr", due=0)])
    [claimed] = await store.claim_units("one", limit=5, lease=60)
    await world.advance(1)
    assert await store.nudge({"ecr"}, gap=10) == {"ecr": at(1)}
    await store.commit_ticks([tick("ecr", claimed.epoch, due_at=at(900), woken=claimed.woken)])
    assert (await polled(store, due=900)).nudged_at == at(1)
    assert await store.next_unit_due() == at(900)


async def test_a_unit_that_fails_keeps_its_pauses(store: Store) -> None:
    await store.sync_units([hourly("ecr", due=0)])
    await polled(store, due=300, failures=3, failure="ecr: throttled", failing_since=at(0))
    assert await store.nudge({"ecr"}, gap=10) == {}
    assert await store.next_unit_due() == at(300)


async def test_a_poll_that_was_due_anyway_knows_what_it_must_be_newer_than(world: World, store: Store) -> None:
    await store.sync_units([hourly("rds", due=5)])
    assert await store.nudge({"rds"}, gap=10) == {"rds": at(0)}
    await polled(store, due=4)
    assert await store.nudge({"rds"}, gap=10) == {"rds": at(4)}, "sooner than ten seconds after the last"
    await world.advance(4)
    assert (await polled(store, due=900)).nudged_at == at(4)


async def test_a_clock_that_is_set_back_makes_nobody_wait(world: World, store: Store) -> None:
    await store.sync_units([hourly("ecr", due=900)])
    await store.nudge({"ecr"}, gap=10)
    await polled(store, due=900)
    await world.advance(-3600)
    assert await store.nudge({"ecr"}, gap=10) == {"ecr": at(-3600)}
