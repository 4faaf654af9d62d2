"""One rule's answer judged: which alerts change, and what is told of it. Pure: no clock, no I/O.

The batch is decided in numpy. Only series that are not plainly OK, or were not, become objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from watchtower.batch import SeriesBatch
from watchtower.evaluation.case import Case, Change, Scene, decide, step, waiting
from watchtower.evaluation.endings import Absent, endings
from watchtower.evaluation.flapping import Grid, current
from watchtower.evaluation.journal import breaches
from watchtower.evaluation.levels import Ruling, rule_on
from watchtower.evaluation.missing_data import Code
from watchtower.evaluation.moot import nothing_to_judge
from watchtower.evaluation.outcome import Outcome, Verdict
from watchtower.evaluation.overrides import variants
from watchtower.evaluation.recovery import recovery
from watchtower.evaluation.window import Window
from watchtower.evaluation.wording import Count, silence_reason
from watchtower.model import AlertState, State, Truth
from watchtower.rulebook.conditions import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from watchtower.evaluation.missing_data import Verdicts
    from watchtower.model import AlertKey, Answer, Labels, Observation
    from watchtower.rulebook.rule import Level, Rule

    Known = Mapping[tuple[tuple[str, str], ...], AlertState]

__all__ = ["Outcome", "judge"]

_pairs, _truth = attrgetter("identity.pairs"), attrgetter("truth")
_SEEN = frozenset({Truth.VALUE, Truth.NO_DATA})


def judge(
    rule: Rule,
    answer: Answer,
    previous: Mapping[AlertKey, AlertState],
    *,
    tick: int,
    period: int,
    now: datetime,
    environment: str,
    absent: Collection[Labels] = (),
) -> Outcome:
    """Judge one rule's answer at ``tick`` (epoch seconds, the end of the newest slot; ``period`` in seconds).

    ``previous`` holds the rule's alerts that are not OK, or that remember something. A series that was not seen (its
    truth holds its state, or it is absent from the answer) changes nothing; but ``absent`` are those that were away
    from complete answers for as long as the rule waits (``vanished: {after}``).
    """
    gone = set(answer.gone)
    seen = _seen(answer.observations)
    if gone:
        seen = [each for each in seen if each.identity not in gone]
    known = {key.identity.pairs: state for key, state in previous.items()}
    verdict, grid = Verdict(), Grid(tick, rule.every)
    moot = [each for each in seen if each.moot is not None]
    for each in moot:
        changed = nothing_to_judge(Scene(rule, grid, now, environment), each, known.get(each.identity.pairs), period)
        verdict.add(*([] if changed is None else [changed]))
    verdict.count(State.INSUFFICIENT_DATA, len(moot))
    judged = [each for each in seen if each.moot is None] if moot else seen
    for variant, series in variants(rule, judged, environment):
        scene = Scene(variant, grid, now, environment)
        batch = SeriesBatch.of(series, end=tick, period=period, slots=rule.slots, banded=_banded(variant))
        _judge_alike(verdict, scene, batch, known, period)
    verdict.add(*endings(Scene(rule, grid, now, environment), Absent(gone, absent), previous, period))
    return verdict.outcome(evaluated=len(seen), held=len(answer.observations) - len(seen))


def _seen(observations: Sequence[Observation]) -> Sequence[Observation]:
    """The series that a source could see; nearly always all of them."""
    if set(map(_truth, observations)) <= _SEEN:
        return observations
    return [each for each in observations if each.truth in _SEEN]


def _banded(rule: Rule) -> bool:
    recovers = [rule.recover.condition] if rule.recover and rule.recover.condition else []
    return any(each.kind is Kind.BAND for each in (*(level.condition for level in rule.levels), *recovers))


def _judge_alike(verdict: Verdict, scene: Scene, batch: SeriesBatch, known: Known, period: int) -> None:
    """Judge series that have the same levels."""
    rule = scene.rule
    ruling = rule_on(rule.levels, batch.values, rule.missing, batch.excess)
    docket = _docket(batch, ruling, known, scene.grid)
    verdict.count(State.INSUFFICIENT_DATA, docket.waiting + len(docket.new))
    verdict.count_pending(_pending(ruling))
    verdict.record(breaches(scene, batch, ruling, known, period))
    if docket.new:
        reason = silence_reason(Window.of(batch.times, batch.values[docket.new[0]], period))
        verdict.add(*(Change(waiting(scene, batch.series[row], reason)) for row in docket.new))
    for case in _cases(rule, batch, ruling, docket, period):
        taken = step(scene, case)
        verdict.count(taken.after.state)
        changed = decide(scene, case, taken)
        if changed is not None:
            verdict.add(changed)


def _pending(ruling: Ruling) -> int:
    """How many breach, but not often enough."""
    breaching = np.logical_or.reduce([verdicts.breaching > 0 for verdicts in ruling.verdicts])
    return int((breaching & (ruling.codes != Code.ALARM)).sum())


@dataclass(frozen=True, slots=True)
class _Docket:
    """The rows that may change something, each with what is remembered of it.

    ``waiting`` counts those that had no data, never fired and still have none: nothing to say of them. ``new`` are
    rows without any datapoint of which nothing is remembered.
    """

    rows: tuple[tuple[int, AlertState | None], ...]
    waiting: int
    new: tuple[int, ...]


def _docket(batch: SeriesBatch, ruling: Ruling, known: Known, grid: Grid) -> _Docket:
    alarmed, insufficient = ruling.codes == Code.ALARM, ruling.codes == Code.INSUFFICIENT_DATA
    empty = insufficient & np.isnan(batch.values).all(axis=1)
    if not known:
        rows = np.flatnonzero((alarmed | insufficient) & ~empty).tolist()
        return _Docket(tuple((row, None) for row in rows), 0, tuple(np.flatnonzero(empty).tolist()))
    befores = list(map(known.get, map(_pairs, batch.series)))
    found = [(row, before) for row, before in enumerate(befores) if before is not None]
    remembered = _rows([row for row, _ in found], len(befores))
    idle = _rows([row for row, before in found if _waits(before)], len(befores))
    calm = _rows([row for row, before in found if _rests(before, grid)], len(befores))
    waits = (insufficient | (ruling.codes == Code.RETAIN)) & idle
    new = empty & ~remembered
    rows = np.flatnonzero((alarmed | insufficient | (remembered & ~calm)) & ~waits & ~new).tolist()
    return _Docket(tuple((row, befores[row]) for row in rows), int(waits.sum()), tuple(np.flatnonzero(new).tolist()))


def _waits(before: AlertState) -> bool:
    return before.state is State.INSUFFICIENT_DATA and not before.firing


def _rests(before: AlertState, grid: Grid) -> bool:
    """It is OK, and only its past is remembered: as long as it stays so, there is nothing to do."""
    return before.state is State.OK and not before.firing and current(before.memory, grid)


def _rows(marked: Sequence[int], count: int) -> NDArray[np.bool_]:
    mask = np.zeros(count, np.bool_)
    mask[marked] = True
    return mask


def _cases(rule: Rule, batch: SeriesBatch, ruling: Ruling, docket: _Docket, period: int) -> Iterator[Case]:
    recoveries = _recoveries(rule, batch, ruling, docket)
    rows = [row for row, _ in docket.rows]
    counts = [_counts(level, verdicts, rows) for level, verdicts in zip(rule.levels, ruling.verdicts, strict=True)]
    windows = Window.all(batch.times, batch.values[rows], period)
    numbers, codes = ruling.level[rows].tolist(), ruling.codes[rows].tolist()
    for place, (row, before) in enumerate(docket.rows):
        number = numbers[place]
        level = rule.levels[number]
        yield Case(
            batch.series[row],
            before,
            Code(codes[place]),
            level,
            counts[number][place],
            windows[place],
            Window.of(batch.times, ruling.seen[number][row], period) if level.condition.kind is Kind.BAND else None,
            recoveries.get(row),
        )


def _counts(level: Level, verdicts: Verdicts, rows: Sequence[int]) -> list[Count]:
    found, filled = verdicts.breaching[rows].tolist(), verdicts.filled[rows].tolist()
    return [Count(*each) for each in zip(found, repeat(level.of), filled, strict=False)]


def _recoveries(rule: Rule, batch: SeriesBatch, ruling: Ruling, docket: _Docket) -> dict[int, tuple[int, bool]]:
    """How far each firing series out of ALARM has recovered: (good datapoints, whether they suffice)."""
    if rule.recover is None:
        return {}
    asked = [row for row, before in docket.rows if before and before.firing and ruling.codes[row] == Code.OK]
    excess = None if batch.excess is None else batch.excess[asked]
    found = recovery(rule.recover, rule.levels, batch.values[asked], rule.missing, excess)
    return dict(zip(asked, zip(found.good.tolist(), found.holds.tolist(), strict=True), strict=True))
