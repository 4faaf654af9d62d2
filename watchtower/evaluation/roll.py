"""The roll of a rule's series in one work unit: who is known, who is missing, who is one too many.

A series that is OK has no row of its own, so what is known of it between two ticks is here, as small as can be: eight
bytes a series, and its labels only where a rule wants to hear that it vanished (``vanished: {do: fire}``).
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.model import Labels
from watchtower.rulebook.rule import Farewell

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from watchtower.model import Answer, Observation
    from watchtower.rulebook.rule import Rule

_VERSION = 1
_DIGEST = 8


@dataclass(frozen=True, slots=True)
class Census:
    """How many series a rule has in a unit, for the alerts about rules; ticks are epoch seconds.

    ``since`` is the first complete answer there was, ``empty_since`` the first of those that now come without any
    series. ``ignored`` series are over the limit.
    """

    rule: str
    series: int
    since: int
    empty_since: int | None = None
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Roll:
    """``digests`` of all known series; ``known`` are their labels where the rule needs them.

    ``away`` counts for missing ones the complete answers in a row that came without them.
    """

    digests: frozenset[bytes] = frozenset()
    known: frozenset[Labels] = frozenset()
    away: Mapping[Labels, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Called:
    """An answer after the roll was called: without the series over the limit.

    ``vanished`` are those that were away from as many complete answers as the rule waits for.
    """

    answer: Answer
    roll: Roll
    census: Census | None
    vanished: tuple[Labels, ...]


@dataclass(frozen=True, slots=True)
class Register:
    """What is known before: the roll and the census of a rule, and the labels of its alerts that have rows."""

    roll: Roll
    census: Census | None
    alerts: Collection[Labels]


def call(rule: Rule, answer: Answer, register: Register, *, tick: int, again: bool, limit: int) -> Called:
    """Call the roll. ``again``: this tick was committed before, in part; its absences are counted already.

    An answer that is not complete neither counts absences nor shrinks what is known.
    """
    admitted, ignored = _admit(answer.observations, register.roll, limit)
    kept = replace(answer, observations=admitted) if ignored else answer
    present = frozenset(each.identity for each in admitted) | frozenset(answer.gone)
    away = _away(rule, register, present, again=again) if answer.complete else dict(register.roll.away)
    roll = Roll(_digests(register.roll, kept), _known(rule, register.roll, kept, away), away)
    vanished = tuple(identity for identity, count in away.items() if count >= rule.vanished.after)
    return Called(kept, roll, _census(rule, register.census, kept, ignored, tick), vanished)


def _admit(observations: tuple[Observation, ...], roll: Roll, limit: int) -> tuple[tuple[Observation, ...], int]:
    """The series within the limit: known ones first, then in the order of their labels; how many are over it."""
    if len(observations) <= limit:
        return observations, 0
    ranked = sorted(observations, key=lambda each: (digest(each.identity) not in roll.digests, each.identity.pairs))
    return tuple(ranked[:limit]), len(ranked) - limit


def _away(rule: Rule, register: Register, present: frozenset[Labels], *, again: bool) -> dict[Labels, int]:
    wanted = register.roll.known if rule.vanished.do is Farewell.FIRE else frozenset()
    missing = (wanted | frozenset(register.alerts)) - present
    before = register.roll.away
    return {one: min(before.get(one, 0) + (not again), rule.vanished.after) for one in sorted(missing, key=str)}


def _digests(roll: Roll, answer: Answer) -> frozenset[bytes]:
    seen = frozenset(digest(each.identity) for each in answer.observations)
    return seen if answer.complete else roll.digests | seen


def _known(rule: Rule, roll: Roll, answer: Answer, away: Mapping[Labels, int]) -> frozenset[Labels]:
    """Who would be missed: everybody there, and who is missed already; nobody whose resource is known to be gone."""
    if rule.vanished.do is not Farewell.FIRE:
        return frozenset()
    missed = frozenset(away) & roll.known if answer.complete else roll.known
    return (missed | frozenset(each.identity for each in answer.observations)) - frozenset(answer.gone)


def _census(rule: Rule, before: Census | None, answer: Answer, ignored: int, tick: int) -> Census | None:
    series = len(answer.observations)
    if not answer.complete:
        return replace(before, ignored=ignored) if before else None
    empty_since = None
    if series == 0:
        empty_since = before.empty_since if before and before.empty_since is not None else tick
    return Census(rule.name, series, before.since if before else tick, empty_since, ignored)


def digest(identity: Labels) -> bytes:
    """Eight bytes that tell one series from another, in every process."""
    text = "\x1f".join(part for pair in identity.pairs for part in pair)
    return blake2b(text.encode(), digest_size=_DIGEST).digest()


def encode(rolls: Mapping[str, Roll]) -> bytes:
    """The blob of a unit's rolls, the same for equal rolls."""
    content = {"version": _VERSION, "rules": {rule: _plain(roll) for rule, roll in sorted(rolls.items())}}
    return zlib.compress(orjson.dumps(content), level=1)


def decode(blob: bytes | None) -> dict[str, Roll]:
    """The rolls of a blob; an unreadable one or one of another version is empty, and all begins anew."""
    try:
        content = orjson.loads(zlib.decompress(blob)) if blob else {}
    except (zlib.error, ValueError):
        return {}
    if content.get("version") != _VERSION:
        return {}
    return {rule: _roll(raw) for rule, raw in content["rules"].items()}


def _plain(roll: Roll) -> dict[str, Any]:
    return {
        "digests": b64encode(b"".join(sorted(roll.digests))).decode(),
        "known": sorted(_listed(one) for one in roll.known),
        "away": sorted([_listed(one), count] for one, count in roll.away.items()),
    }


def _listed(identity: Labels) -> list[list[str]]:
    return [list(pair) for pair in identity.pairs]


def _roll(raw: dict[str, Any]) -> Roll:
    digests = b64decode(raw["digests"])
    return Roll(
        frozenset(digests[start : start + _DIGEST] for start in range(0, len(digests), _DIGEST)),
        frozenset(_labels(one) for one in raw["known"]),
        {_labels(one): count for one, count in raw["away"]},
    )


def _labels(raw: Iterable[list[str]]) -> Labels:
    return Labels([(name, value) for name, value in raw])
