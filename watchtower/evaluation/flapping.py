"""Alerts that change all the time: one notice, then no ends and no new beginnings until they calm down.

The measure is Nagios's, with its published weights
(https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/flapping.html): of the last 21 evaluations the
20 possible changes are weighed, the oldest with 0.75 and the newest with 1.25, as a share of all 20.

What is kept is when the alert changed, not each state in between: an evaluation that was missed, or could not see the
series, counts as one without a change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.evaluation.lifecycle import IDLE, Phase
from watchtower.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.model import AlertMemory
    from watchtower.rulebook.rule import Flapping

#: Changes that fit between the 21 states that are looked at.
CHANGES = 20
_OLDEST_WEIGHT = 0.75
_WEIGHT_PER_CHANGE = 0.5 / (CHANGES - 1)


@dataclass(frozen=True, slots=True)
class Grid:
    """When an evaluation takes place: at ``tick`` (epoch seconds), ``every`` so many seconds."""

    tick: int
    every: int

    @property
    def reach(self) -> int:
        """Seconds that the history covers."""
        return CHANGES * self.every


@dataclass(frozen=True, slots=True)
class Flap:
    """What others see of an alert, and what is remembered of its changes.

    ``began`` and ``ceased`` are told, each with ``words``, whatever else the evaluation would tell.
    """

    phase: Phase
    memory: AlertMemory
    began: bool = False
    ceased: bool = False
    words: str = ""


def percentage(changes: Iterable[int], grid: Grid) -> float:
    """Per cent of change at a tick; ``changes`` are the ticks of the changes, whatever their sign."""
    ages = ((grid.tick - abs(change)) // grid.every for change in changes)
    weights = [_OLDEST_WEIGHT + (CHANGES - 1 - age) * _WEIGHT_PER_CHANGE for age in ages if 0 <= age < CHANGES]
    return sum(weights) * 100 / CHANGES


def flap(flapping: Flapping | None, memory: AlertMemory, before: Phase, after: Phase, grid: Grid) -> Flap:
    """What follows from a step of the lifecycle, from ``before`` (as others saw it) to ``after``."""
    if flapping is None:
        return _calm(memory, before, after)
    was_up = before.firing and not memory.calm
    is_up = after.firing if was_up else _fires(after)
    if was_up is is_up and not memory.flapping:
        return Flap(after, _aged(memory, grid))
    if was_up is not is_up:
        memory = _noted(memory, is_up, grid)
    share = percentage(memory.changes, grid)
    flaps = share > flapping.low if memory.flapping else share >= flapping.high
    began, ceased = flaps and not memory.flapping, memory.flapping and not flaps
    return Flap(
        phase=_shown(before, after, flaps=flaps, up=is_up),
        memory=replace(memory, flapping=flaps) if began or ceased else memory,
        began=began,
        ceased=ceased,
        words=_words(flapping, memory, share, grid) if began else "no longer flapping" if ceased else "",
    )


def _calm(memory: AlertMemory, before: Phase, after: Phase) -> Flap:
    """The rule does not look for flapping; what an earlier version of it withheld comes true."""
    if not memory.changes:
        return Flap(after, memory)
    forgotten = replace(memory, changes=(), flapping=False)
    up = after.firing if not memory.calm else _fires(after)
    return Flap(_shown(before, after, flaps=False, up=up), forgotten)


def _fires(after: Phase) -> bool:
    return after.firing and after.state is State.ALARM and not after.recovering


def _shown(before: Phase, after: Phase, *, flaps: bool, up: bool) -> Phase:
    if up:
        return after
    if flaps:
        return after if after.firing else Phase(State.ALARM, True, before.priority, recovering=True)
    return IDLE if after.firing else after


def _noted(memory: AlertMemory, up: bool, grid: Grid) -> AlertMemory:
    """The history with one more change; two within one tick, when it is judged again, are none."""
    *older, newest = memory.changes or (0,)
    if abs(newest) == grid.tick:
        return replace(memory, changes=tuple(older))
    kept = (change for change in memory.changes if grid.tick - abs(change) < grid.reach)
    return replace(memory, changes=(*kept, grid.tick if up else -grid.tick))


def _aged(memory: AlertMemory, grid: Grid) -> AlertMemory:
    """The history without a change; it goes as a whole, so that an alert that calms down is written once."""
    return replace(memory, changes=()) if memory.changes and not current(memory, grid) else memory


def current(memory: AlertMemory, grid: Grid) -> bool:
    """Whether the newest change still counts; while it does, an alert that stays as it is has nothing to write."""
    return bool(memory.changes) and grid.tick - abs(memory.changes[-1]) < grid.reach


def _words(flapping: Flapping, memory: AlertMemory, share: float, grid: Grid) -> str:
    return (
        f"flapping: {len(memory.changes)} changes in the last {format_duration(grid.reach)} ({share:.1f} %); "
        f"no end and no new beginning is told before it is down to {flapping.low:g} %"
    )
