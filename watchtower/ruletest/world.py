"""The alerts of one test: series in, evaluated at a moment, states and transitions out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING

from watchtower.clock import from_epoch
from watchtower.evaluation.judge import judge
from watchtower.evaluation.labels import labels_of
from watchtower.evaluation.telling import change, told_by
from watchtower.model import AlertKey, AlertState, Answer, Labels, Observation, State, Truth

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from watchtower.evaluation.judge import Outcome
    from watchtower.model import Priority, Transition
    from watchtower.rulebook.rule import Rule
    from watchtower.ruletest.suite import Setting, Track

_IN_ALARM = "in ALARM when the test began"
_FAILED = "the poll failed"
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


class World:
    """Alerts and their states, driven tick by tick."""

    def __init__(self, setting: Setting, tracks: Sequence[Track]) -> None:
        self._setting = setting
        self._tracks: dict[str, list[Track]] = {}
        for track in tracks:
            self._tracks.setdefault(track.rule.name, []).append(track)
        self._states = {
            name: {state.key: state for state in map(self._initial, mine)} for name, mine in self._tracks.items()
        }
        self._newest: dict[str, tuple[int, States]] = {}

    def opening(self, rule: Rule) -> list[Transition]:
        """What was told of the rule's alerts that fire when the test begins."""
        states = (state for state in self._states[rule.name].values() if state.firing)
        return [told_by(rule, change(None, state, f"{state.key}: {_IN_ALARM}"))[0] for state in states]

    def evaluate(self, rule: Rule, at: int) -> tuple[Transition, ...]:
        """Evaluate the rule at ``at`` (epoch seconds) and keep what it says."""
        before = self._states[rule.name]
        self._newest[rule.name] = (at, dict(before))
        outcome = self._judge(rule, at, before)
        self._keep(rule, outcome.states)
        return outcome.transitions

    def standings(self, rules: Collection[str], labels: Labels) -> list[Standing]:
        """Where the alerts of these rules stand whose labels include all of ``labels``."""
        tracks = (track for name in rules for track in self._tracks.get(name, ()))
        found = (self._standing(track) for track in tracks)
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
        return labels_of(track.rule, _observation(track), self._setting.environment, priority)[0]

    def _keep(self, rule: Rule, states: Sequence[AlertState]) -> None:
        """As the store does: an alert that is OK again is not asked for."""
        known = self._states[rule.name]
        for state in states:
            known[state.key] = state
            if state.state is State.OK and not state.firing:
                del known[state.key]

    def _judge(self, rule: Rule, at: int, previous: States) -> Outcome:
        return judge(
            rule,
            Answer(rule.name, tuple(self._seen(track, at) for track in self._tracks[rule.name])),
            previous,
            tick=at,
            period=rule.period,
            now=from_epoch(at),
            environment=self._setting.environment,
        )

    def _seen(self, track: Track, at: int) -> Observation:
        """What a source would answer: value k is the datapoint that ends at k periods after the start."""
        if self._slot(track, at) in track.values.failed:
            return replace(_observation(track), truth=Truth.NOT_FETCHED, reason=_FAILED)
        window = self._window(track, at)
        start = at - len(window) * track.rule.period
        points = tuple(
            (start + place * track.rule.period, value) for place, value in enumerate(window) if value is not None
        )
        return replace(_observation(track), points=points, truth=Truth.VALUE if points else Truth.NO_DATA)

    def _slot(self, track: Track, at: int) -> int:
        return (at - self._setting.start) // track.rule.period

    def _window(self, track: Track, at: int) -> tuple[float | None, ...]:
        """The datapoints that one evaluation looks at, newest last."""
        newest, points = self._slot(track, at), track.values.points
        slots = range(newest - track.rule.slots + 1, newest + 1)
        return tuple(points[slot] if 0 <= slot < len(points) else None for slot in slots)

    def _standing(self, track: Track) -> Standing:
        key = AlertKey(track.rule.name, track.identity)
        state = self._states[track.rule.name].get(key)
        at, before = self._newest.get(track.rule.name, (None, {}))
        return Standing(
            key=key,
            labels=state.labels if state else self._labels(track, None),
            state=state.state if state else State.OK,
            priority=state.priority if state else None,
            datapoints=self._window(track, at) if at is not None else (),
            reason=_NO_EVALUATION if at is None else self._reason(track, at, before.get(key)),
        )

    def _reason(self, track: Track, at: int, before: AlertState | None) -> str:
        """Why the newest evaluation said what it did, also where it changed nothing and so had no need to say it."""
        if self._slot(track, at) in track.values.failed:
            return f"{_FAILED}: state held"
        undecided = self._initial(replace(track, initial=State.INSUFFICIENT_DATA))
        asked = [replace(before, value=nan)] if before and before.firing else [undecided, None]
        for previous in asked:
            known = {previous.key: previous} if previous else {}
            for state in self._judge(track.rule, at, known).states:
                if state.key.identity == track.identity:
                    return state.reason
        return before.reason if before else ""


def _observation(track: Track) -> Observation:
    return Observation(track.identity, context=track.context)
