"""What a graph shows, decided before anything is drawn: axes, lines, gaps, limits, breaches; pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from math import isclose
from typing import TYPE_CHECKING, TypeVar

from watchtower.clock import epoch, from_epoch
from watchtower.graphs.scale import time_marks, value_marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchtower.graphs.series import Past, Window
    from watchtower.graphspec import GraphLimit, GraphSpec
    from watchtower.model import NoticeMember
    from watchtower.words import Priority

    Point = tuple[int, float]

P = TypeVar("P", tuple[int, float], tuple[int, float, float])

#: A limit that would make the data less than this share of the height stands at the edge instead.
LEAST_SHARE = 0.2
#: Slots that may lie between two points of one line.
_REACH = 1.5
_PADDING = 0.08
_TEXT = 110
#: Labels that say nothing in a line of few words.
_UNSAID = frozenset({"alert", "alertname", "group", "source", "priority", "environment", "account_id"})


@dataclass(frozen=True, slots=True)
class Limit:
    """A line at ``value``, told as ``text``; ``beyond`` is 1 above the axis, -1 below, 0 where it is drawn."""

    priority: Priority
    value: float
    text: str
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """One graph.

    ``lines`` are runs of points without a gap, ``breaches`` the points on which the member's priority holds,
    ``zones`` the values on which it does, cut at the axis; ``bands`` are runs of what was ``expected``. Times are epoch
    seconds, ``began`` is when the alert fired.
    """

    title: str
    subtitle: str
    start: int
    end: int
    low: float
    high: float
    value_marks: tuple[tuple[float, str], ...]
    time_marks: tuple[tuple[int, str], ...]
    lines: tuple[tuple[Point, ...], ...]
    breaches: tuple[Point, ...]
    limits: tuple[Limit, ...]
    zones: tuple[tuple[float, float], ...]
    bands: tuple[tuple[tuple[int, float, float], ...], ...]
    expected: str
    began: int
    priority: Priority
    day: str


def figure(spec: GraphSpec, member: NoticeMember, past: Past, window: Window) -> Figure | None:
    """The graph of a member, from what is known of its past; None when there is no number."""
    if not past.points:
        return None
    start, end = _span(past.points, window)
    points = [(at, value) for at, value in past.points if start <= at <= end]
    low, high = _range(spec, member.priority, points, past)
    own = [limit for limit in spec.limits if limit.priority == member.priority]
    return Figure(
        title=_readable(spec.title),
        subtitle=_readable(_subtitle(member)),
        start=start,
        end=end,
        low=low,
        high=high,
        value_marks=tuple(value_marks(low, high, spec.unit)),
        time_marks=tuple(time_marks(start, end)),
        lines=tuple(_runs(points, spec.period)),
        breaches=tuple(point for point in points if any(_breaches(limit, point, past) for limit in own)),
        limits=tuple(_limits(spec.limits, low, high)),
        zones=tuple(zone for limit in own for zone in _zones(limit, low, high)),
        bands=tuple(_runs([one for one in past.band if start <= one[0] <= end], spec.period)),
        expected=_readable(" · ".join(f"{limit.priority} {limit.text}" for limit in spec.limits if limit.of_band)),
        began=int(epoch(member.since)),
        priority=member.priority,
        day=f"{from_epoch(end):%d %b %Y}",
    )


def _span(points: Sequence[Point], window: Window) -> tuple[int, int]:
    """The window, or what there is of it where the past is short: an hour of emptiness tells nothing."""
    first, last = points[0][0], points[-1][0]
    known = max(last - first, 4 * window.period)
    start = window.start if first - window.start <= known else max(window.start, first - window.period)
    end = window.end if window.end - last <= max(known // 2, 3 * window.period) else last + window.period
    return start, max(end, last, start + window.period)


def _range(spec: GraphSpec, priority: Priority, points: Sequence[Point], past: Past) -> tuple[float, float]:
    """From the lowest to the highest of what is drawn: the data, its own limits, and others that are near."""
    values = [value for _, value in points] + [end for _, *ends in past.band for end in ends]
    own = [value for limit in spec.limits if limit.priority == priority for value in lines_of(limit)]
    low, high = min([*values, *own]), max([*values, *own])
    for line in (line for limit in spec.limits for line in lines_of(limit)):
        wide = max(high, line) - min(low, line)
        if low == high or high - low >= LEAST_SHARE * wide:
            low, high = min(low, line), max(high, line)
    return _padded(low, high, spec.unit, floor=0.0 if min([*values, *own]) >= 0 else None)


def _padded(low: float, high: float, unit: str, floor: float | None) -> tuple[float, float]:
    """Room above and below; zero is the ground of what is never negative and comes near."""
    if floor is not None and low <= 0.5 * high:
        low = floor
    if isclose(low, high, rel_tol=1e-9, abs_tol=1e-300):
        room = abs(high) * 0.5 or 1.0
        return (floor if floor is not None and low == 0 else low - room), high + room
    room = (high - low) * _PADDING
    top = 100.0 if unit == "%" and 92.0 < high <= 100.0 else high + room
    return (low if floor is not None and low == floor else low - room), top + (room / 3 if top == 100.0 else 0)


def _runs(points: Sequence[P], period: int) -> Iterable[tuple[P, ...]]:
    """The points in pieces: where a datapoint is missing the line ends."""
    run: list[P] = []
    for point in points:
        if run and point[0] - run[-1][0] > _REACH * period:
            yield tuple(run)
            run = []
        run.append(point)
    if run:
        yield tuple(run)


def lines_of(limit: GraphLimit) -> list[float]:
    """The numbers at which a condition begins or ceases to hold, each once; of a band none stands still."""
    ends: list[float] = []
    for end in (end for span in limit.spans for end in span if end is not None and not limit.of_band):
        if not any(isclose(end, known, rel_tol=1e-9, abs_tol=1e-300) for known in ends):
            ends.append(end)
    return ends


def _limits(limits: Iterable[GraphLimit], low: float, high: float) -> Iterable[Limit]:
    for limit in limits:
        for value in lines_of(limit):
            beyond = 1 if value > high else -1 if value < low else 0
            yield Limit(limit.priority, value, _readable(f"{limit.priority} {limit.text}"), beyond)


def _zones(limit: GraphLimit, low: float, high: float) -> Iterable[tuple[float, float]]:
    for lowest, highest in limit.spans if not limit.of_band else ():
        bottom = low if lowest is None else max(low, lowest)
        top = high if highest is None else min(high, highest)
        if bottom < top:
            yield bottom, top


def _breaches(limit: GraphLimit, point: Point, past: Past) -> bool:
    at, value = point
    if limit.of_band:
        ends = next(((low, high) for when, low, high in past.band if when == at), None)
        if ends is None:
            return False
        value = min(0.0, value - ends[0]) + max(0.0, value - ends[1])
    return any((low is None or value >= low) and (high is None or value <= high) for low, high in limit.spans)


def _subtitle(member: NoticeMember) -> str:
    said = [value for name, value in member.labels.items() if name not in _UNSAID]
    return " · ".join([member.name, *dict.fromkeys(said)])


def _readable(text: str) -> str:
    """One short line in letters that the font has."""
    plain = unicodedata.normalize("NFKD", text)
    known = (
        letter for letter in plain if letter.isspace() or letter in "·°" or (letter.isascii() and letter.isprintable())
    )
    letters = " ".join("".join(known).split())
    return letters if len(letters) <= _TEXT else f"{letters[: _TEXT - 3]}..."
