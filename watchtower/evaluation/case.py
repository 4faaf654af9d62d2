"""One alert's case at one tick: what is known of it, and the change that follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.evaluation.labels import labels_of
from watchtower.evaluation.lifecycle import Phase, advance, begins, phase_of, tells
from watchtower.evaluation.missing_data import Code
from watchtower.evaluation.telling import change, told_by
from watchtower.evaluation.wording import breach_reason, default_summary, recovery_reason, silence_reason
from watchtower.model import AlertKey, AlertState, Labels, State

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.evaluation.window import Window
    from watchtower.evaluation.wording import Count
    from watchtower.model import Observation, Priority, Transition
    from watchtower.rulebook.rule import Level, Rule


@dataclass(frozen=True, slots=True)
class Scene:
    """What is the same for every case of a judgement."""

    rule: Rule
    tick: datetime
    now: datetime
    environment: str


@dataclass(frozen=True, slots=True)
class Case:
    """One series: what is remembered of its alert, and what its levels say now.

    ``level`` is the most urgent one in ALARM, else the least urgent; ``count`` is its own. ``recovery`` is
    (good datapoints, whether they suffice), None where the rule has no ``recover`` or it is not asked.
    """

    observation: Observation
    before: AlertState | None
    code: Code
    level: Level
    count: Count
    window: Window
    recovery: tuple[int, bool] | None = None

    @property
    def phase(self) -> Phase:
        """Where the alert stood."""
        return phase_of(self.before)

    @property
    def next(self) -> Phase:
        """Where it stands now."""
        reached = self.level.priority if self.code is Code.ALARM else None
        return advance(self.phase, self.code, reached, recovered=self.recovery is None or self.recovery[1])


@dataclass(frozen=True, slots=True)
class Change:
    """What one case brings: a row to write and, where people may have to hear of it, a transition."""

    state: AlertState
    transition: Transition | None = None
    notes: tuple[str, ...] = ()


def decide(scene: Scene, case: Case) -> Change | None:
    """What follows from a case; None where nothing needs to be written."""
    phase, after = case.phase, case.next
    if after == phase and (not after.firing or _value(case.before) == case.window.value):
        return None
    labels, notes = _labels(scene, case, after)
    state = _state(scene, case, after, labels)
    if not tells(phase, after):
        return Change(state, None, notes)
    level = _level_of(scene.rule, after.priority or phase.priority)
    summary = default_summary(state.key, after, level, case.window.value)
    base = replace(
        change(case.before, state, summary),
        datapoints=case.window.datapoints,
        evidence=case.observation.evidence,
    )
    transition, more = told_by(scene.rule, base, case.observation.reason)
    return Change(state, transition, notes + more)


def _value(before: AlertState | None) -> float | None:
    return before.value if before else None


def _labels(scene: Scene, case: Case, after: Phase) -> tuple[Labels, tuple[str, ...]]:
    """Labels are read anew when an alert enters ALARM or rises; else it keeps those it was told with."""
    entered = after.state is State.ALARM and tells(case.phase, after)
    if case.before is not None and not entered:
        return case.before.labels, ()
    return labels_of(scene.rule, case.observation, scene.environment, after.priority, case.window.value)


def _state(scene: Scene, case: Case, after: Phase, labels: Labels) -> AlertState:
    before = case.before
    same = before is not None and before.state is after.state
    return AlertState(
        key=before.key if before else AlertKey(scene.rule.name, case.observation.identity),
        labels=labels,
        state=after.state,
        firing=after.firing,
        priority=after.priority,
        value=case.window.value,
        reason=_reason(scene.rule, case),
        since=before.since if before and same else scene.tick,
        updated_at=scene.now,
        seq=(before.seq if before else 0) + begins(case.phase, after),
        no_data_since=_no_data_since(case, after),
        recovering=after.recovering,
    )


def _no_data_since(case: Case, after: Phase) -> datetime | None:
    if not after.firing or after.state is not State.INSUFFICIENT_DATA:
        return None
    known = case.before.no_data_since if case.before else None
    return known or case.window.silent_since


def _reason(rule: Rule, case: Case) -> str:
    said = case.observation.reason
    return _figures(rule, case) + (f": {said}" if said else "")


def _figures(rule: Rule, case: Case) -> str:
    if case.code is Code.RETAIN:
        return f"{silence_reason(case.window)}, state kept"
    if case.code is Code.INSUFFICIENT_DATA:
        return silence_reason(case.window)
    if case.code is Code.OK and rule.recover is not None and case.recovery is not None:
        good, holds = case.recovery
        return recovery_reason(rule.recover, case.level, good, case.window, holds=holds)
    return breach_reason(case.level, case.count, case.window, rule.missing)


def _level_of(rule: Rule, priority: Priority | None) -> Level:
    return next((level for level in rule.levels if level.priority is priority), rule.levels[-1])
