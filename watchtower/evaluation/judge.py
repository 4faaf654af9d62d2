"""One rule's answer judged: which alerts change, and what is told of it. Pure: no clock, no I/O.

The batch is decided in numpy. Only series that are not plainly OK, or were not, become objects.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watchtower.clock import from_epoch
from watchtower.evaluation.case import Case, Change, Scene, decide
from watchtower.evaluation.levels import Ruling, rule_on
from watchtower.evaluation.missing_data import Code
from watchtower.evaluation.recovery import recovery
from watchtower.evaluation.window import Window
from watchtower.evaluation.wording import Count
from watchtower.model import AlertState, SeriesBatch, State, Transition, Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from watchtower.model import AlertKey, Answer
    from watchtower.rulebook.rule import Rule


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one answer changes.

    ``states`` are rows to write: alerts that are not OK and changed, and those that became OK (state OK, not
    firing). ``evaluated`` and ``held`` count series; ``alarms`` and ``insufficient`` say how many of the
    evaluated are now in that state. ``notes`` name the templates that failed.
    """

    states: tuple[AlertState, ...]
    transitions: tuple[Transition, ...]
    evaluated: int
    held: int
    alarms: int
    insufficient: int
    notes: tuple[str, ...] = ()


def judge(
    rule: Rule,
    answer: Answer,
    previous: Mapping[AlertKey, AlertState],
    *,
    tick: int,
    period: int,
    now: datetime,
    environment: str,
) -> Outcome:
    """Judge one rule's answer at ``tick`` (epoch seconds, the end of the newest slot; ``period`` in seconds).

    ``previous`` holds the rule's alerts that are not OK. A series that was not seen (its truth holds its
    state, or it is absent from the answer) changes nothing.
    """
    seen = [one for one in answer.observations if one.truth is Truth.VALUE or one.truth is Truth.NO_DATA]
    batch = SeriesBatch.of(seen, end=tick, period=period, slots=rule.slots)
    ruling = rule_on(rule.levels, batch.values, rule.missing)
    docket = _docket(batch, ruling, previous)
    scene = Scene(rule, from_epoch(tick), now, environment)
    states = Counter({State.INSUFFICIENT_DATA: docket.waiting})
    changes: list[Change] = []
    for case in _cases(rule, batch, ruling, docket, period):
        states[case.next.state] += 1
        changed = decide(scene, case)
        if changed is not None:
            changes.append(changed)
    return Outcome(
        states=tuple(changed.state for changed in changes),
        transitions=tuple(changed.transition for changed in changes if changed.transition is not None),
        evaluated=len(seen),
        held=len(answer.observations) - len(seen),
        alarms=states[State.ALARM],
        insufficient=states[State.INSUFFICIENT_DATA],
        notes=tuple(dict.fromkeys(note for changed in changes for note in changed.notes)),
    )


@dataclass(frozen=True, slots=True)
class _Docket:
    """The rows that may change something, each with what is remembered of it.

    ``waiting`` counts those that had no data, never fired and still have none: nothing to say of them.
    """

    rows: tuple[tuple[int, AlertState | None], ...]
    waiting: int


def _docket(batch: SeriesBatch, ruling: Ruling, previous: Mapping[AlertKey, AlertState]) -> _Docket:
    in_question = (ruling.codes == Code.ALARM) | (ruling.codes == Code.INSUFFICIENT_DATA)
    if not previous:
        return _Docket(tuple((row, None) for row in np.flatnonzero(in_question).tolist()), 0)
    known = {key.identity: state for key, state in previous.items()}
    befores = [known.get(observation.identity) for observation in batch.series]
    remembered = _mask(before is not None for before in befores)
    silent = (ruling.codes == Code.INSUFFICIENT_DATA) | (ruling.codes == Code.RETAIN)
    waiting = silent & _mask(before is not None and not before.firing for before in befores)
    rows = np.flatnonzero((in_question | remembered) & ~waiting).tolist()
    return _Docket(tuple((row, befores[row]) for row in rows), int(waiting.sum()))


def _mask(truths: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(truths, np.bool_)


def _cases(rule: Rule, batch: SeriesBatch, ruling: Ruling, docket: _Docket, period: int) -> Iterator[Case]:
    recoveries = _recoveries(rule, batch, ruling, docket)
    for row, before in docket.rows:
        number = int(ruling.level[row])
        verdicts, level = ruling.verdicts[number], rule.levels[number]
        yield Case(
            batch.series[row],
            before,
            Code(int(ruling.codes[row])),
            level,
            Count(int(verdicts.breaching[row]), level.of, int(verdicts.filled[row])),
            Window.of(batch.times, batch.values[row], period),
            recoveries.get(row),
        )


def _recoveries(rule: Rule, batch: SeriesBatch, ruling: Ruling, docket: _Docket) -> dict[int, tuple[int, bool]]:
    """How far each firing series out of ALARM has recovered: (good datapoints, whether they suffice)."""
    if rule.recover is None:
        return {}
    asked = [row for row, before in docket.rows if before and before.firing and ruling.codes[row] == Code.OK]
    found = recovery(rule.recover, rule.levels, batch.values[asked], rule.missing)
    return dict(zip(asked, zip(found.good.tolist(), found.holds.tolist(), strict=True), strict=True))
