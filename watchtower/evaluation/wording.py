"""Reasons and default summaries: one sentence, with the figures, that a person woken at night understands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.model import Labels, State
from watchtower.rulebook.conditions import Condition, Kind
from watchtower.rulebook.rule import Missing

if TYPE_CHECKING:
    from watchtower.evaluation.lifecycle import Phase
    from watchtower.evaluation.window import Window
    from watchtower.model import AlertKey
    from watchtower.rulebook.rule import Level, Recover

_TAKEN_AS = {
    Missing.MISSING: "",
    Missing.IGNORE: "",
    Missing.BREACHING: ", which is taken as breaching",
    Missing.NOT_BREACHING: ", which is taken as healthy",
}


@dataclass(frozen=True, slots=True)
class Count:
    """``found`` of the newest ``of`` datapoints, ``filled`` of which do not exist."""

    found: int
    of: int
    filled: int = 0


def breach_reason(level: Level, count: Count, window: Window, missing: Missing) -> str:
    """Why a level is in ALARM, or is not: how many of its datapoints breached."""
    if level.condition.kind is Kind.NO_DATA:
        return f"{count.found} of the last {_many(count.of, 'period')} had no datapoint"
    if count.filled >= count.of:
        return silence_reason(window) + _TAKEN_AS[missing]
    text = _counted(count, _holds(level.condition))
    if count.filled:
        text += f", {count.filled} missing{_TAKEN_AS[missing]}"
    return text + _newest(level.condition, window)


def silence_reason(window: Window) -> str:
    """Why nothing can be said."""
    slots, real = len(window.datapoints), len(window.real)
    if not real:
        return f"no datapoints in the last {_many(slots, 'period')}"
    return f"{real} of the last {_many(slots, 'period')} had a datapoint, too few to decide"


def recovery_reason(recover: Recover, level: Level, good: int, window: Window, *, holds: bool) -> str:
    """How far an alert has recovered."""
    condition = recover.condition
    text = _counted(Count(good, recover.of), _holds(condition) if condition else "fine")
    if not holds:
        text = f"recovering: {text}, {recover.needed} needed"
    return text + _newest(condition or level.condition, window)


def _counted(count: Count, what: str) -> str:
    existing = count.of - count.filled
    if existing == 1:
        return f"the last datapoint was {'' if count.found else 'not '}{what}"
    return f"{count.found} of the last {existing} datapoints {'was' if count.found == 1 else 'were'} {what}"


def _many(count: int, thing: str) -> str:
    return thing if count == 1 else f"{count} {thing}s"


def _holds(condition: Condition) -> str:
    return "missing" if condition.kind is Kind.NO_DATA else condition.text


def _newest(condition: Condition, window: Window) -> str:
    """The newest value in the unit of the condition; of an up or down only the time is news."""
    real = window.real
    if not real:
        return ""
    at, value = real[-1]
    shown = "" if condition.kind is Kind.DOWN else f"{condition.show(value)} "
    return f" (newest {shown}at {window.when(at)})"


def default_summary(key: AlertKey, phase: Phase, level: Level, value: float | None) -> str:
    """The summary of a rule that brings none: ``RdsCpuHigh: 91.2 > 80 for 2 of 2 datapoints, db-1``."""
    where = ", ".join(telling(key.identity))
    return f"{key.rule}: {_what(phase, level, value)}" + (f", {where}" if where else "")


def _what(phase: Phase, level: Level, value: float | None) -> str:
    condition = level.condition
    shown = "" if value is None or condition.kind is Kind.DOWN else condition.show(value)
    if phase.state is State.OK:
        return f"OK at {shown}" if shown else "OK"
    if phase.state is State.INSUFFICIENT_DATA:
        return "no data"
    if condition.kind is Kind.NO_DATA:
        return f"no data in {level.needed} of {level.of} periods"
    return f"{shown} {condition.text} for {level.needed} of {level.of} datapoints".strip()


def telling(identity: Labels) -> list[str]:
    """The labels that tell one series from the next; account and region only where nothing else does."""
    names = [name for name in identity if name not in ("account", "region")]
    return [identity[name] for name in names or identity]
