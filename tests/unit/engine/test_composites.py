"""Composites in the engine: one unit, due in the commit that changes what it reads, on its own timers, fenced."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import START, ManualClock
from tests.support.service import service_on
from tests.support.shop import open_shop, probe_rule
from tests.support.stores import at, open_store, tick
from watchtower.clock import SystemClock
from watchtower.engine.composites import Composites
from watchtower.engine.engine import Engine
from watchtower.engine.once import evaluate_once
from watchtower.engine.orphans import orphans
from watchtower.engine.plan import COMPOSITES, SELF, Plan, build_plan, unit_rows
from watchtower.engine.selfwatch import SelfWatch
from watchtower.engine.settings import EngineSettings
from watchtower.engine.writer import Writer
from watchtower.incidents.model import FlushInput, FlushPlan
from watchtower.live import Live
from watchtower.model import AlertKey, AlertState, Answer, Labels, Observation, PollResult, Priority, State
from watchtower.rulebook.loader import load_rules
from watchtower.sources.base import Unit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from watchtower.model import Transition
    from watchtower.sources.base import Ask, Place, Poll
    from watchtower.store.store import Store
    from watchtower.store.values import ClaimedUnit

RULES = """\
rules:
- alert: Down
  probe: {http: {url: "https://{{ target }}/"}, targets: [a.example.com, b.example.com]}
  when: {P3: down}
- alert: Deploying
  probe: {http: {url: "https://ci.example.com/"}}
  when: {P5: down}
- alert: Each
  composite: ALARM(Down)
  by: [target]
  suppressor: {alert: Deploying, wait: 2m, extension: 3m}
  when: {P2: ALARM}
- alert: Broken
  composite: ALARM(Each) AND NOT ALARM(Deploying)
  when: {P1: ALARM}
"""


class Sites:
    """A source of one unit that answers what it is told, or nothing."""

    name = "probe"

    def __init__(self, *down: str, owns: bool = True) -> None:
        self.down = down
        self.mine = owns
        self.answers = True

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        return [Unit("sites", "probe", "", "", 60, 0, 0, tuple(asks), "f")]

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        return self.mine

    async def poll(self, poll: Poll) -> PollResult:
        seen = [Observation(Labels({"target": name}), ((poll.tick - 60, 0.0),)) for name in self.down]
        answers = [Answer(ask.rule, tuple(seen) if ask.rule == "Down" else ()) for ask in poll.unit.asks]
        return PollResult(tuple(answers) if self.answers else ())

    async def close(self) -> None:
        """Nothing to give back."""


def plan_of(folder: Path, rules: str = RULES) -> Plan:
    file = folder / "rules.yaml"
    file.write_text(rules)
    loaded = load_rules([file])
    assert loaded.faults == ()
    return build_plan(loaded.rules, {"probe": Sites()}, ())


def alert(target: str, state: State, when: datetime, rule: str = "Down") -> AlertState:
    key = AlertKey(rule, Labels({"target": target, "kind": "http"}))
    firing = state is State.ALARM
    priority = Priority.P3 if firing else None
    return AlertState(key, key.identity, state, firing, priority, 0.0, "status 503", when, when, seq=1)


@dataclass
class Worker:
    """What judges composites, beside a store that others commit to."""

    store: Store
    clock: ManualClock
    plan: Plan
    writer: Writer
    composites: Composites

    async def claim(self, name: str = COMPOSITES) -> ClaimedUnit | None:
        """Claim one unit; the others stay as they are."""
        others = [unit for unit in self.plan.units if unit != name]
        claimed = await self.store.claim_units("a", limit=1, lease=60, exclude=others)
        return claimed[0] if claimed else None

    async def sites(self, *states: AlertState) -> None:
        """Commit a tick of the sites' unit, as the ticker does."""
        claimed = await self.claim("sites")
        assert claimed is not None
        due = at((self.clock.now() - START).total_seconds() + 60)
        wakes = self.plan.wakes(states)
        assert await self.store.commit_ticks([tick("sites", claimed.epoch, due_at=due, states=states, wakes=wakes)])

    async def run(self) -> bool | None:
        """Judge the composites if they are due: whether somebody is to hear of it, None when they are not."""
        claimed = await self.claim()
        return None if claimed is None else await self.composites.run(self.plan, claimed)

    async def due(self) -> float:
        """Seconds until the composites are due."""
        [row] = [row for row in await self.store.unit_health() if row.id == COMPOSITES]
        return (row.due_at - self.clock.now()).total_seconds()

    async def told(self) -> list[str]:
        seen: list[Transition] = []

        def look(given: FlushInput) -> FlushPlan:
            seen.extend(given.transitions)
            return FlushPlan(consumed=tuple(each.seq for each in given.transitions))

        await self.store.flush(look)
        return [f"{each.key} {each.from_state} -> {each.to_state}{'' if each.notify else ' (untold)'}" for each in seen]

    async def state(self, rule: str) -> State:
        found = await self.store.alert_states([rule])
        return found[0].state if found else State.OK


@asynccontextmanager
async def working(folder: Path, plan: Plan, clock: ManualClock) -> AsyncIterator[Worker]:
    store = await open_store(f"sqlite:///{folder / 'store.db'}", clock=clock)
    writer = Writer(store)
    writing = asyncio.create_task(writer.run())
    try:
        await store.sync_units(unit_rows(plan, clock.now()))
        yield Worker(store, clock, plan, writer, Composites(store, writer, Live(clock), clock, "production"))
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        await store.close()


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    async with working(tmp_path, plan_of(tmp_path), ManualClock()) as made:
        yield made


# -- the plan ----------------------------------------------------------------------------------------------------------


def test_all_composites_are_one_unit_in_the_order_in_which_they_are_judged(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    unit = plan.units[COMPOSITES]
    assert (unit.source, unit.period, [ask.rule for ask in unit.asks]) == ("composite", 60, ["Each", "Broken"])
    assert [rule.name for rule in plan.composites] == ["Each", "Broken"]
    assert plan.read == {"Down", "Deploying", "Each"}


def test_an_edited_composite_is_judged_at_once(tmp_path: Path) -> None:
    before, after = (plan_of(tmp_path, text) for text in (RULES, RULES.replace("wait: 2m", "wait: 1m")))
    assert before.units[COMPOSITES].fingerprint != after.units[COMPOSITES].fingerprint
    assert before.units[COMPOSITES].fingerprint == plan_of(tmp_path).units[COMPOSITES].fingerprint


def test_without_composites_there_is_no_such_unit(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, RULES.partition("- alert: Each")[0])
    assert COMPOSITES not in plan.units
    assert plan.wakes([alert("a.example.com", State.ALARM, START)]) == ()


def test_only_alerts_that_composites_read_wake_them(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    assert plan.wakes([alert("a.example.com", State.OK, START)]) == (COMPOSITES,)
    assert plan.wakes([alert("a.example.com", State.ALARM, START, "Other")]) == ()
    assert plan.wakes([]) == ()


def test_an_alert_of_a_group_that_is_not_made_any_more_is_an_orphan(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    kept = replace(alert("a", State.ALARM, START), key=AlertKey("Each", Labels({"target": "a"})))
    left = replace(kept, key=AlertKey("Each", Labels({"account": "main"})))
    whole = replace(kept, key=AlertKey("Broken", Labels()))
    states, transitions = orphans([kept, left, whole], plan, (), START)
    assert [state.key for state in states] == [left.key]
    assert [change.to_state for change in transitions] == [State.OK]


# -- the tick ----------------------------------------------------------------------------------------------------------


async def test_what_composites_read_makes_them_due_in_its_commit(worker: Worker) -> None:
    await worker.sites()
    assert await worker.run() is False
    assert await worker.run() is None
    assert await worker.due() == 60

    worker.clock.advance(60)
    await worker.run()
    worker.clock.advance(10)
    await worker.sites(alert("a.example.com", State.ALARM, worker.clock.now()))
    assert await worker.run() is True
    assert await worker.told() == [
        'Each{target="a.example.com"} OK -> ALARM (untold)',
        "Broken{} OK -> ALARM",
    ]


async def test_a_wait_ends_on_its_own_timer(worker: Worker) -> None:
    await beginning(worker)
    assert await worker.due() == 60
    worker.clock.advance(60)
    assert await worker.run() is False
    assert await worker.due() == 60, "the heartbeat, and the end of the wait"
    worker.clock.advance(59)
    assert await worker.run() is None
    worker.clock.advance(1)
    assert await worker.run() is True
    assert await worker.told() == ['Each{target="a.example.com"} ALARM -> ALARM']


async def beginning(worker: Worker) -> None:
    """A minute after the start a site is down; it is told to whoever is told at once."""
    await worker.sites()
    await worker.run()
    worker.clock.advance(60)
    await worker.sites(alert("a.example.com", State.ALARM, worker.clock.now()))
    assert await worker.run() is True
    await worker.told()


async def test_a_timer_shorter_than_the_heartbeat_is_kept(tmp_path: Path) -> None:
    async with working(tmp_path, plan_of(tmp_path, RULES.replace("wait: 2m", "wait: 20s")), ManualClock()) as worker:
        await beginning(worker)
        assert await worker.due() == 20


async def test_a_restart_goes_on_with_the_wait(tmp_path: Path) -> None:
    plan, clock = plan_of(tmp_path), ManualClock()
    async with working(tmp_path, plan, clock) as worker:
        await beginning(worker)
    clock.advance(100)
    async with working(tmp_path, plan, clock) as worker:
        await worker.sites()
        await worker.run()
        assert await worker.told() == []
        clock.advance(20)
        await worker.run()
        assert await worker.told() == ['Each{target="a.example.com"} ALARM -> ALARM']


async def test_what_changes_while_they_are_judged_makes_them_due_again(worker: Worker) -> None:
    await worker.sites()
    held = await worker.claim()
    assert held is not None
    worker.clock.advance(60)
    await worker.sites(alert("a.example.com", State.ALARM, worker.clock.now()))
    await worker.composites.run(worker.plan, held)
    assert await worker.due() <= 0
    assert await worker.run() is False
    assert await worker.due() == 60


async def test_whoever_lost_the_unit_commits_nothing(worker: Worker) -> None:
    await worker.sites()
    await worker.run()
    worker.clock.advance(60)
    await worker.sites(alert("a.example.com", State.ALARM, worker.clock.now()))
    paused = await worker.claim()
    assert paused is not None
    worker.clock.advance(61)
    assert await worker.run() is True
    await worker.told()
    assert await worker.composites.run(worker.plan, paused) is False
    assert await worker.told() == []


async def test_an_operand_whose_source_fails_counts_as_what_it_was(worker: Worker) -> None:
    await beginning(worker)
    worker.clock.advance(60)
    claimed = await worker.claim("sites")
    assert claimed is not None
    failed = tick("sites", claimed.epoch, due_at=at(900), last_tick=None, failing_since=at(120), failures=1)
    await worker.store.commit_ticks([failed])
    worker.clock.advance(60)
    await worker.run()
    assert await worker.state("Broken") is State.ALARM


async def test_watchtowers_own_alerts_wake_the_composites_that_read_them(tmp_path: Path) -> None:
    blind = "- {alert: Blind, composite: ALARM(WatchtowerSourceFailing), when: {P2: ALARM}}\n"
    async with working(tmp_path, plan_of(tmp_path, RULES + blind), ManualClock()) as worker:
        await beginning(worker)
        worker.clock.advance(60)
        sites = await worker.claim("sites")
        assert sites is not None
        failed = tick("sites", sites.epoch, due_at=at(900), last_tick=None, failing_since=at(120), failures=9)
        await worker.store.commit_ticks([failed])
        worker.clock.advance(300)
        await worker.run()
        assert await worker.state("Blind") is State.OK

        myself = await worker.claim(SELF.id)
        assert myself is not None
        watch = SelfWatch(worker.store, worker.writer, Live(worker.clock), worker.clock, "production")
        assert await watch.run(worker.plan, myself) is True
        assert await worker.run() is True
        assert await worker.state("Blind") is State.ALARM


async def test_a_target_that_left_the_rules_wakes_them(worker: Worker) -> None:
    await beginning(worker)
    engine = Engine(worker.store, Live(worker.clock), worker.clock, EngineSettings(), "production")
    plan = replace(worker.plan, sources={"probe": Sites(owns=False)})
    assert await worker.due() == 60
    await engine.configure(plan, (), {})
    assert await worker.due() == 0
    await worker.run()
    assert await worker.state("Broken") is State.OK


# -- the start ---------------------------------------------------------------------------------------------------------


async def test_nothing_is_judged_before_what_is_read_was_asked_once(worker: Worker) -> None:
    """Else NOT ALARM(x) would be true because nobody has asked yet."""
    assert await worker.run() is False
    assert await worker.due() == 1
    [composites] = [row for row in await worker.store.unit_health() if row.id == COMPOSITES]
    assert composites.last_tick is None

    await worker.sites(alert("a.example.com", State.ALARM, worker.clock.now()))
    assert await worker.run() is True
    assert await worker.state("Broken") is State.ALARM


async def test_it_is_waited_for_a_minute_at_most(worker: Worker) -> None:
    await worker.run()
    worker.clock.advance(59)
    assert await worker.run() is False
    assert await worker.due() == 1
    worker.clock.advance(1)
    await worker.run()
    assert await worker.due() == 60


async def test_a_rule_that_a_reload_brings_is_waited_for_too(worker: Worker, tmp_path: Path) -> None:
    await worker.sites()
    await worker.run()
    other = RULES.replace("ALARM(Each) AND NOT ALARM(Deploying)", "ALARM(Each) AND NOT ALARM(Other)")
    plan = plan_of(
        tmp_path, other + "- {alert: Other, probe: {http: {url: 'https://o.example.com/'}}, when: {P5: down}}\n"
    )
    new = Unit("more", "probe", "", "", 60, 0, 0, plan.units["sites"].asks, "f")
    worker.plan = replace(plan, units={**plan.units, "more": new})
    await worker.store.sync_units(unit_rows(worker.plan, worker.clock.now()))
    await worker.run()
    assert await worker.due() == 1


# -- once --------------------------------------------------------------------------------------------------------------


async def once(folder: Path, source: Sites) -> dict[tuple[str, str], str]:
    found = await evaluate_once(replace(plan_of(folder), sources={"probe": source}), START, "production", 5)
    return {(row.rule, row.state): row.reason for row in found.rows}


async def test_once_judges_composites_by_what_it_has_just_seen(tmp_path: Path) -> None:
    rows = await once(tmp_path, Sites("a.example.com"))
    assert rows["Each", "ALARM"].startswith("ALARM(Down): a.example.com is in ALARM; held back until")
    assert rows["Broken", "ALARM"] == ("ALARM(Each): a.example.com is in ALARM; NOT ALARM(Deploying): it is OK")


async def test_once_counts_composites_that_are_ok(tmp_path: Path) -> None:
    rows = await once(tmp_path, Sites())
    assert (rows["Each", "OK"], rows["Broken", "OK"]) == ("0 series", "1 series")


async def test_once_says_of_a_composite_whose_rules_were_not_answered_that_nothing_is_known(tmp_path: Path) -> None:
    source = Sites()
    source.answers = False
    rows = await once(tmp_path, source)
    assert rows["Each", "not seen"] == "nothing is known of Down"
    assert rows["Broken", "not seen"] == "nothing is known of Deploying, Each"


# -- the whole daemon --------------------------------------------------------------------------------------------------


async def test_a_composite_pages_as_soon_as_what_it_reads_and_resolves_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_shop(tmp_path) as shop:
        for name, value in shop.env.items():
            monkeypatch.setenv(name, value)
        composite: dict[str, Any] = {"alert": "Shop", "composite": "ALARM(Site)", "when": {"P1": "ALARM"}}
        shop.rules = [probe_rule("Site", shop.site.url, notify=False), composite]
        shop.write()
        settings = EngineSettings(drain_ticks=0.2, drain_sends=0.2)
        async with service_on(shop.file, SystemClock(), settings=settings):
            shop.site.status = 503
            await shop.pages()
            shop.site.status = 200
            await shop.resolves()
            accepted = [one.payload["event_action"] for one in shop.pagerduty.requests if one.outcome == "ok"]
        assert accepted == ["trigger", "resolve"]
        [first, *_] = shop.pagerduty.requests
        assert f"Shop: ALARM(Site): http {shop.site.url} is in ALARM" in first.payload["payload"]["summary"]
