"""The evaluation log: what an evaluation found that led to no transition, for whoever asks why nobody was paged.

Pure. Transitions are kept in rows of their own; here stand the steps between them, each written when it comes and
not again while it lasts:

* a breach by fewer datapoints than its level needs, one entry from its first datapoint to its last;
* an alert that begins to recover, or breaches again while it does;
* an end or a beginning that is withheld because the alert flaps;
* a series that never fired and has no data, or has data again;
* an alert whose series was not seen, so that it keeps its state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from watchtower.clock import from_epoch
from watchtower.evaluation.findings import Entry, Finding
from watchtower.evaluation.labels import known_labels
from watchtower.evaluation.levels import present_for
from watchtower.evaluation.missing_data import Code
from watchtower.evaluation.window import Window
from watchtower.evaluation.wording import Count, breach_reason
from watchtower.model import AlertKey, AlertState, Labels, Observation, State, Truth
from watchtower.rulebook.conditions import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from watchtower.batch import SeriesBatch
    from watchtower.evaluation.case import Scene
    from watchtower.evaluation.levels import Ruling
    from watchtower.evaluation.outcome import Outcome
    from watchtower.model import Answer
    from watchtower.rulebook.rule import Level, Rule

    Known = Mapping[tuple[tuple[str, str], ...], AlertState]

#: Breaches that one evaluation of a rule writes down: a storm is told by its alerts, not by this log.
MOST_BREACHES = 200


# -- breaches that are no alarm ---------------------------------------------------------------------------------------


def breaches(scene: Scene, batch: SeriesBatch, ruling: Ruling, known: Known, period: int) -> Iterator[Entry]:
    """The series whose newest datapoint breaches a level that is not in ALARM, nor a more urgent one, nor told."""
    found: dict[int, int] = {}
    for number, level in enumerate(scene.rule.levels):
        for row in _breaching(level, number, ruling):
            found.setdefault(row, number)
    for row, number in list(found.items())[:MOST_BREACHES]:
        before = known.get(batch.series[row].identity.pairs)
        level = scene.rule.levels[number]
        if before is None or before.priority is None or level.priority < before.priority:
            yield _breach(scene, batch, ruling, (row, number), period)


def _breaching(level: Level, number: int, ruling: Ruling) -> list[int]:
    """The rows, for as long as the breach lasts; of missing data there is nothing to be seen until it suffices."""
    if level.condition.kind is Kind.NO_DATA:
        return []
    verdicts = ruling.verdicts[number]
    lesser = (ruling.codes != Code.ALARM) | (ruling.level > number)
    rows = np.flatnonzero((verdicts.breaching > 0) & (verdicts.codes != Code.ALARM) & lesser)
    values = ruling.seen[number][rows]
    newest = values.shape[1] - 1 - present_for(level, values)[:, ::-1].argmax(axis=1)
    holds: list[int] = rows[level.condition.breaches(values)[np.arange(len(rows)), newest]].tolist()
    return holds


def _breach(scene: Scene, batch: SeriesBatch, ruling: Ruling, place: tuple[int, int], period: int) -> Entry:
    row, number = place
    rule, series = scene.rule, batch.series[row]
    level, verdicts = rule.levels[number], ruling.verdicts[number]
    window = Window.of(batch.times, batch.values[row], period)
    count = Count(int(verdicts.breaching[row]), level.of, int(verdicts.filled[row]))
    said = f": {series.reason}" if series.reason else ""
    return Entry(
        key=AlertKey(rule.name, series.identity),
        labels=known_labels(rule, series, scene.environment, None),
        finding=Finding.BREACH,
        since=from_epoch(_run_began(rule, level, Window.of(batch.times, ruling.seen[number][row], period))),
        at=scene.now,
        reason=f"{breach_reason(level, count, window, rule.missing)}{said}; {level.priority} needs {level.needed}",
        value=window.value,
        datapoints=window.datapoints,
        rule_file=rule.file,
        rule_line=rule.line,
    )


def _run_began(rule: Rule, level: Level, window: Window) -> int:
    """The first of the newest datapoints that breach in a row; where the window slides, its slots slide with it."""
    began = window.real[-1][0]
    for at, value in reversed(window.real):
        if not level.condition.holds(value):
            break
        began = at
    return began - began % rule.period if rule.step else began


# -- what was remembered and changed ----------------------------------------------------------------------------------


def steps(rule: Rule, answer: Answer, previous: Mapping[AlertKey, AlertState], outcome: Outcome) -> Iterator[Entry]:
    """The states that changed without a transition."""
    told = {change.key for change in outcome.transitions}
    seen: dict[Labels, Observation] | None = None
    for state in outcome.states:
        finding = None if state.key in told else _step(previous.get(state.key), state)
        if finding is not None:
            seen = seen or {each.identity: each for each in answer.observations}
            yield _entry(rule, state, finding, state.updated_at, state.reason, seen.get(state.key.identity))


def _step(before: AlertState | None, after: AlertState) -> Finding | None:
    withheld = _withheld(before, after)
    if withheld is not None:
        return withheld
    if after.firing:
        was = before is not None and before.recovering
        if after.recovering is was:
            return None
        return Finding.RECOVERING if after.recovering else Finding.BREACH_AGAIN
    if before is not None and before.state is after.state:
        return None
    if after.state is State.INSUFFICIENT_DATA:
        return Finding.NO_DATA
    return Finding.DATA_AGAIN if before is not None and before.state is State.INSUFFICIENT_DATA else None


def _withheld(before: AlertState | None, after: AlertState) -> Finding | None:
    changes = after.memory.changes
    if not after.memory.flapping or not changes or before is None or before.memory.changes == changes:
        return None
    return Finding.END_WITHHELD if changes[-1] < 0 else Finding.BEGINNING_WITHHELD


def unseen(rule: Rule, answer: Answer, previous: Mapping[AlertKey, AlertState], now: datetime) -> Iterator[Entry]:
    """The remembered alerts whose series could not be read, and so keep their state."""
    for each in answer.observations:
        unread = each.truth in (Truth.NOT_FETCHED, Truth.FORBIDDEN)
        state = previous.get(AlertKey(rule.name, each.identity)) if unread else None
        if state is not None and state.state is not State.OK:
            reason = f"not seen: {each.reason or each.truth}; {state.state} is kept"
            yield _entry(rule, state, Finding.NOT_SEEN, now, reason, None)


def _entry(
    rule: Rule, state: AlertState, finding: Finding, at: datetime, reason: str, seen: Observation | None
) -> Entry:
    return Entry(
        key=state.key,
        labels=state.labels,
        finding=finding,
        since=at,
        at=at,
        reason=reason,
        value=state.value,
        datapoints=_datapoints(seen, rule),
        rule_file=rule.file,
        rule_line=rule.line,
    )


def _datapoints(seen: Observation | None, rule: Rule) -> tuple[tuple[int, float | None], ...]:
    """The newest datapoints there are, as many as are evaluated, with the gaps between them."""
    points = dict(seen.points[-rule.slots :]) if seen is not None else {}
    if not points:
        return ()
    times: Sequence[int] = range(min(points), max(points) + 1, rule.period)
    return tuple((at, points.get(at)) for at in times)[-rule.slots :]
