"""When a ping is expected, and whether it is late: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from math import floor
from zoneinfo import ZoneInfo

from cronsim import CronSim

from watchtower.clock import epoch, from_epoch
from watchtower.durations import format_duration

#: Seconds by which the clock of whoever pings may be ahead of ours: a ping at 02:59:57 is the one of 03:00.
SKEW = 5.0

#: From and until when nobody could reach us, in epoch seconds.
Gap = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When pings are expected: ``every`` so many seconds, or as ``cron`` says on the clocks of ``zone``.

    ``grace`` is how many seconds later one may be, and how long a run may take that said when it began.
    """

    grace: float
    every: float = 0.0
    cron: str = ""
    zone: str = "UTC"

    def following(self, base: float, after: float) -> float:
        """When the first ping after ``after`` is expected, with a ping at ``base``; epoch seconds.

        The grace is added to it in UTC, so that it is as long on the days on which clocks change.
        """
        if self.every:
            return base + self.every * (max(0, floor((after - base) / self.every)) + 1)
        start = max(base + SKEW, after)
        times = CronSim(self.cron, from_epoch(start).astimezone(ZoneInfo(self.zone)))
        return next(moment for time in times if (moment := epoch(time.astimezone(UTC))) > start)

    @property
    def early(self) -> float:
        """Seconds before its time that a ping may come, when it comes regularly."""
        return min(self.grace, self.every / 2) if self.every else SKEW


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a target, in epoch seconds: since when it is waited for, and its newest ping of each kind.

    ``gaps``, in their order, are the times in which we could not be reached.
    """

    since: float
    success: float | None = None
    failed: float | None = None
    started: float | None = None
    said: str = ""
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """``value`` 1 is up, 0 down, None: not known yet, because no ping ever came and none is late."""

    value: float | None
    reason: str


def judge(schedule: Schedule, known: History, now: float) -> Verdict:
    """Whether a target is late, failed, or well.

    1. A run that said it failed is down, until one succeeds.
    2. A run that began and did not end within the grace is down.
    3. Without a ping until the grace after the expected time it is down.
    4. One expected time is let pass if we could not be reached around it; the next one counts.
    """
    if known.failed is not None and known.failed >= (known.success or 0.0):
        said = f": {known.said}" if known.said else ""
        return Verdict(0.0, f"the run that ended {_at(known.failed)} failed{said}")
    if late := _unfinished(schedule, known, now):
        return Verdict(0.0, late)
    expected, excuse = _expected(schedule, known)
    if now > expected + schedule.grace:
        return Verdict(0.0, f"{_last(known)}; one was expected {_at(expected)}, {_grace(schedule)}{excuse}")
    value = None if known.success is None else 1.0
    return Verdict(value, f"{_last(known)}; the next is expected {_at(expected)}, {_grace(schedule)}{excuse}")


def _unfinished(schedule: Schedule, known: History, now: float) -> str:
    """What is wrong with a run that began and was not heard of again; empty when nothing is."""
    began = known.started
    if began is None or began <= max(known.success or 0.0, known.failed or 0.0):
        return ""
    ends = began + schedule.grace
    if now <= ends or any(_overlap(gap, began, ends) for gap in known.gaps):
        return ""
    return f"the run that began {_at(began)} did not end within {format_duration(schedule.grace)}"


def _expected(schedule: Schedule, known: History) -> tuple[float, str]:
    """When the next ping is expected, and why not earlier; only one time in a row is let pass."""
    base = known.since if known.success is None else known.success
    expected = schedule.following(base, base)
    for since, until in known.gaps:
        if _overlap((since, until), expected - schedule.early, expected + schedule.grace):
            later = schedule.following(base, until + schedule.early)
            return later, f" (Watchtower could not be reached from {_stamp(since)} until {_stamp(until)})"
    return expected, ""


def _overlap(gap: Gap, start: float, end: float) -> bool:
    return gap[0] <= end and gap[1] >= start


def _last(known: History) -> str:
    return "no ping ever came" if known.success is None else f"the last ping came {_at(known.success)}"


def _grace(schedule: Schedule) -> str:
    return f"grace {format_duration(schedule.grace)}"


def _at(moment: float) -> str:
    return f"at {_stamp(moment)}"


def _stamp(moment: float) -> str:
    return from_epoch(moment).strftime("%Y-%m-%d %H:%M:%S UTC")
