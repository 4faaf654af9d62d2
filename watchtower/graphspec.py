"""What travels with an alert so that it can be drawn later: its limits, its window, and where its past is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from watchtower.words import Priority  # noqa: TC001 - types that the store reads back


@dataclass(frozen=True, slots=True)
class GraphLimit:
    """One priority's condition as a graph shows it.

    ``spans`` are the values on which it holds, ends included, None where there is none. ``of_band``: they say how far
    outside of its band a value is.
    """

    priority: Priority
    text: str
    spans: tuple[tuple[float | None, float | None], ...]
    of_band: bool = False


@dataclass(frozen=True, slots=True)
class GraphQuery:
    """Where the past of a series is asked for: the queries of one GetMetricData call, as JSON.

    ``value`` and ``band`` are the ids of the results, ``metrics`` is how many AWS bills, ``title`` what
    is measured.
    """

    account: str
    region: str
    queries: str
    value: str
    band: str = ""
    metrics: int = 1
    title: str = ""


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """What can be drawn of one series, bounded in size.

    ``points`` is the evaluated window, for when the past cannot be had; ``period`` is in seconds, ``unit`` the one
    that the rule's limits are written in.
    """

    title: str
    period: int
    limits: tuple[GraphLimit, ...]
    points: tuple[tuple[int, float | None], ...] = ()
    unit: str = ""
    query: GraphQuery | None = None
