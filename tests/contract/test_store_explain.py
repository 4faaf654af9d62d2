"""What the store can tell a person who asks why: the evaluation log, times without sight, rules that never fired."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.stores import World, at, change, commit_plan, delivery, incident, key, member, state, tick, unit
from watchtower.evaluation.findings import Entry, Finding
from watchtower.evaluation.roll import Census, Roll, digest, encode
from watchtower.incidents.model import Decision, FlushPlan
from watchtower.model import Labels, State

if TYPE_CHECKING:
    from watchtower.store.store import Store
    from watchtower.store.values import Explanation, TickCommit

MINUTE = 60
START = 1767571200


@pytest.fixture
async def ticking(store: Store) -> Store:
    """A store with one unit that evaluates CpuHigh."""
    await store.sync_units([replace(unit(), rules=("CpuHigh",))])
    return store


def entry(name: str = "db-1", finding: Finding = Finding.BREACH, *, since: float = 0, **more: Any) -> Entry:
    alert = key(name)
    plain = Entry(
        key=alert,
        labels=alert.identity.merged({"team": "data"}),
        finding=finding,
        since=at(since),
        at=at(since),
        reason="1 of the last 2 datapoints was > 80; P3 needs 2",
        value=91.5,
        datapoints=((START, None), (START + MINUTE, 91.5)),
        rule_file="rules/rds.yaml",
        rule_line=4,
    )
    return replace(plain, **more)


async def commit(store: Store, **more: Any) -> TickCommit:
    """One tick of the unit."""
    [claimed] = await store.claim_units("a", limit=1, lease=30)
    made = tick("u1", claimed.epoch, due_at=at(0), **more)
    assert await store.commit_ticks([made]) == {"u1"}
    return made


async def only(store: Store, name: str = "db-1") -> Explanation:
    """The one explanation of this alert."""
    [told] = await store.explain("CpuHigh", {"db": name})
    return told


# -- the evaluation log -----------------------------------------------------------------------------------------------


async def test_an_entry_comes_back_as_it_was_written(ticking: Store) -> None:
    await commit(ticking, log=(entry(), entry(finding=Finding.RECOVERING, since=5)))
    told = await only(ticking)
    assert told.log == (entry(finding=Finding.RECOVERING, since=5), entry())
    assert told.state is None
    assert told.transitions == ()
    assert told.key == key()


async def test_what_goes_on_is_one_entry_with_what_was_found_last(ticking: Store) -> None:
    later = entry(at=at(60), reason="2 of the last 3")
    await commit(ticking, log=(entry(), entry("db-2")))
    await commit(ticking, log=(later,))
    assert (await only(ticking)).log == (later,)
    assert (await only(ticking, "db-2")).log == (entry("db-2"),)


async def test_an_alert_never_has_more_than_fifty_entries(world: World, ticking: Store) -> None:
    await commit(ticking, log=(entry("other"),))
    for start in range(0, 120, 40):
        await commit(ticking, log=tuple(entry(since=n) for n in range(start, start + 40)))
        assert await world.count("evaluation") <= 51
    assert await world.count("evaluation") == 51
    assert [one.since for one in (await only(ticking)).log][:2] == [at(119), at(118)]
    assert len((await only(ticking, "other")).log) == 1


async def test_old_entries_are_forgotten_by_when_they_were_found_last(world: World, ticking: Store) -> None:
    await commit(ticking, log=(entry("old", since=1), entry("on", since=2, at=at(9)), entry("new", since=8)))
    await ticking.prune(before=at(5))
    assert await world.count("evaluation") == 2
    assert len((await only(ticking, "on")).log) == 1


async def test_a_fenced_tick_logs_nothing(world: World, ticking: Store) -> None:
    [claimed] = await ticking.claim_units("a", limit=1, lease=30)
    stale = tick("u1", claimed.epoch - 1, log=(entry(),), failing_since=at(0), failure="throttled")
    assert await ticking.commit_ticks([stale]) == frozenset()
    assert await world.count("evaluation") == await world.count("outage") == 0


async def test_alerts_that_only_the_log_knows_stand_after_those_that_fire(ticking: Store) -> None:
    await commit(ticking, log=(entry("quiet", since=50),), states=[state("firing", when=1)])
    told = await ticking.explain("CpuHigh", {"team": "data"})
    assert [one.key for one in told] == [key("firing"), key("quiet")]


# -- times in which a unit saw nothing --------------------------------------------------------------------------------


async def test_a_failing_unit_leaves_one_outage_with_its_last_reason_and_its_end(world: World, ticking: Store) -> None:
    await commit(ticking, log=(entry(),))
    await commit(ticking, last_tick=None, failing_since=at(10), failures=1, failure="throttled")
    await commit(ticking, last_tick=None, failing_since=at(10), failures=2, failure="timeout")
    [during] = (await only(ticking)).outages
    assert (during.since, during.until, during.detail, during.failures) == (at(10), None, "timeout", 2)
    await world.advance(70)
    await commit(ticking)
    [after] = (await only(ticking)).outages
    assert after == replace(during, until=at(70))
    await commit(ticking, last_tick=None, failing_since=at(80), failures=1, failure="throttled")
    assert [one.since for one in (await only(ticking)).outages] == [at(80), at(10)]


async def test_a_failure_that_begins_anew_ends_the_outage_before_it(world: World, ticking: Store) -> None:
    await commit(ticking, last_tick=None, failing_since=at(10), failures=1, failure="throttled", log=(entry(),))
    await world.advance(1200)
    await commit(ticking, last_tick=None, failing_since=at(1200), failures=2, failure="timeout")
    found = (await only(ticking)).outages
    assert [(one.since, one.until) for one in found] == [(at(1200), None), (at(10), at(1200))]


async def test_slots_that_nobody_polled_are_an_outage(world: World, ticking: Store) -> None:
    await commit(ticking, last_tick=START, log=(entry(),))
    await world.advance(3700)
    await commit(ticking, last_tick=START + 3600)
    [gap] = (await only(ticking)).outages
    assert (gap.since, gap.until, gap.failures) == (at(MINUTE), at(3700), 0)
    assert gap.detail == "59 evaluations were skipped, 59m in all: Watchtower did not run, or not in time"


async def test_slots_that_a_failing_poll_explains_are_not_told_twice(ticking: Store) -> None:
    await commit(ticking, last_tick=START, log=(entry(),))
    await commit(ticking, last_tick=None, failing_since=at(60), failures=1, failure="throttled")
    await commit(ticking, last_tick=START + 3600)
    assert [one.detail for one in (await only(ticking)).outages] == ["throttled"]


async def test_a_slot_skipped_by_a_fast_unit_is_no_outage(store: Store, world: World) -> None:
    await store.sync_units([replace(unit(period=1), rules=("CpuHigh",))])
    await commit(store, last_tick=START)
    await commit(store, last_tick=START + 5)
    assert await world.count("outage") == 0


async def test_an_outage_is_forgotten_when_it_ended_long_ago(world: World, ticking: Store) -> None:
    await commit(ticking, last_tick=None, failing_since=at(1), failures=1, failure="throttled")
    await ticking.prune(before=at(500))
    assert await world.count("outage") == 1, "it lasts"
    await commit(ticking)
    await ticking.prune(before=at(500))
    assert await world.count("outage") == 0


# -- rules that never fired -------------------------------------------------------------------------------------------


async def test_a_rule_that_never_fired_is_explained_by_its_units(ticking: Store) -> None:
    [asked] = await ticking.explain("CpuHigh", {})
    assert (asked.key, asked.state, [watch.series for watch in asked.watches]) == (None, None, [None])
    await commit(ticking, census=(Census("CpuHigh", 3, START),), failures=0)
    [told] = await ticking.explain("CpuHigh", {})
    [watch] = told.watches
    assert (watch.unit.id, watch.unit.last_tick, watch.series, watch.watched) == ("u1", START, 3, False)


async def test_one_can_ask_whether_a_series_is_watched(ticking: Store) -> None:
    identity = Labels({"account": "prod", "region": "eu-west-1", "db": "db-7"})
    roll = encode({"CpuHigh": Roll(frozenset({digest(identity)}))})
    await commit(ticking, census=(Census("CpuHigh", 1, START),), roll=roll)
    for labels, watched in [({"db": "db-7"}, True), ({"db": "db-8"}, False), ({}, False)]:
        [told] = await ticking.explain("CpuHigh", labels)
        assert [watch.watched for watch in told.watches] == [watched]


async def test_units_of_another_place_are_not_named(store: Store) -> None:
    here, there = (replace(unit(name), rules=("CpuHigh",)) for name in ("u1", "u2"))
    await store.sync_units([here, replace(there, region="us-east-1")])
    [told] = await store.explain("CpuHigh", {"region": "us-east-1"})
    assert [watch.unit.id for watch in told.watches] == ["u2"]


async def test_a_rule_that_left_its_unit_is_unknown(ticking: Store) -> None:
    await ticking.sync_units([replace(unit(fingerprint="other"), rules=("DiskFull",))])
    assert await ticking.explain("CpuHigh", {}) == []
    assert len(await ticking.explain("DiskFull", {})) == 1


# -- incidents --------------------------------------------------------------------------------------------------------


async def test_an_incident_is_found_by_the_beginning_of_its_id(ticking: Store) -> None:
    await ticking.commit_orphans([], [change("db-1", when=1), change("db-9", to=State.OK, when=2)])
    kept = incident("5a-1", members=(member("db-1"),))
    decided = Decision(key("db-1").id, 1, "opened", "route rest", "5a-1")
    sent = (delivery("t", incident_id="5a-1"), delivery("x", incident_id="77"))
    await commit_plan(ticking, FlushPlan((1, 2), (kept, incident("77")), sent, decisions=(decided,)))
    [told] = await ticking.explain_incident("5a")
    assert told.incidents == (kept,)
    assert [one.at for one in told.transitions] == [at(1)]
    assert [made.outcome for made in told.decisions] == ["opened"]
    assert [row.id for row in told.deliveries] == ["t"]
    assert await ticking.explain_incident("5_") == []
