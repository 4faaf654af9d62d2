"""The life of one alert: what it was, what its series say now, what it is next.

An episode begins when an alert that is not firing comes into ALARM and ends with OK. Inside an episode

* INSUFFICIENT_DATA neither ends nor tells anything new about how bad it is: it goes on firing,
* the priority only rises,
* ALARM that no level confirms any more is *recovering*, and a re-breach goes on with the same episode.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.evaluation.missing_data import Code
from watchtower.model import State

if TYPE_CHECKING:
    from watchtower.model import AlertState, Priority


@dataclass(frozen=True, slots=True)
class Phase:
    """Where an alert stands; ``priority`` is the most urgent its episode reached, None when not firing."""

    state: State = State.OK
    firing: bool = False
    priority: Priority | None = None
    recovering: bool = False


IDLE = Phase()


def phase_of(previous: AlertState | None) -> Phase:
    """The phase a remembered alert is in; one that nobody remembers is OK."""
    if previous is None:
        return IDLE
    return Phase(previous.state, previous.firing, previous.priority, previous.recovering)


def advance(phase: Phase, code: Code, reached: Priority | None, *, recovered: bool) -> Phase:
    """The next phase: ``reached`` is the priority in ALARM now, ``recovered`` is asked only at OK."""
    if code is Code.RETAIN:
        return phase
    if code is Code.ALARM:
        return Phase(State.ALARM, True, _more_urgent(phase.priority, reached))
    if code is Code.INSUFFICIENT_DATA:
        return replace(phase, state=State.INSUFFICIENT_DATA, recovering=False)
    if phase.firing and not recovered:
        return Phase(State.ALARM, True, phase.priority, recovering=True)
    return IDLE


def _more_urgent(one: Priority | None, other: Priority | None) -> Priority | None:
    known = [priority for priority in (one, other) if priority is not None]
    return min(known, default=None)


def tells(before: Phase, after: Phase) -> bool:
    """Whether people may have to hear of it: a firing alert began, ended, or changed state or priority."""
    if not (before.firing or after.firing):
        return False
    return (before.state, before.priority) != (after.state, after.priority)


def begins(before: Phase, after: Phase) -> bool:
    """A new episode."""
    return after.firing and not before.firing
