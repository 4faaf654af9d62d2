"""Log groups of the estate: what they say in each minute, and the metrics that their filters make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.demo.estate import Key, Series
from watchtower.demo.shapes import MINUTE
from watchtower.logpattern import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watchtower.demo.estate import Estate
    from watchtower.demo.shapes import Generator


@dataclass(frozen=True, slots=True)
class LogFilter:
    """A metric filter; ``since`` and ``until`` (seconds after the estate's start) bound the time in which it exists.

    ``default`` is what it reports for a minute with lines of which none matches.
    """

    name: str
    pattern: str
    metric: str
    namespace: str = "LogMetrics"
    default: float | None = None
    dimensions: tuple[str, ...] = ()
    since: float = float("-inf")
    until: float = float("inf")

    def exists(self, at: float, start: float) -> bool:
        """Whether it is there at a moment of an estate that began at ``start`` (epoch seconds both)."""
        return self.since <= at - start < self.until


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group; ``lines`` gives the messages of the minute that begins at an epoch second."""

    name: str
    lines: Callable[[int], Sequence[str]]
    filters: tuple[LogFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class Chatter:
    """From ``start`` to ``end`` (seconds after the estate's start) a log group says these lines too, every minute."""

    log_group: str
    start: float
    end: float
    lines: tuple[str, ...]


def events(estate: Estate, group: LogGroup, minute: int) -> list[tuple[float, str]]:
    """What a log group says in a minute: (epoch seconds, message), in order."""
    said = list(group.lines(minute))
    for chatter in estate.chatter:
        if chatter.log_group == group.name and chatter.start <= minute - estate.start < chatter.end:
            said.extend(chatter.lines)
    return [(minute + number * MINUTE / len(said), message) for number, message in enumerate(said)]


def filter_series(estate: Estate) -> Iterator[Series]:
    """The metrics that filters without dimensions feed."""
    for (account, region), groups in estate.log_groups.items():
        for group in groups:
            for one in group.filters:
                if not one.dimensions:
                    key = Key(account, region, one.namespace, one.metric, ())
                    yield Series(key, _counting(estate, group, one))


def _counting(estate: Estate, group: LogGroup, one: LogFilter) -> Generator:
    pattern = compile_pattern(one.pattern)

    def value(at: float) -> float | None:
        minute = int(at // MINUTE * MINUTE)
        said = events(estate, group, minute) if one.exists(at, estate.start) else []
        matched = sum(pattern.matches(message) for _, message in said)
        return float(matched) if matched else one.default if said else None

    return value
