"""Composites judged by the remembered states of the alerts they name. Pure: no clock, no I/O.

The rule tests and the engine share :func:`judge_composites`: the states of all operands in, what changes out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.evaluation.case import Change
from watchtower.evaluation.labels import labels_of
from watchtower.evaluation.lifecycle import Phase, advance, begins, phase_of, tells
from watchtower.evaluation.missing_data import Code
from watchtower.evaluation.operands import Group, Standings, because, evidence, grouped, holds, standings
from watchtower.evaluation.outcome import Outcome, Verdict
from watchtower.evaluation.paging import pages, told_phase
from watchtower.evaluation.suppression import held_back_by, suppression
from watchtower.evaluation.telling import change, told_by
from watchtower.evaluation.wording import telling
from watchtower.model import EMPTY, NOTHING, AlertKey, AlertMemory, AlertState, Labels, Observation, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from watchtower.model import Suppression, Transition
    from watchtower.rulebook.rule import Rule
    from watchtower.sources.composite import CompositeQuery, Suppressor


def judge_composites(
    rules: Sequence[Rule], states: Iterable[AlertState], now: datetime, environment: str
) -> tuple[Outcome, ...]:
    """Judge composites in the order given, each after those that it reads; one outcome a rule.

    ``states`` are the remembered alerts of the composites and of every rule that they read.
    """
    known: dict[str, dict[AlertKey, AlertState]] = defaultdict(dict)
    for state in states:
        known[state.key.rule][state.key] = state
    outcomes = []
    for rule in rules:
        read = [state for name in sorted(rule.query.reads) for state in known[name].values()]
        outcome = judge_composite(rule, read, known[rule.name], now, environment)
        known[rule.name].update({state.key: state for state in outcome.states})
        outcomes.append(outcome)
    return tuple(outcomes)


def judge_composite(
    rule: Rule,
    states: Sequence[AlertState],
    previous: Mapping[AlertKey, AlertState],
    now: datetime,
    environment: str,
) -> Outcome:
    """Judge one composite at ``now``: ALARM where its expression is true, else OK.

    ``states`` are the remembered alerts of the rules that it reads, its suppressor's too; one that is absent is OK.
    ``previous`` are the composite's own. The groups are those that occur among either; without ``by`` there is one.
    A firing composite whose expression is no longer true only because firing alerts lost their data is
    INSUFFICIENT_DATA: silence ends nothing. Judge it again when one of ``states`` changes, and at :func:`due`.
    """
    query: CompositeQuery = rule.query
    groups = grouped(query, states)
    own = {key.identity: state for key, state in previous.items()}
    wanted = {*groups, *own, *([] if query.by else [EMPTY])}
    verdict, scene = Verdict(), _Scene(rule, query, states, now, environment)
    for identity in sorted(wanted, key=lambda labels: labels.pairs):
        taken = _step(scene, _Case(identity, groups.get(identity, {}), own.get(identity)))
        verdict.count(taken.after.state)
        changed = _change(scene, taken)
        if changed is not None:
            verdict.add(changed)
    return verdict.outcome(evaluated=len(wanted), held=0)


def due(states: Iterable[AlertState]) -> datetime | None:
    """When a period that holds a composite back ends next, of these alerts."""
    ends = (state.memory.suppressed.until for state in states if state.memory.suppressed is not None)
    return min((end for end in ends if end is not None), default=None)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is the same for every group."""

    rule: Rule
    query: CompositeQuery
    states: Sequence[AlertState]
    now: datetime
    environment: str

    def suppresses(self, suppressor: Suppressor, group: Labels) -> bool:
        """Whether the suppressor is in ALARM for a group: its labels, as far as it has them, are the group's."""
        return any(
            state.key.rule == suppressor.alert
            and state.state is State.ALARM
            and all(state.labels.get(name, value) == value for name, value in group.items())
            for state in self.states
        )


@dataclass(frozen=True, slots=True)
class _Case:
    """One group: its operands' alerts, and what is remembered of the composite's own."""

    identity: Labels
    group: Group
    before: AlertState | None

    @property
    def phase(self) -> Phase:
        return phase_of(self.before)

    @property
    def memory(self) -> AlertMemory:
        return self.before.memory if self.before else NOTHING


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a composite: where people know it to be, where it is now, and what holds its trigger back."""

    case: _Case
    known: Standings
    code: Code
    told: Phase
    after: Phase
    held: Suppression | None

    @property
    def memory(self) -> AlertMemory:
        """What is remembered besides the state."""
        if not self.after.firing:
            return NOTHING
        if self.code is not Code.ALARM:
            return self.case.memory
        if self.held is None:
            return NOTHING
        known = self.told.priority if self.told.firing else None
        return AlertMemory(untold=True, told=known, suppressed=self.held)

    @property
    def rings(self) -> bool:
        """It is told now that it began, or that it is no longer held back."""
        return self.held is None and pages(self.told, self.after)

    @property
    def news(self) -> bool:
        """Whether a transition follows; what holds it back is recorded whenever it is something else."""
        before, held = self.case.memory.suppressed, self.held
        other = held is not None and (before is None or before.by is not held.by)
        return self.rings or other or tells(self.case.phase, self.after)


def _step(scene: _Scene, case: _Case) -> _Step:
    known = standings(case.group)
    code = _code(scene.query, case, known)
    told = told_phase(case.before, case.phase) if code is Code.ALARM else case.phase
    priority = scene.rule.levels[0].priority
    after = advance(told, code, priority if code is Code.ALARM else None, recovered=True)
    held = None
    suppressor = scene.query.suppressor
    if suppressor is not None and pages(told, after):
        in_alarm = scene.suppresses(suppressor, case.identity)
        held = suppression(suppressor, case.memory.suppressed, in_alarm=in_alarm, now=scene.now)
    return _Step(case, known, code, told, after, held)


def _code(query: CompositeQuery, case: _Case, known: Standings) -> Code:
    root = query.expression.root
    if holds(root, known):
        return Code.ALARM
    if case.phase.firing and holds(root, standings(case.group, kept=True)):
        return Code.INSUFFICIENT_DATA
    return Code.OK


def _change(scene: _Scene, taken: _Step) -> Change | None:
    """What follows from a step, None where nothing needs to be written."""
    case, after = taken.case, taken.after
    reason = _reason(scene, taken)
    stays = after == case.phase and taken.memory == case.memory and not taken.news
    if stays and not (after.firing and case.before is not None and case.before.reason != reason):
        return None
    labels, notes = _labels(scene, taken, reason)
    state = _state(scene, taken, labels, reason)
    if not taken.news:
        return Change(state, None, notes)
    transition, more = _transition(scene, taken, state)
    return Change(state, transition, (*notes, *more))


def _reason(scene: _Scene, taken: _Step) -> str:
    text = because(scene.query.expression.root, taken.known)
    if taken.code is Code.INSUFFICIENT_DATA:
        return f"{text}; it was in ALARM when its data ended"
    suppressor = scene.query.suppressor
    if suppressor is not None and taken.held is not None:
        return f"{text}; {held_back_by(suppressor, taken.held)}"
    if taken.rings and taken.case.memory.suppressed is not None:
        return f"{text}; no longer held back"
    return text


def _labels(scene: _Scene, taken: _Step, reason: str) -> tuple[Labels, tuple[str, ...]]:
    """Labels are read anew when the alert comes into ALARM or is told; else it keeps those it has."""
    before, after = taken.case.before, taken.after
    if before is not None and not taken.rings and not (after.state is State.ALARM and tells(taken.case.phase, after)):
        return before.labels, ()
    group = Observation(taken.case.identity, reason=reason)
    return labels_of(scene.rule, group, scene.environment, after.priority)


def _state(scene: _Scene, taken: _Step, labels: Labels, reason: str) -> AlertState:
    before, after = taken.case.before, taken.after
    return AlertState(
        key=AlertKey(scene.rule.name, taken.case.identity),
        labels=labels,
        state=after.state,
        firing=after.firing,
        priority=after.priority,
        value=None,
        reason=reason,
        since=before.since if before is not None and before.state is after.state else scene.now,
        updated_at=scene.now,
        seq=(before.seq if before else 0) + begins(taken.case.phase, after),
        no_data_since=_no_data_since(scene, taken),
        memory=taken.memory,
    )


def _no_data_since(scene: _Scene, taken: _Step) -> datetime | None:
    if taken.code is not Code.INSUFFICIENT_DATA:
        return None
    alerts = (each for alerts in taken.case.group.values() for each in alerts if each.firing)
    known = (each.no_data_since for each in alerts if each.no_data_since is not None)
    earlier = taken.case.before.no_data_since if taken.case.before else None
    return earlier or min(known, default=scene.now)


def _transition(scene: _Scene, taken: _Step, state: AlertState) -> tuple[Transition, tuple[str, ...]]:
    base = change(taken.case.before, state, _summary(taken, state))
    proof = evidence(scene.query.expression.root, taken.known) if taken.code is Code.ALARM else ()
    transition, notes = told_by(scene.rule, replace(base, evidence=proof))
    unsent = _unsent(scene, taken)
    if unsent and transition.notify:
        transition = replace(transition, notify=False, unsent=unsent)
    return transition, notes


def _unsent(scene: _Scene, taken: _Step) -> str:
    suppressor = scene.query.suppressor
    if suppressor is not None and taken.held is not None:
        return held_back_by(suppressor, taken.held)
    memory = taken.case.memory
    if not taken.rings and memory.suppressed is not None and memory.told is None:
        return "nobody was told of its beginning, which was held back"
    return ""


def _summary(taken: _Step, state: AlertState) -> str:
    """The summary of a rule that brings none: ``CheckoutBroken: ALARM(AlbErrors): app/shop is in ALARM, main``."""
    where = ", ".join(telling(state.key.identity))
    what = {Code.ALARM: state.reason, Code.INSUFFICIENT_DATA: "no data"}.get(taken.code, "OK")
    return f"{state.key.rule}: {what}" + (f", {where}" if where else "")
