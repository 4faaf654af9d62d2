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
from watchtower.ruletest.standing import Explained, Standing, Standings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from watchtower.evaluation.judge import Outcome
    from watchtower.model import Priority, Transition
    from watchtower.rulebook.rule import Rule
    from watchtower.ruletest.suite import Setting, Track

_IN_ALARM = "in ALARM when the test began"
_NO_EVALUATION = "nothing was evaluated yet"

States = dict[AlertKey, AlertState]


@dataclass(frozen=True, slots=True)
class _Looked:
    """A rule's newest evaluation: when (epoch seconds), on what answer, and what was remembered before it."""

    at: int
    called: Called
    before: States
    seen: Mapping[Labels, Observation]

    @classmethod
    def of(cls, at: int, called: Called, before: States) -> _Looked:
        return cls(at, called, before, {each.identity: each for each in called.answer.observations})

    def alone(self, identity: Labels) -> _Looked:
        """The same, as if there were this series only."""
        answer, one = self.called.answer, {identity}
        seen = (self.seen[identity],) if identity in self.seen else ()
        gone = tuple(one.intersection(answer.gone))
        called = replace(
            self.called,
            answer=replace(answer, observations=seen, gone=gone),
            vanished=tuple(one.intersection(self.called.vanished)),
        )
        return replace(self, called=called)


class World:
    """Alerts and their states, driven tick by tick."""

    def __init__(self, setting: Setting, tracks: Sequence[Track], composites: Sequence[Rule] = ()) -> None:
        self._setting = setting
        self._composites = {rule.name: rule for rule in composites}
        self._tracks: dict[str, dict[AlertKey, Track]] = {}
        self._resting: dict[AlertKey, Labels] = {}
        self._standings: dict[str, Standings] = {}
        self._states: dict[str, States] = {}
        self._rolls: dict[str, Roll] = {}
        self._newest: dict[str, _Looked] = {}
        self._fired: dict[str, FiringAlert] = {}
        for track in tracks:
            key = _key(track)
            self._tracks.setdefault(track.rule.name, {})[key] = track
            self._resting[key] = self._labels(track, None)
            self._keep(track.rule, [self._initial(track)])

    @property
    def fired(self) -> list[FiringAlert]:
        """The alerts that fire, and those that did."""
        return list(self._fired.values())

    @property
    def calm(self) -> frozenset[str]:
        """The alerts that are well just now and fire because they flap."""
        return frozenset(state.key.id for state in self._remembered() if state.memory.calm)

    def opening(self, rule: Rule) -> list[Transition]:
        """What was told of the rule's alerts that fire when the test begins."""
        states = (state for state in self._states[rule.name].values() if state.firing)
        return [told_by(rule, change(None, state, f"{state.key}: {_IN_ALARM}"))[0] for state in states]

    def evaluate(self, rule: Rule, at: int) -> tuple[Transition, ...]:
        """Evaluate the rule at ``at`` (epoch seconds) and keep what it says."""
        name, start = rule.name, self._setting.start
        before = self._states.setdefault(name, {})
        register = Register(self._rolls.get(name, Roll()), None, frozenset(key.identity for key in before))
        answer = feed.answer(rule, list(self._tracks[name].values()), start, at)
        called = call(rule, answer, register, tick=at, again=False, limit=sys.maxsize)
        self._newest[name] = _Looked.of(at, called, dict(before))
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
        return [one for name in rules for one in self._stood(name).having(labels)]

    def explained(self, standing: Standing) -> Explained:
        """What the alert's newest evaluation looked at, and why it said what it did."""
        key = standing.key
        if key.rule in self._composites:
            return Explained((), self._joined_reason(self._composites[key.rule], key))
        looked, track = self._newest.get(key.rule), self._tracks[key.rule][key]
        if looked is None:
            return Explained((), _NO_EVALUATION)
        return Explained(feed.window(track, self._setting.start, looked.at), self._reason(track, looked))

    def _stood(self, name: str) -> Standings:
        """Where the rule's alerts stand; it is found once, and again when one of them changes."""
        if name not in self._standings:
            composite = self._composites.get(name)
            keys = self._tracks.get(name, ()) if composite is None else self._groups(composite)
            self._standings[name] = Standings.of([self._standing(key) for key in keys])
        return self._standings[name]

    def _initial(self, track: Track) -> AlertState:
        rule, firing = track.rule, track.initial is State.ALARM
        at = from_epoch(self._setting.start - rule.period)
        priority = rule.levels[-1].priority if firing else None
        return AlertState(
            key=_key(track),
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
        self._standings.pop(rule.name, None)
        for state in states:
            self._note_firing(state)
            known[state.key] = state
            if state.state is State.OK and not state.firing and state.memory == NOTHING:
                del known[state.key]

    def _note_firing(self, state: AlertState) -> None:
        alert_id = state.key.id
        known = self._fired.get(alert_id)
        if state.firing and state.memory.never_told:
            self._fired.pop(alert_id, None)
        elif state.firing:
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

    def _standing(self, key: AlertKey) -> Standing:
        state = self._states.get(key.rule, {}).get(key)
        if state is None:
            return Standing(key, self._at_rest(key), State.OK, None)
        return Standing(key, state.labels, state.state, state.priority)

    def _at_rest(self, key: AlertKey) -> Labels:
        """The labels of an alert of which nothing is remembered."""
        if key not in self._resting:
            bare = Observation(key.identity)
            self._resting[key] = labels_of(self._composites[key.rule], bare, self._setting.environment, None)[0]
        return self._resting[key]

    def _groups(self, rule: Rule) -> list[AlertKey]:
        """A composite's groups: those that its operands' series are in, and those that are remembered."""
        carried = (self._resting[key] for name in rule.query.operands for key in self._tracks.get(name, ()))
        known = {key.identity for key in self._states.get(rule.name, ())}
        return [AlertKey(rule.name, group) for group in sorted(groups(rule, carried) | known, key=str)]

    def _joined_reason(self, rule: Rule, key: AlertKey) -> str:
        state = self._states.get(rule.name, {}).get(key)
        return state.reason if state and state.firing else reason(rule, key.identity, self._remembered())

    def _reason(self, track: Track, looked: _Looked) -> str:
        """Why the newest evaluation said what it did.

        One that changed nothing had no need to say it; so it is asked again of an alert that any answer would change.
        """
        if feed.failed(track, self._setting.start, looked.at):
            return f"{feed.FAILED}: state held"
        before, alone = looked.before.get(_key(track)), looked.alone(track.identity)
        undecided = self._initial(replace(track, initial=State.INSUFFICIENT_DATA))
        for previous in [replace(before, value=nan)] if before and before.firing else [undecided, None]:
            known = {previous.key: previous} if previous else {}
            for state in self._judge(track.rule, alone, known).states:
                if state.key.identity == track.identity:
                    return state.reason
        return before.reason if before else ""


def _key(track: Track) -> AlertKey:
    return AlertKey(track.rule.name, track.identity)
