"""One alert's case at one tick: what is known of it, and the change that follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.clock import from_epoch
from watchtower.evaluation.flapping import Flap, Grid, flap
from watchtower.evaluation.labels import known_labels, labels_of
from watchtower.evaluation.lifecycle import Phase, advance, begins, phase_of, tells
from watchtower.evaluation.missing_data import Code
from watchtower.evaluation.paging import pages, remembered, told_phase, too_old
from watchtower.evaluation.telling import change, told_by
from watchtower.evaluation.wording import breach_reason, default_summary, recovery_reason, silence_reason
from watchtower.model import NOTHING, AlertKey, AlertMemory, AlertState, Labels, State

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.evaluation.window import Window
    from watchtower.evaluation.wording import Count
    from watchtower.model import Observation, Priority, Transition
    from watchtower.rulebook.rule import Level, Rule


@dataclass(frozen=True, slots=True)
class Scene:
    """What is the same for every case of a judgement; ``grid`` says when it takes place."""

    rule: Rule
    grid: Grid
    now: datetime
    environment: str

    @property
    def tick(self) -> datetime:
        """The moment that is judged."""
        return from_epoch(self.grid.tick)


@dataclass(frozen=True, slots=True)
class Case:
    """One series: what is remembered of its alert, and what its levels say now.

    ``level`` is the most urgent one in ALARM, else the least urgent; ``count`` is its own. ``recovery`` is
    (good datapoints, whether they suffice), None where the rule has no ``recover`` or it is not asked. ``said``
    stands in place of the figures where it is not datapoints that decide. ``excess`` is the window of how far the
    values are outside of their band, where the level asks for that. ``moot_since`` is as in what is remembered.
    """

    observation: Observation
    before: AlertState | None
    code: Code
    level: Level
    count: Count
    window: Window
    excess: Window | None = None
    recovery: tuple[int, bool] | None = None
    said: str = ""
    moot_since: int = 0

    @property
    def phase(self) -> Phase:
        """Where the alert stood."""
        return phase_of(self.before)

    @property
    def memory(self) -> AlertMemory:
        """What is remembered of it besides its state."""
        return self.before.memory if self.before else NOTHING


_UNHEARD = "nobody was told of its beginning, which was too old to page"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an alert's life: ``told`` is where people know it to be, ``after`` where it is now.

    ``unsent`` says why the page that is due is held back. ``alarmed``: datapoints say so, not silence or a recovery.
    ``fresh``: its series has something that nobody was told of. ``moot_since`` is as in what is remembered.
    """

    told: Phase
    flap: Flap
    alarmed: bool
    unsent: str
    fresh: bool = False
    moot_since: int = 0

    @property
    def after(self) -> Phase:
        """Where the alert stands now, as others see it."""
        return self.flap.phase

    @property
    def memory(self) -> AlertMemory:
        """What is remembered of it from now on."""
        settled = self.alarmed or not self.after.firing
        memory = remembered(self.flap.memory, self.told, held_back=bool(self.unsent), settled=settled)
        return memory if memory.moot_since == self.moot_since else replace(memory, moot_since=self.moot_since)

    def news(self, before: Phase) -> bool:
        """Whether a transition follows; one that is held back is recorded when it comes, not at each tick."""
        if self.fresh and self.alarmed and not self.unsent:
            return True
        if self.flap.began or self.flap.ceased or (pages(self.told, self.after) and not self.unsent):
            return True
        return tells(before if self.unsent else self.told, self.after)


@dataclass(frozen=True, slots=True)
class Change:
    """What one case brings: a row to write and, where people may have to hear of it, a transition."""

    state: AlertState
    transition: Transition | None = None
    notes: tuple[str, ...] = ()


def step(scene: Scene, case: Case) -> Step:
    """The next step of an alert."""
    rule, alarmed = scene.rule, case.code is Code.ALARM
    told = told_phase(case.before, case.phase) if alarmed else case.phase
    reached = case.level.priority if alarmed else None
    after = advance(told, case.code, reached, recovered=case.recovery is None or case.recovery[1])
    flapped = flap(rule.flapping, case.memory, told, after, scene.grid)
    due = alarmed and not case.said and pages(told, flapped.phase)
    unsent = too_old(rule, case.level, case.excess or case.window, scene.tick) if due else ""
    return Step(told, flapped, alarmed, unsent, case.observation.fresh, case.moot_since)


def decide(scene: Scene, case: Case, taken: Step) -> Change | None:
    """What follows from a case; None where nothing needs to be written."""
    phase, after, news = case.phase, taken.after, taken.news(case.phase)
    moved = after.firing and _value(case.before) != case.window.value
    if after == phase and taken.memory == case.memory and not moved and not news:
        return None
    labels, notes = _labels(scene, case, after)
    state = _state(scene, case, taken, labels)
    if not news:
        return Change(state, None, notes)
    transition, more = _transition(scene, case, taken, state)
    return Change(state, transition, notes + more)


def waiting(scene: Scene, observation: Observation, reason: str) -> AlertState:
    """The row of a series that never fired and has no datapoint at all; its templates wait until it fires."""
    return AlertState(
        key=AlertKey(scene.rule.name, observation.identity),
        labels=known_labels(scene.rule, observation, scene.environment, None),
        state=State.INSUFFICIENT_DATA,
        firing=False,
        priority=None,
        value=None,
        reason=f"{reason}: {observation.reason}" if observation.reason else reason,
        since=scene.tick,
        updated_at=scene.now,
    )


def _transition(scene: Scene, case: Case, taken: Step, state: AlertState) -> tuple[Transition, tuple[str, ...]]:
    after = taken.after
    summary = ""
    if scene.rule.summary is None:
        level = _level_of(scene.rule, after.priority or case.phase.priority)
        summary = default_summary(state.key, after, level, case.window.value)
    base = change(case.before, state, summary, case.window.datapoints, case.observation.evidence)
    transition, notes = told_by(scene.rule, base, case.observation.reason)
    if taken.unsent and transition.notify:
        reason = f"{transition.reason}; {taken.unsent}"
        transition = replace(transition, reason=reason, notify=False, unsent=taken.unsent)
    elif transition.notify and case.memory.never_told and not after.firing:
        transition = replace(transition, notify=False, unsent=_UNHEARD)
    return transition, notes


def _value(before: AlertState | None) -> float | None:
    return before.value if before else None


def _labels(scene: Scene, case: Case, after: Phase) -> tuple[Labels, tuple[str, ...]]:
    """Labels are read anew when an alert enters ALARM or rises; else it keeps those it was told with."""
    entered = after.state is State.ALARM and tells(case.phase, after)
    if case.before is not None and not entered:
        return case.before.labels, ()
    return labels_of(scene.rule, case.observation, scene.environment, after.priority, case.window.value)


def _state(scene: Scene, case: Case, taken: Step, labels: Labels) -> AlertState:
    before, after = case.before, taken.after
    same = before is not None and before.state is after.state
    return AlertState(
        key=before.key if before else AlertKey(scene.rule.name, case.observation.identity),
        labels=labels,
        state=after.state,
        firing=after.firing,
        priority=after.priority,
        value=case.window.value,
        reason=_reason(scene.rule, case, taken),
        since=before.since if before and same else scene.tick,
        updated_at=scene.now,
        seq=(before.seq if before else 0) + begins(case.phase, after),
        no_data_since=_no_data_since(case, after),
        recovering=after.recovering,
        memory=taken.memory,
    )


def _no_data_since(case: Case, after: Phase) -> datetime | None:
    if not after.firing or after.state is not State.INSUFFICIENT_DATA:
        return None
    known = case.before.no_data_since if case.before else None
    return known or case.window.silent_since


def _reason(rule: Rule, case: Case, taken: Step) -> str:
    said = case.observation.reason
    text = case.said or _figures(rule, case) + (f": {said}" if said else "")
    if taken.flap.words:
        return f"{taken.flap.words}; {text}"
    return f"flapping; {text}" if taken.memory.flapping else text


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
