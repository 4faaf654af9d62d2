"""Windows of time: those that recur every week on some place's wall clock, and those with a beginning and an end.

On the days when clocks change a weekly window covers every moment at which the wall clock shows a time inside it,
without a gap: a time that comes twice begins with its first and ends with its second coming, and a time that the
clock jumps over is the moment of the jump.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

from watchtower.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_MINUTES = 24 * 60
#: Days around today in which the next change of a weekly window must lie, if it ever changes.
_BACK, _AHEAD = 2, 9

_SOME_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)

_SPAN = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
_DAY = re.compile(r"([A-Za-z]+)(?:-([A-Za-z]+))?")
_EXAMPLE = 'write it like "Sun 02:00-04:00" or "Mon-Fri 08:00-20:00"'

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the week: minutes of a weekday (Monday is 0); one that crosses midnight ends beyond 24 hours."""

    day: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Window:
    """When something holds: ``spans`` of every week on the clocks of ``zone``, or one ``dated`` interval."""

    spans: tuple[Span, ...] = ()
    zone: tzinfo = UTC
    dated: Interval | None = None

    @classmethod
    def parse(cls, weekly: str | Sequence[str], timezone: str = "UTC") -> Window:
        """Read ``"Mon-Fri 08:00-20:00, Sat 09:00-12:00"`` or a list of such texts.

        Days without times are whole days, times without days hold every day, and a time that does not end after
        it begins ends on the next day. Raises ValueError with a sentence a person can act on.
        """
        texts = (weekly,) if isinstance(weekly, str) else weekly
        spans = tuple(span for text in texts for span in _spans(text))
        if not spans:
            raise ValueError(f"a weekly window names at least one time; {_EXAMPLE}")
        return cls(spans, zone(timezone))

    @classmethod
    def between(cls, start: datetime, end: datetime) -> Window:
        """From one moment to another; the end is exclusive."""
        return cls(dated=(start, end))

    def active(self, now: datetime) -> bool:
        """Whether it holds at ``now``; ends are exclusive."""
        return any(start <= now < end for start, end in self._around(now))

    def next_change(self, now: datetime) -> datetime | None:
        """The first moment after ``now`` at which it begins or ends to hold; None when it never does again."""
        first = min((moment for interval in self._around(now) for moment in interval if moment > now), default=None)
        if first is None or self.active(first) is self.active(now):  # only what was looked at ends there
            return None
        return first

    @property
    def endless(self) -> bool:
        """A weekly window that leaves no gap in the week."""
        return self.dated is None and self.next_change(_SOME_MONDAY) is None

    def _around(self, now: datetime) -> tuple[Interval, ...]:
        if self.dated is not None:
            return (self.dated,)
        return _intervals(self.spans, self.zone, now.astimezone(self.zone).date())


def zone(name: str) -> tzinfo:
    """The time zone of this name; raises ValueError when there is none."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = did_you_mean(name, zoneinfo.available_timezones())
        raise ValueError(f"there is no time zone {name!r}{hint}") from None


def _spans(text: str) -> Iterator[Span]:
    """One entry after another: days, then their times; a day after a time begins the next entry."""
    days: list[int] = []
    times: list[tuple[int, int]] = []
    for item in re.split(r"[,\s]+", text.strip()):
        if found := _SPAN.fullmatch(item):
            times.append(_times(item, *(int(part) for part in found.groups())))
            continue
        if times:
            yield from _entry(days, times)
            days, times = [], []
        days += _days(item, text)
    yield from _entry(days, times)


def _entry(days: Sequence[int], times: Sequence[tuple[int, int]]) -> Iterator[Span]:
    for day in dict.fromkeys(days or range(7)):
        for start, end in times or ((0, _DAY_MINUTES),):
            yield Span(day, start, end)


def _times(item: str, hour: int, minute: int, end_hour: int, end_minute: int) -> tuple[int, int]:
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if max(minute, end_minute) > 59 or start >= _DAY_MINUTES or end > _DAY_MINUTES:
        raise ValueError(f"{item} is not a time of day; hours go from 00:00 to 24:00")
    if start == end:
        raise ValueError(f"{item} is empty: it ends when it begins; a whole day is 00:00-24:00")
    return (start, end) if end > start else (start, end + _DAY_MINUTES)


def _days(item: str, text: str) -> list[int]:
    found = _DAY.fullmatch(item)
    if found is None:
        raise ValueError(f"{text!r} is not a weekly window; {_EXAMPLE}")
    first = _day(found[1])
    last = _day(found[2]) if found[2] else first
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]


def _day(word: str) -> int:
    known = {name.lower(): number for number, name in enumerate(DAYS)}
    short = word.lower()[:3]
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    if short not in known or not full[known[short]].startswith(word.lower()):
        raise ValueError(f"{word!r} is not a day of the week; write {', '.join(DAYS)}")
    return known[short]


@lru_cache(maxsize=256)
def _intervals(spans: tuple[Span, ...], place: tzinfo, today: date) -> tuple[Interval, ...]:
    """The window's intervals around a day, in order, those that touch joined."""
    found = []
    for step in range(-_BACK, _AHEAD + 1):
        day = today + timedelta(days=step)
        for span in spans:
            if span.day == day.weekday():
                start, end = _moment(day, span.start, place, late=False), _moment(day, span.end, place, late=True)
                found.append((start, end))
    return tuple(_joined(sorted(interval for interval in found if interval[0] < interval[1])))


def _joined(intervals: Sequence[Interval]) -> Iterator[Interval]:
    open_one: Interval | None = None
    for start, end in intervals:
        if open_one is not None and start <= open_one[1]:
            open_one = (open_one[0], max(open_one[1], end))
            continue
        if open_one is not None:
            yield open_one
        open_one = (start, end)
    if open_one is not None:
        yield open_one


def _moment(day: date, minutes: int, place: tzinfo, *, late: bool) -> datetime:
    """When the wall clock shows so many minutes after midnight: the second time with ``late``."""
    return moment_of(datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes), place, late=late)


def moment_of(wall: datetime, place: tzinfo, *, late: bool) -> datetime:
    """When the wall clock of ``place`` shows this: the second time with ``late``; the jump where it is jumped over."""
    first, second = (wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:  # the clock jumps over this time
        return _jump(second, first, place)
    return second if late else first


def _jump(before: datetime, after: datetime, place: tzinfo) -> datetime:
    """The moment between these at which the clock changes, to the second."""
    old = before.astimezone(place).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(place).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
