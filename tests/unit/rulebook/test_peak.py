"""Named events in which a rule of probes looks more often, or is stricter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import START
from watchtower.clock import SystemClock
from watchtower.engine.plan import Plan, build_plan
from watchtower.rulebook.loader import load_rules
from watchtower.rulebook.peak import going_on, in_force, next_change
from watchtower.sources.probe.source import ProbeSource

if TYPE_CHECKING:
    from pathlib import Path

    from watchtower.rulebook.rule import Rule

FILE = """
rules:
- alert: TicketsSlow
  probe: {http: {url: "https://tickets.example.com/"}, interval: 1m, value: duration}
  when: {P3: "> 2s"}
  datapoints: 5 of 5
  peak:
  - {name: La Mercè, from: 2026-09-23T18:00:00, to: 2026-09-24T02:00:00, timezone: Europe/Madrid, interval: 15s,
     when: {P2: "> 1s"}, datapoints: 3 of 3}
  - {name: all of September, from: 2026-09-01T00:00:00Z, to: 2026-10-01T00:00:00Z, datapoints: 2 of 2}
"""
BEFORE, SEPTEMBER, FESTIVAL, AFTER = (
    datetime(2026, month, day, 16, tzinfo=UTC) for month, day in ((8, 31), (9, 2), (9, 23), (10, 2))
)


@pytest.fixture
def rules(tmp_path: Path) -> tuple[Rule, ...]:
    file = tmp_path / "rules.yaml"
    file.write_text(FILE)
    loaded = load_rules([file])
    assert loaded.faults == ()
    return loaded.rules


def described(rules: tuple[Rule, ...], now: datetime) -> tuple[int, list[tuple[str, str, int]]]:
    [rule] = in_force(rules, now)
    assert rule.name == "TicketsSlow"
    return rule.period, [(str(level.priority), level.condition.text, level.of) for level in rule.levels]


def test_outside_of_its_events_a_rule_is_as_it_is_written(rules: tuple[Rule, ...]) -> None:
    assert described(rules, BEFORE) == described(rules, AFTER) == (60, [("P3", "> 2s", 5)])


def test_in_an_event_it_looks_more_often_and_at_more(rules: tuple[Rule, ...]) -> None:
    assert described(rules, FESTIVAL) == (15, [("P2", "> 1s", 3), ("P3", "> 2s", 3)])


def test_of_two_events_the_first_that_is_written_counts(rules: tuple[Rule, ...]) -> None:
    assert described(rules, SEPTEMBER) == (60, [("P3", "> 2s", 2)])
    assert going_on(rules, FESTIVAL) == ["La Mercè", "all of September"]


def test_times_are_read_on_the_clocks_of_the_place_and_ends_are_exclusive(rules: tuple[Rule, ...]) -> None:
    start, end = datetime(2026, 9, 23, 16, tzinfo=UTC), datetime(2026, 9, 24, 0, tzinfo=UTC)
    assert next_change(rules, SEPTEMBER) == start
    assert next_change(rules, start) == end
    assert described(rules, end) == described(rules, SEPTEMBER)
    assert next_change(rules, AFTER) is None


async def test_the_plan_is_the_one_of_now_and_knows_the_next(rules: tuple[Rule, ...]) -> None:
    source = ProbeSource(SystemClock())

    def units(plan: Plan) -> list[str]:
        return [unit.id.rpartition("/")[0] for unit in plan.units.values() if unit.source == "probe"]

    plan = build_plan(rules, {"probe": source}, [], now=SEPTEMBER)
    assert (units(plan), plan.until) == (["probe/60"], FESTIVAL)
    assert plan.renew is not None
    festival = plan.renew(FESTIVAL)
    assert (units(festival), festival.rules["TicketsSlow"].period) == (["probe/15"], 15)
    assert festival.until == datetime(2026, 9, 24, tzinfo=UTC)
    timeless = build_plan(rules, {"probe": source}, [])
    assert (units(timeless), timeless.until) == (["probe/60"], None)
    await source.close()


def test_a_rule_without_events_never_changes() -> None:
    assert next_change([], START) is None
    assert in_force([], START + timedelta(days=1)) == ()
