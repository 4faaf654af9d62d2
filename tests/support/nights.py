"""A night of one series under one shipped rule: values go in period by period, what people are told comes out.

The rules are read by the real loader and judged by the real evaluation; nothing else takes part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.clock import START
from watchtower.clock import epoch, from_epoch
from watchtower.demo.aws import expressions, maths
from watchtower.evaluation.judge import judge
from watchtower.model import AlertKey, AlertState, Answer, Labels, Observation, Priority, State, Transition, Truth
from watchtower.rulebook.loader import load_rules
from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.table import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.rulebook.rule import Rule

PACKS = Path(__file__).parents[2] / "rules"

_TOKEN = re.compile(r"(?P<value>_|-?\d+(?:\.\d+)?)(?:x(?P<times>\d+))?")


@cache
def pack(name: str) -> Mapping[str, Rule]:
    """The rules of one shipped file, by name."""
    loaded = load_rules([PACKS / f"{name}.yaml"])
    assert loaded.faults == ()
    return {rule.name: rule for rule in loaded.rules}


def pack_names() -> list[str]:
    """The shipped files, without their ending."""
    return sorted(path.stem for path in PACKS.glob("*.yaml"))


def all_rules() -> list[Rule]:
    """Every rule of every pack."""
    return [rule for name in pack_names() for rule in pack(name).values()]


def metric_rules() -> list[Rule]:
    """Those that ask CloudWatch for a metric, or for math over some."""
    return [rule for rule in all_rules() if isinstance(rule.query, CloudWatchQuery)]


def rule_named(name: str) -> Rule:
    """The shipped rule of this name."""
    return next(rule for rule in all_rules() if rule.name == name)


def values(text: str) -> list[float | None]:
    """``50 85x2 _x3 60``: one value per period, ``_`` is missing, ``x3`` is three of them."""
    found: list[float | None] = []
    for word in text.split():
        token = _TOKEN.fullmatch(word)
        assert token, word
        value = None if token["value"] == "_" else float(token["value"])
        found += [value] * int(token["times"] or 1)
    return found


def first(text: str, count: int) -> str:
    """The first ``count`` periods of a night."""
    return " ".join("_" if value is None else f"{value:f}" for value in values(text)[:count])


@dataclass(frozen=True, slots=True)
class Told:
    """A night and all that is told of it: ``5: P3, 7: P2, 11: OK`` by tick, the first being 1; empty for nothing."""

    rule: str
    title: str
    values: str
    told: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.title}"


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the alert stood after one tick."""

    state: State
    priority: Priority | None
    recovering: bool


@dataclass(frozen=True, slots=True)
class Night:
    """What became of the alert: ``moments`` by tick, ``changes`` as (tick, transition), both from tick 1."""

    moments: tuple[Moment, ...]
    changes: tuple[tuple[int, Transition], ...]
    notes: tuple[str, ...]

    @property
    def told(self) -> str:
        """The changes in the words of :class:`Told`."""
        return ", ".join(f"{tick}: {_word(change)}" for tick, change in self.changes)


def _word(change: Transition) -> str:
    if change.to_state is State.ALARM:
        return str(change.priority)
    return "OK" if change.to_state is State.OK else "no data"


def night(rule: Rule, text: str) -> Night:
    """One series of the rule, judged at every tick; states are kept as the store keeps them."""
    identity = identity_of(rule)
    points: list[tuple[int, float]] = []
    known: dict[AlertKey, AlertState] = {}
    moments: list[Moment] = []
    changes: list[tuple[int, Transition]] = []
    notes: list[str] = []
    for number, value in enumerate(values(text), start=1):
        tick = int(epoch(START)) + number * rule.period
        points += [(tick - rule.period, value)] if value is not None else []
        seen = [point for point in points if point[0] >= tick - rule.slots * rule.period]
        observation = Observation(identity, tuple(seen), Truth.VALUE if seen else Truth.NO_DATA)
        outcome = judge(
            rule,
            Answer(rule.name, (observation,)),
            known,
            tick=tick,
            period=rule.period,
            now=from_epoch(tick + 120),
            environment="test",
        )
        known.update({state.key: state for state in outcome.states})
        known = {key: state for key, state in known.items() if state.firing or state.state is not State.OK}
        moments.append(_moment(known.get(AlertKey(rule.name, identity))))
        changes += [(number, change) for change in outcome.transitions]
        notes += outcome.notes
    return Night(tuple(moments), tuple(changes), tuple(notes))


def _moment(state: AlertState | None) -> Moment:
    return Moment(state.state, state.priority, state.recovering) if state else Moment(State.OK, None, False)


def identity_of(rule: Rule) -> Labels:
    """The identity labels of a series of the rule; their values hold no digits, so that none is taken for a figure."""
    names = SOURCES[rule.source].identity_of(rule.query) - {"account", "region"}
    if isinstance(rule.query, CloudWatchQuery):
        names = frozenset(name for member in rule.query.members.values() for name in member.dimensions)
    return Labels({"account": "prod", "region": "here", **{name: f"the-{name}" for name in names}})


def calculated(rule: Rule, **members: str) -> list[float | None]:
    """The rule's expression over its metrics, each a text of :func:`values`, with CloudWatch's metric math."""
    query: CloudWatchQuery = rule.query
    assert query.expression is not None
    assert members.keys() == query.metrics.keys()
    lines = {name: _line(values(text)) for name, text in members.items()}
    slots = range(max(len(values(text)) for text in members.values()))
    scope = maths.Scope(lines, sorted(lines), dict.fromkeys(lines, rule.period), slots)
    result = maths.evaluate(expressions.parse(query.expression), scope)
    assert isinstance(result, dict)
    return [result.get(slot) for slot in slots]


def _line(found: Sequence[float | None]) -> maths.Line:
    return {slot: value for slot, value in enumerate(found) if value is not None}
