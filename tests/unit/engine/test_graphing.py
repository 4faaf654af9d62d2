"""What newly fires takes along what can be drawn of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.make import rule as a_rule
from tests.unit.incidents.memory import alert
from watchtower.engine.graphing import MOST_POINTS, graph_of
from watchtower.graphspec import GraphQuery
from watchtower.matchers import parse_matchers
from watchtower.model import Priority
from watchtower.rulebook.conditions import Condition
from watchtower.rulebook.rule import Level, Override, Rule

P1, P2, P3, P4, P5 = Priority
QUERY = GraphQuery("prod", "eu-west-1", "[]", "q0", title="CPUUtilization Average")
WINDOW = ((0, 1.0), (60, None), (120, 95.0))


def level(priority: Priority, condition: str) -> Level:
    return Level(priority, Condition.parse(condition), 1, 1, {})


def rule(*levels: Level, **more: Any) -> Rule:
    return replace(a_rule("RdsCpuHigh", P3), levels=levels or (level(P3, "> 80"),), **more)


def test_limits_are_told_with_their_priority_and_hold_exactly_where_the_condition_does() -> None:
    made = graph_of(rule(level(P2, ">= 95"), level(P3, "> 80")), alert(), QUERY)
    assert made is not None
    (low, high), (next_low, _) = (limit.spans[0] for limit in made.limits)
    assert [(limit.priority, limit.text) for limit in made.limits] == [(P2, ">= 95"), (P3, "> 80")]
    assert (low, high) == (95, None)
    assert next_low is not None
    assert 80 < next_low < 80.001


def test_the_evaluated_window_is_carried_bounded() -> None:
    long = replace(alert(), datapoints=tuple((60 * n, float(n)) for n in range(500)))
    made = graph_of(rule(), long, QUERY)
    assert made is not None
    assert (len(made.points), made.points[-1]) == (MOST_POINTS, (60 * 499, 499.0))


@pytest.mark.parametrize("condition", ["down", "no_data", "ALARM"])
def test_what_has_no_number_as_its_limit_is_not_drawn(condition: str) -> None:
    assert graph_of(rule(level(P1, condition)), replace(alert(), datapoints=WINDOW), None) is None


def test_without_a_past_to_ask_for_two_numbers_are_needed() -> None:
    known = replace(alert(), datapoints=WINDOW)
    assert graph_of(rule(), known, None) is not None
    assert graph_of(rule(), replace(known, datapoints=WINDOW[:2]), None) is None
    assert graph_of(rule(), replace(known, datapoints=()), QUERY) is not None


def test_an_override_brings_its_own_limits() -> None:
    own = Override(tuple(parse_matchers(["account=prod"])), (level(P3, "> 99"),))
    made = graph_of(rule(overrides=(own,)), alert(), QUERY)
    assert made is not None
    assert [limit.text for limit in made.limits] == ["> 99"]


def test_a_band_says_so_and_numbers_keep_the_unit_of_the_limit() -> None:
    banded, sized = (graph_of(rule(level(P2, text)), alert(), QUERY) for text in ("below band", "< 2 GiB"))
    assert banded is not None
    assert banded.limits[0].of_band
    assert sized is not None
    assert sized.unit == "GiB"
