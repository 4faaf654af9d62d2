"""The past of a series: asked of CloudWatch in one call, or what the evaluation looked at."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import orjson

from watchtower.aws.metricdata import get_metric_data
from watchtower.clock import epoch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.metricdata import Page
    from watchtower.graphspec import GraphQuery, GraphSpec

#: Seconds shown before an alert began and, while it lasts, after.
AROUND = 3 * 3600
#: Datapoints shown at least, for long periods, and at most, for short ones.
FEWEST, MOST = 24, 1440


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` until ``end`` (epoch seconds), in slots of ``period`` seconds."""

    start: int
    end: int
    period: int


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a series: (start of the slot, value), oldest first, and the band that was expected, if any."""

    points: tuple[tuple[int, float], ...]
    band: tuple[tuple[int, float, float], ...] = ()


def window(spec: GraphSpec, since: datetime, now: datetime) -> Window:
    """Three hours around the beginning of the alert, as far as they are over; more where the period is long."""
    around = min(max(AROUND, FEWEST // 2 * spec.period), MOST // 2 * spec.period)
    began = epoch(since)
    end = min(epoch(now), began + around)
    grid = spec.period
    return Window(int((began - around) // grid * grid), max(int(end // grid * grid), int(began // grid * grid)), grid)


def evaluated(spec: GraphSpec) -> Past:
    """The datapoints that decided."""
    return Past(tuple((at, value) for at, value in spec.points if value is not None and isfinite(value)))


async def asked(clients: AwsClients, query: GraphQuery, within: Window) -> Past:
    """The datapoints of a window in one GetMetricData call; raises SourceError."""
    queries = orjson.loads(query.queries)
    page = await get_metric_data(clients, query.account, query.region, queries, start=within.start, end=within.end)
    return Past(tuple(_points(page, query.value)), tuple(_pairs(page, query.band)))


def _points(page: Page, wanted: str) -> list[tuple[int, float]]:
    """The finite values of one result, by time."""
    found = {int(at): value for part in page.results if part.id == wanted for at, value in part.points}
    return [(at, value) for at, value in sorted(found.items()) if isfinite(value)]


def _pairs(page: Page, wanted: str) -> Iterable[tuple[int, float, float]]:
    """Both ends of the band where both came."""
    ends: dict[int, list[float]] = {}
    for part in page.results:
        for at, value in part.points if wanted and part.id == wanted else ():
            ends.setdefault(int(at), []).append(value)
    return [
        (at, min(pair), max(pair)) for at, pair in sorted(ends.items()) if len(pair) == 2 and all(map(isfinite, pair))
    ]
