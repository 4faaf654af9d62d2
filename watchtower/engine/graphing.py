"""What newly fires takes along what can be drawn of it; pure, and nothing is fetched before the page is out."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite, nextafter
from typing import TYPE_CHECKING

from watchtower.engine.witnesses import newly_fires
from watchtower.graphspec import GraphLimit, GraphSpec
from watchtower.matchers import matches_all
from watchtower.rulebook.conditions import Kind
from watchtower.sources.base import Charted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.engine.judging import Judgement
    from watchtower.engine.plan import Plan
    from watchtower.graphspec import GraphQuery
    from watchtower.model import Transition
    from watchtower.rulebook.conditions import Interval
    from watchtower.rulebook.rule import Level, Rule
    from watchtower.sources.base import Unit

#: Datapoints of the evaluated window that are carried, the newest.
MOST_POINTS = 120
_TEXT = 120
_DRAWABLE = frozenset({Kind.COMPARE, Kind.OUTSIDE, Kind.BAND})


def with_graphs(plan: Plan, unit: Unit, judgement: Judgement) -> Judgement:
    """The judgement, in which alerts that newly fire, or more urgently, carry what can be drawn of them."""
    outcomes = tuple(
        replace(outcome, transitions=tuple(_drawable(plan, unit, change) for change in outcome.transitions))
        if outcome.transitions
        else outcome
        for outcome in judgement.outcomes
    )
    return replace(judgement, outcomes=outcomes)


def _drawable(plan: Plan, unit: Unit, change: Transition) -> Transition:
    rule = plan.rules.get(change.key.rule)
    if rule is None or not newly_fires(change):
        return change
    return replace(change, graph=graph_of(rule, change, _query(plan, unit, change)))


def graph_of(rule: Rule, change: Transition, query: GraphQuery | None) -> GraphSpec | None:
    """What can be drawn of an alert; None when no limit is a number, or less than two numbers are known."""
    levels = [level for level in _levels(rule, change) if level.condition.kind in _DRAWABLE]
    numbers = [value for _, value in change.datapoints if value is not None and isfinite(value)]
    if not levels or (query is None and len(numbers) < 2):
        return None
    shown = next((level.condition.unit for level in levels if level.condition.unit), "")
    return GraphSpec(
        title=((query.title if query else "") or rule.name)[:_TEXT],
        period=rule.period,
        limits=tuple(map(_limit, levels)),
        points=change.datapoints[-MOST_POINTS:],
        unit=shown,
        query=query,
    )


def _query(plan: Plan, unit: Unit, change: Transition) -> GraphQuery | None:
    source = plan.sources[unit.source]
    ask = next((ask for ask in unit.asks if ask.rule == change.key.rule), None)
    return source.chart(unit, ask, change.key.identity) if ask and isinstance(source, Charted) else None


def _levels(rule: Rule, change: Transition) -> Iterable[Level]:
    own = (override.levels for override in rule.overrides if matches_all(override.matchers, change.labels))
    return next(own, rule.levels)


def _limit(level: Level) -> GraphLimit:
    condition = level.condition
    spans = tuple(map(_closed, condition.intervals))
    return GraphLimit(level.priority, condition.text[:_TEXT], spans, of_band=condition.kind is Kind.BAND)


def _closed(interval: Interval) -> tuple[float | None, float | None]:
    """The interval with its ends included: an open end is the next number there is."""
    low = interval.low if interval.low_included else nextafter(interval.low, inf)
    high = interval.high if interval.high_included else nextafter(interval.high, -inf)
    return low if isfinite(interval.low) else None, high if isfinite(interval.high) else None
