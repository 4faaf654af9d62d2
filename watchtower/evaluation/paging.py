"""Whether an alert's beginning, or its rise, may still page: late datapoints correct the state and wake nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.clock import epoch, from_epoch
from watchtower.durations import format_duration
from watchtower.model import State
from watchtower.rulebook.conditions import Kind
from watchtower.rulebook.rule import Missing

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.evaluation.lifecycle import Phase
    from watchtower.evaluation.window import Window
    from watchtower.model import AlertMemory, AlertState, Priority
    from watchtower.rulebook.rule import Level, Rule


def told_phase(before: AlertState | None, phase: Phase) -> Phase:
    """The phase as people were told it: a priority that only datapoints too old to page reached is not theirs."""
    if before is None or not before.memory.untold:
        return phase
    return replace(phase, priority=before.memory.told)


def pages(told: Phase, after: Phase) -> bool:
    """Whether this step is news that rings: a beginning, or a priority more urgent than was told."""
    if after.state is not State.ALARM or after.recovering or after.priority is None:
        return False
    return not told.firing or told.priority is None or after.priority < told.priority


def too_old(rule: Rule, level: Level, window: Window, tick: datetime) -> str:
    """Why the newest breaching datapoint may not page any more; empty when it may.

    Age is counted from the tick, so that a long publication delay does not make everything old.
    """
    ended = _newest_breach_ended(rule, level, window)
    age = epoch(tick) - ended
    if age <= rule.max_page_age:
        return ""
    return (
        f"too old to page: the newest breaching datapoint ended at {from_epoch(ended):%Y-%m-%d %H:%M} UTC, "
        f"{format_duration(age)} before; max_page_age is {format_duration(rule.max_page_age)}"
    )


def _newest_breach_ended(rule: Rule, level: Level, window: Window) -> int:
    """Where datapoints that are missing breach, the newest empty slot is one that does."""
    silence = level.condition.kind is Kind.NO_DATA or rule.missing is Missing.BREACHING
    for at, value in reversed(window.datapoints):
        if silence if value is None else level.condition.holds(value):
            return at + window.period
    return window.datapoints[-1][0] + window.period


def remembered(memory: AlertMemory, told: Phase, *, held_back: bool, settled: bool) -> AlertMemory:
    """The memory after a step: what was told stands until the alert ends, or is in ALARM by what may page."""
    if held_back:
        known: Priority | None = told.priority if told.firing else None
        return replace(memory, untold=True, told=known)
    return replace(memory, untold=False, told=None) if memory.untold and settled else memory
