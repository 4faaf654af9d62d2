"""What the sources of a test would answer at a moment: value k is the datapoint that ends k periods after the start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.model import Answer, Observation, Truth
from watchtower.rulebook.rule import Farewell
from watchtower.sources.cloudwatch.truth import expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.rulebook.rule import Rule
    from watchtower.ruletest.band import Band
    from watchtower.ruletest.suite import Track

FAILED = "the poll failed"


def bare(track: Track) -> Observation:
    """The series without any datapoint."""
    return Observation(track.identity, context=track.context)


def answer(rule: Rule, tracks: Sequence[Track], start: int, at: int) -> Answer:
    """The answer to a rule at ``at``, of a test that begins at ``start`` (both epoch seconds).

    A rule that asks what becomes of vanished series is not told of one after its last value; to every other rule it
    is a series without datapoints.
    """
    listens = rule.vanished.do is not Farewell.HOLD
    there = (track for track in tracks if not (listens and _slot(track, start, at) >= len(track.values.points)))
    return Answer(rule.name, tuple(_seen(track, start, at) for track in there))


def failed(track: Track, start: int, at: int) -> bool:
    """Whether the poll failed at this moment."""
    return _slot(track, start, at) in track.values.failed


def window(track: Track, start: int, at: int) -> tuple[float | None, ...]:
    """The datapoints that one evaluation looks at, newest last."""
    newest, points = _slot(track, start, at), track.values.points
    slots = range(newest - track.rule.slots + 1, newest + 1)
    return tuple(points[slot] if 0 <= slot < len(points) else None for slot in slots)


def _seen(track: Track, start: int, at: int) -> Observation:
    if failed(track, start, at):
        return replace(bare(track), truth=Truth.NOT_FETCHED, reason=FAILED)
    period, values = track.rule.period, window(track, start, at)
    first = at - len(values) * period
    points = tuple((first + place * period, value) for place, value in enumerate(values) if value is not None)
    seen = replace(bare(track), points=points, truth=Truth.VALUE if points else Truth.NO_DATA)
    return seen if track.band is None else _banded(seen, track, track.band, start, at)


def _banded(seen: Observation, track: Track, band: Band, start: int, at: int) -> Observation:
    newest, rule = _slot(track, start, at), track.rule
    slots = range(newest - rule.slots + 1, newest + 1)
    ends = tuple((start + (slot - 1) * rule.period, *found) for slot in slots if (found := band.at(slot)) is not None)
    return replace(seen, band=ends, reason=expected(ends))


def _slot(track: Track, start: int, at: int) -> int:
    return (at - start) // track.rule.period
