"""`watchtower once`: one evaluation of every rule, nothing stored, nothing sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.engine.plan import newest_slot
from watchtower.engine.polling import poll
from watchtower.evaluation.composite import judge_composites
from watchtower.evaluation.judge import judge
from watchtower.model import Answer, State, Trouble
from watchtower.sources.base import Poll

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from watchtower.engine.plan import Plan
    from watchtower.evaluation.outcome import Outcome
    from watchtower.model import AlertState
    from watchtower.rulebook.rule import Rule
    from watchtower.sources.base import Unit


#: The state of what could not be asked.
_NOT_SEEN = "not seen"


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
    units = [unit for unit in plan.units.values() if unit.source in plan.sources]
    polls = [poll(plan.sources[unit.source], Poll(unit, newest_slot(unit, now), None, now), patience) for unit in units]
    results = await asyncio.gather(*polls)
    rows: list[Row] = []
    states: list[AlertState] = []
    for unit, result in zip(units, results, strict=True):
        for answer in result.answers:
            outcome = _judged(plan.rules[answer.rule], answer, unit, now, environment)
            states.extend(outcome.states)
            rows.extend(_rows(answer, outcome))
    asked = {ask.rule for unit, result in zip(units, results, strict=True) if not result.answers for ask in unit.asks}
    rows.extend(_composite_rows(plan, states, asked, now, environment))
    troubles = dict.fromkeys(trouble for result in results for trouble in result.troubles)
    return Once(tuple(_merged(rows)), tuple(troubles))


def _judged(rule: Rule, answer: Answer, unit: Unit, now: datetime, environment: str) -> Outcome:
    tick = newest_slot(unit, now)
    return judge(rule, answer, {}, tick=tick, period=unit.period, now=now, environment=environment)


def _rows(answer: Answer, outcome: Outcome) -> list[Row]:
    rows = [_row(state) for state in outcome.states]
    held = [series for series in answer.observations if series.truth.holds]
    rows.extend(Row(answer.rule, _NOT_SEEN, dict(one.identity), "", None, one.reason) for one in held)
    fine = len(answer.observations) - len(rows)
    if fine or not rows:
        rows.append(_fine(answer.rule, fine))
    return rows


def _row(state: AlertState) -> Row:
    priority = str(state.priority) if state.priority else ""
    return Row(state.key.rule, state.state.value, dict(state.key.identity), priority, state.value, state.reason)


def _fine(rule: str, count: int) -> Row:
    return Row(rule, State.OK.value, {}, "", None, f"{count} series")


def _composite_rows(
    plan: Plan, states: Sequence[AlertState], unseen: set[str], now: datetime, environment: str
) -> Iterator[Row]:
    """What the composites are; one that reads a rule that was not answered is nobody's to say."""
    outcomes = judge_composites(plan.composites, states, now, environment)
    for rule, outcome in zip(plan.composites, outcomes, strict=True):
        missing = sorted(rule.query.operands & unseen)
        if missing:
            unseen.add(rule.name)
            yield Row(rule.name, _NOT_SEEN, {}, "", None, f"nothing is known of {', '.join(missing)}")
            continue
        yield from (_row(state) for state in outcome.states)
        yield _fine(rule.name, outcome.evaluated - len(outcome.states))


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
