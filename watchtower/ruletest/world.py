"""The alerts of one test: series in, evaluated at a moment, states and transitions out."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING

from watchtower.clock import from_epoch
from watchtower.evaluation.composite import due, judge_composites
from watchtower.evaluation.judge import judge
from watchtower.evaluation.labels import labels_of
from watchtower.evaluation.roll import Called, Register, Roll, call
from watchtower.evaluation.telling import change, told_by
from watchtower.incidents.model import FiringAlert
from watchtower.model import NOTHING, AlertKey, AlertState, Labels, Observation, State
from watchtower.ruletest import feed
from watchtower.ruletest.joined import groups, reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from watchtower.evaluation.judge import Outcome
    from watchtower.model import Priority, Transition
    from watchtower.rulebook.rule import Rule
    from watchtower.ruletest.suite import Setting, Track

_IN_ALARM = "in ALARM when the test began"
_NO_EVALUATION = "nothing was evaluated yet"

States = dict[AlertKey, AlertState]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one alert stands, and what its newest evaluation looked at: one value a period, newest last."""

    key: AlertKey
    labels: Labels
    state: State
    priority: Priority | None
    datapoints: tuple[float | None, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class _Looked:
    """A rule's newest evaluation: when (epoch seconds), on what answer, and what was remembered before it."""

    at: int
    called: Called
    before: States


class World:
    """Alerts and their states, driven tick by tick."""

    def __init__(self, setting: Setting, tracks: Sequence[Track], composites: Sequence[Rule] = ()) -> None:
        self._setting = setting
        self._composites = {rule.name: rule for rule in composites}
        self._tracks: dict[str, list[Track]] = {}
        self._states: dict[str, States] = {}
        self._rolls: dict[str, Roll] = {}
        self._newest: dict[str, _Looked] = {}
        self._fired: dict[str, FiringAlert] = {}
        for track in tracks:
            self._tracks.setdefault(track.rule.name, []).append(track)
            self._keep(track.rule, [self._initial(track)])

    @property
    def fired(self) -> list[FiringAlert]:
        """The alerts that fire, and those that did."""
        return list(self._fired.values())

    def opening(self, rule: Rule) -> list[Transition]:
        """What was told of the rule's alerts that fire when the test begins."""
        states = (state for state in self._states[rule.name].values() if state.firing)
        return [told_by(rule, change(None, state, f"{state.key}: {_IN_ALARM}"))[0] for state in states]

    def evaluate(self, rule: Rule, at: int) -> tuple[Transition, ...]:
        """Evaluate the rule at ``at`` (epoch seconds) and keep what it says."""
        name, start = rule.name, self._setting.start
        before = self._states.setdefault(name, {})
        register = Register(self._rolls.get(name, Roll()), None, frozenset(key.identity for key in before))
        answer = feed.answer(rule, self._tracks[name], start, at)
        called = call(rule, answer, register, tick=at, again=False, limit=sys.maxsize)
        self._newest[name] = _Looked(at, called, dict(before))
        self._rolls[name] = called.roll
        outcome = self._judge(rule, self._newest[name], before)
        self._keep(rule, outcome.states)
        return outcome.transitions

    def join(self, now: datetime) -> list[Transition]:
        """Evaluate the composites on what the rules they read say by now, and keep it."""
        rules = list(self._composites.values())
        outcomes = judge_composites(rules, self._remembered(), now, self._setting.environment)
        for rule, outcome in zip(rules, outcomes, strict=True):
            self._keep(rule, outcome.states)
        return [transition for outcome in outcomes for transition in outcome.transitions]

    def due(self) -> datetime | None:
        """When a composite wants to be evaluated next, whatever its operands do."""
        return due(self._remembered()) if self._composites else None

    def _remembered(self) -> list[AlertState]:
        return [state for states in self._states.values() for state in states.values()]

    def standings(self, rules: Collection[str], labels: Labels) -> list[Standing]:
        """Where the alerts of these rules stand whose labels include all of ``labels``."""
        tracks = (track for name in rules for track in self._tracks.get(name, ()))
        found = [self._standing(track) for track in tracks]
        found += [one for name in rules if name in self._composites for one in self._joined(self._composites[name])]
        return [one for one in found if labels.items() <= one.labels.items()]

    def _initial(self, track: Track) -> AlertState:
        rule, firing = track.rule, track.initial is State.ALARM
        at = from_epoch(self._setting.start - rule.period)
        priority = rule.levels[-1].priority if firing else None
        return AlertState(
            key=AlertKey(rule.name, track.identity),
            labels=self._labels(track, priority),
            state=track.initial,
            firing=firing,
            priority=priority,
            value=None,
            reason=_IN_ALARM if firing else "",
            since=at,
            updated_at=at,
            seq=int(firing),
        )

    def _labels(self, track: Track, priority: Priority | None) -> Labels:
        return labels_of(track.rule, feed.bare(track), self._setting.environment, priority)[0]

    def _keep(self, rule: Rule, states: Sequence[AlertState]) -> None:
        """As the store does: an alert that is OK again, with nothing to remember of it, is not asked for."""
        known = self._states.setdefault(rule.name, {})
        for state in states:
            self._note_firing(state)
            known[state.key] = state
            if state.state is State.OK and not state.firing and state.memory == NOTHING:
                del known[state.key]

    def _note_firing(self, state: AlertState) -> None:
        alert_id = state.key.id
        known = self._fired.get(alert_id)
        if state.firing:
            since = known.since if known is not None and known.ended_at is None else state.updated_at
            self._fired[alert_id] = FiringAlert(alert_id, state.key.rule, state.labels, since)
        elif known is not None and known.ended_at is None:
            self._fired[alert_id] = replace(known, ended_at=state.updated_at)

    def _judge(self, rule: Rule, looked: _Looked, previous: States) -> Outcome:
        return judge(
            rule,
            looked.called.answer,
            previous,
            tick=looked.at,
            period=rule.period,
            now=from_epoch(looked.at),
            environment=self._setting.environment,
            absent=looked.called.vanished,
        )

    def _standing(self, track: Track) -> Standing:
        key = AlertKey(track.rule.name, track.identity)
        state = self._states[track.rule.name].get(key)
        looked = self._newest.get(track.rule.name)
        return Standing(
            key=key,
            labels=state.labels if state else self._labels(track, None),
            state=state.state if state else State.OK,
            priority=state.priority if state else None,
            datapoints=feed.window(track, self._setting.start, looked.at) if looked else (),
            reason=self._reason(track, looked) if looked else _NO_EVALUATION,
        )

    def _joined(self, rule: Rule) -> Iterator[Standing]:
        """Where a composite's groups stand."""
        known = self._states.get(rule.name, {})
        carried = [self._labels(track, None) for name in rule.query.operands for track in self._tracks.get(name, ())]
        for group in sorted(groups(rule, carried) | {key.identity for key in known}, key=str):
            key = AlertKey(rule.name, group)
            state = known.get(key)
            yield Standing(
                key=key,
                labels=state.labels
                if state
                else labels_of(rule, Observation(group), self._setting.environment, None)[0],
                state=state.state if state else State.OK,
                priority=state.priority if state else None,
                datapoints=(),
                reason=state.reason if state and state.firing else reason(rule, group, self._remembered()),
            )

    def _reason(self, track: Track, looked: _Looked) -> str:
        """Why the newest evaluation said what it did.

        One that changed nothing had no need to say it; so it is asked again of an alert that any answer would change.
        """
        if feed.failed(track, self._setting.start, looked.at):
            return f"{feed.FAILED}: state held"
        before = looked.before.get(AlertKey(track.rule.name, track.identity))
        undecided = self._initial(replace(track, initial=State.INSUFFICIENT_DATA))
        for previous in [replace(before, value=nan)] if before and before.firing else [undecided, None]:
            known = {previous.key: previous} if previous else {}
            for state in self._judge(track.rule, looked, known).states:
                if state.key.identity == track.identity:
                    return state.reason
        return before.reason if before else ""
