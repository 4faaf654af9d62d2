"""Rules that watch nothing, too little or too much are alerts themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.clock import START
from tests.support.make import health, rule, unit
from watchtower.clock import epoch
from watchtower.engine.headcount import rule_concerns
from watchtower.engine.plan import Plan
from watchtower.evaluation.roll import Census
from watchtower.model import Labels, Priority

if TYPE_CHECKING:
    from watchtower.store.values import UnitHealth

T = int(epoch(START))
RULE = rule("CpuHigh", Priority.P1)


def watching(*censuses: Census | None) -> tuple[UnitHealth, ...]:
    """One unit for each census; None: it never had a complete answer."""
    return tuple(
        health(id=f"u{number}", census=() if census is None else (census,)) for number, census in enumerate(censuses)
    )


def told(seconds: float, *censuses: Census | None, expect: int | None = None) -> list[tuple[str, str]]:
    units = {f"u{number}": unit(id=f"u{number}") for number in range(len(censuses))}
    plan = Plan({"CpuHigh": replace(RULE, expect_series=expect)}, units, discovery_interval=300)
    found = list(rule_concerns(watching(*censuses), plan, START + timedelta(seconds=seconds)))
    assert all(each.priority is Priority.P3 and each.identity == Labels({"rule": "CpuHigh"}) for each in found)
    return [(each.name, each.reason) for each in found]


EMPTY = Census("CpuHigh", 0, T, T)
NOTHING = [("WatchtowerRuleWithoutSeries", "no series at all (rules.yaml:1)")]


def test_a_rule_without_any_series_is_told_after_two_discovery_intervals() -> None:
    assert told(599, EMPTY) == []
    assert told(600, EMPTY) == NOTHING


def test_one_series_anywhere_is_enough() -> None:
    assert told(9999, EMPTY, Census("CpuHigh", 1, T)) == []


def test_a_rule_that_became_empty_later_is_told_later() -> None:
    assert told(899, EMPTY, Census("CpuHigh", 0, T, T + 300)) == []
    assert told(900, EMPTY, Census("CpuHigh", 0, T, T + 300)) == NOTHING


def test_where_nothing_was_ever_known_nothing_is_said() -> None:
    assert told(9999, None, expect=3) == []
    assert told(9999, EMPTY, None) == []


def test_fewer_series_than_expected_are_told_as_soon_as_the_rule_is_known() -> None:
    two = Census("CpuHigh", 2, T)
    assert told(599, two, expect=3) == []
    assert told(600, two, expect=3) == [
        ("WatchtowerRuleWithoutSeries", "2 of 3 expected series (rules.yaml:1)"),
    ]
    assert told(9999, two, two, expect=3) == []


def test_a_rule_that_expects_none_may_have_none() -> None:
    assert told(9999, EMPTY, expect=0) == []


def test_series_over_the_limit_are_told_at_once() -> None:
    over = Census("CpuHigh", 10_000, T, None, ignored=7)
    assert told(0, over, None) == [
        (
            "WatchtowerSeriesLimit",
            "7 new series are ignored; narrow the rule's dimensions, or raise series_limit (rules.yaml:1)",
        )
    ]


def test_what_a_unit_counted_for_a_rule_it_no_longer_has_is_nothing() -> None:
    plan = Plan({"CpuHigh": RULE}, {"u0": replace(unit(id="u0"), asks=())})
    assert list(rule_concerns(watching(EMPTY), plan, START + timedelta(hours=9))) == []
