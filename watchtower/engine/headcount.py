"""Rules that watch nothing, less than they should, or more than they may: silence is never mistaken for health."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from watchtower.clock import epoch
from watchtower.engine.concern import Concern
from watchtower.model import Labels, Priority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from watchtower.engine.plan import Plan
    from watchtower.evaluation.roll import Census
    from watchtower.rulebook.rule import Rule
    from watchtower.store.values import UnitHealth

WITHOUT_SERIES = "WatchtowerRuleWithoutSeries"
SERIES_LIMIT = "WatchtowerSeriesLimit"

#: Discovery intervals that a rule may be without its series: one listing may be asked too early, or be doubted.
PATIENCE = 2


def rule_concerns(health: Sequence[UnitHealth], plan: Plan, now: datetime) -> Iterator[Concern]:
    """The rules whose number of series is wrong, over all units that have them.

    A rule of which some unit has never had a complete answer is not judged: there, nothing is known.
    """
    counted = _counted(health, plan)
    for name, units in _units(plan).items():
        known = [counted[name, unit] for unit in units if (name, unit) in counted]
        rule = plan.rules[name]
        ignored = sum(census.ignored for census in known)
        if ignored:
            yield _over_the_limit(rule, ignored, plan.series_limit)
        if len(known) == len(units):
            yield from _too_few(rule, known, epoch(now) - PATIENCE * plan.discovery_interval)


def _units(plan: Plan) -> Mapping[str, list[str]]:
    units: dict[str, list[str]] = defaultdict(list)
    for unit in plan.units.values():
        for ask in unit.asks:
            if ask.rule in plan.rules:
                units[ask.rule].append(unit.id)
    return units


def _counted(health: Sequence[UnitHealth], plan: Plan) -> dict[tuple[str, str], Census]:
    return {(census.rule, unit.id): census for unit in health if unit.id in plan.units for census in unit.census}


def _too_few(rule: Rule, known: Sequence[Census], before: float) -> Iterator[Concern]:
    series = sum(census.series for census in known)
    if series == 0:
        empty_since = max(census.empty_since or census.since for census in known)
        # A rule that says it expects none is as it should be.
        if empty_since <= before and rule.expect_series != 0:
            yield _without(rule, f"{rule.name} watches nothing: no series matches its query", "no series at all")
    elif series < (rule.expect_series or 0) and max(census.since for census in known) <= before:
        what = f"{series} of {rule.expect_series} expected series"
        yield _without(rule, f"{rule.name} watches only {what}", what)


def _without(rule: Rule, summary: str, reason: str) -> Concern:
    return Concern(WITHOUT_SERIES, Labels({"rule": rule.name}), Priority.P3, summary, f"{reason} ({_place(rule)})")


def _over_the_limit(rule: Rule, ignored: int, limit: int) -> Concern:
    return Concern(
        SERIES_LIMIT,
        Labels({"rule": rule.name}),
        Priority.P3,
        f"{rule.name} does not watch {ignored} of its series: the limit is {limit} in an account and region",
        f"{ignored} new series are ignored; narrow the rule's dimensions, or raise series_limit ({_place(rule)})",
    )


def _place(rule: Rule) -> str:
    return f"{rule.file}:{rule.line}"
