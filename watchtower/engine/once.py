"""`watchtower once`: one evaluation of every rule, nothing stored, nothing sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.engine.plan import SELF, newest_slot
from watchtower.engine.polling import poll
from watchtower.evaluation.judge import judge
from watchtower.model import Answer, State, Trouble
from watchtower.sources.base import Poll

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from watchtower.engine.plan import Plan
    from watchtower.rulebook.rule import Rule
    from watchtower.sources.base import Unit


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: an alert that is not OK, or the count of those of a rule that are."""

    rule: str
    state: str
    labels: Mapping[str, str]
    priority: str
    value: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Once:
    """What one evaluation found; ``troubles`` are polls that failed."""

    rows: tuple[Row, ...]
    troubles: tuple[Trouble, ...]


async def evaluate_once(plan: Plan, now: datetime, environment: str, patience: float) -> Once:
    """Poll every unit at its newest complete slot and judge it as if nothing were known."""
    units = [unit for unit in plan.units.values() if unit is not SELF]
    polls = [poll(plan.sources[unit.source], Poll(unit, newest_slot(unit, now), None, now), patience) for unit in units]
    results = await asyncio.gather(*polls)
    rows: list[Row] = []
    for unit, result in zip(units, results, strict=True):
        for answer in result.answers:
            rows.extend(_rows(plan.rules[answer.rule], answer, unit, now, environment))
    troubles = dict.fromkeys(trouble for result in results for trouble in result.troubles)
    return Once(tuple(_merged(rows)), tuple(troubles))


def _rows(rule: Rule, answer: Answer, unit: Unit, now: datetime, environment: str) -> list[Row]:
    outcome = judge(
        rule,
        answer,
        {},
        tick=newest_slot(unit, now),
        period=unit.period,
        now=now,
        environment=environment,
    )
    rows = [
        Row(
            rule.name,
            state.state.value,
            dict(state.key.identity),
            str(state.priority) if state.priority else "",
            state.value,
            state.reason,
        )
        for state in outcome.states
    ]
    held = [series for series in answer.observations if series.truth.holds]
    rows.extend(Row(rule.name, "not seen", dict(one.identity), "", None, one.reason) for one in held)
    fine = len(answer.observations) - len(rows)
    if fine or not rows:
        rows.append(Row(rule.name, State.OK.value, {}, "", None, f"{fine} series"))
    return rows


def _merged(rows: Sequence[Row]) -> list[Row]:
    """A rule that several units answer has one OK line, not one a unit."""
    counts: dict[str, int] = {}
    others = []
    for row in rows:
        if row.state == State.OK.value and not row.labels:
            counts[row.rule] = counts.get(row.rule, 0) + int(row.reason.split()[0])
        else:
            others.append(row)
    troubled = {row.rule for row in others}
    fine = [
        Row(rule, State.OK.value, {}, "", None, f"{count} series")
        for rule, count in counts.items()
        if count or rule not in troubled
    ]
    return sorted([*others, *fine], key=lambda row: (row.rule, row.state, tuple(row.labels.items())))
