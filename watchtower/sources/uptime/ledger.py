"""How long a target was what: spans of time that ticks book, and the totals that are read back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchtower.model import AlertKey

#: Seconds that one row of the ledger covers: of targets with an objective at first, of all others at first, and of old
#: time. Windows are counted in whole rows.
FINE, HOUR, DAY = 300, 3_600, 86_400
#: Seconds after which rows become coarser, each a little longer than the longest window that needs them fine.
FINE_FOR, HOURS_FOR = 7 * HOUR, 4 * DAY
#: How long anything is kept.
KEPT_DAYS = 92


class Watched(StrEnum):
    """What is known of a target's time; ``unwatched`` is what nobody booked."""

    UP = "up"
    DOWN = "down"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"
    UNWATCHED = "unwatched"


@dataclass(frozen=True, slots=True)
class Spent:
    """A span of a series' time, in epoch seconds, and what it was; ``width`` is that of the rows it is booked in."""

    key: AlertKey
    state: Watched
    start: int
    end: int
    width: int = HOUR

    def rows(self) -> Iterator[tuple[int, int, int]]:
        """(start of the row, start and end of the part in it), in order."""
        at = self.start
        while at < self.end:
            row = at - at % self.width
            until = min(self.end, row + self.width)
            yield row, at, until
            at = until


@dataclass(frozen=True, slots=True)
class Totals:
    """Seconds by state that were booked within a window; ``since`` is when the series was first watched at all.

    ``until`` is the end of the newest span, both in epoch seconds.
    """

    up: float = 0.0
    down: float = 0.0
    maintenance: float = 0.0
    unknown: float = 0.0
    since: int = 0
    until: int = 0

    @property
    def booked(self) -> float:
        """Seconds of which anything is known, be it that nothing was seen."""
        return self.up + self.down + self.maintenance + self.unknown

    @property
    def ratio(self) -> float | None:
        """The share of the judged time in which it was up; None when none was judged."""
        judged = self.up + self.down
        return self.up / judged if judged else None

    def seconds(self, begin: int) -> Mapping[Watched, float]:
        """By state, those since ``begin`` (epoch seconds), with those that nobody watched."""
        unwatched = max(0.0, self.until - max(begin, self.since) - self.booked)
        booked = (self.up, self.down, self.maintenance, self.unknown, unwatched)
        return dict(zip(Watched, booked, strict=True))


def width_of(window: int) -> int:
    """The width of the rows that a window of so many seconds is counted in."""
    if window < FINE_FOR:
        return FINE
    return HOUR if window < HOURS_FOR else DAY


def begin_of(window: int, now: int) -> int:
    """When a window that ends ``now`` begins, in whole rows."""
    since, width = now - window, width_of(window)
    return since - since % width
