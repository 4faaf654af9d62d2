"""GetMetricData: from checked queries to results, their states and their pages."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from watchtower.demo.aws import expressions, maths
from watchtower.demo.aws.faults import Fault, Kind, of_series, sized
from watchtower.demo.aws.maths import Line, Scope
from watchtower.demo.aws.metrics import Late, Metrics, Points, Window, rounded_start
from watchtower.demo.aws.queries import MathQuery, MetricQuery, Query, Request
from watchtower.demo.aws.wire import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.estate import Key

_STATUS = {
    Kind.PARTIAL: "PartialData",
    Kind.INTERNAL_ERROR: "InternalError",
    Kind.FORBIDDEN: "Forbidden",
}
_MESSAGES = {
    "InternalError": ("InternalError", "An internal error occurred while this series was read."),
    "Forbidden": ("Forbidden", "Access to this metric is denied."),
}
_PROPERTY = re.compile(r"\$\{PROP\('([\w.-]+)'\)\}")

#: Periods of the past that the simulated band is learnt from; CloudWatch looks at two weeks.
_LEARNT_PERIODS = 60


@dataclass(frozen=True, slots=True)
class Result:
    """One series of the answer; ``complete_on`` is the page (from 1) on which it is complete, 0 never."""

    id: str
    label: str
    points: Points
    status: str = "Complete"
    complete_on: int = 1


def answer(request: Request, metrics: Metrics, now: float, faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """The pages of the answer as CloudWatch writes them, without their tokens."""
    late = [Late(f.series, f.since, f.until, f.seconds) for f in faults if f.kind is Kind.LATE]
    lines = {query.id: _read(query, request, metrics, now, late) for query in request.metrics}
    results = [
        _struck(result, of_series(faults, _keys(query, request)))
        for query in request.queries
        if query.returned
        for result in _results(query, request, lines, metrics, now)
    ]
    ordered = results if request.ascending else [replace(r, points=r.points[::-1]) for r in results]
    pages = _pages(ordered, request.max_points, sized(faults, Kind.PAGE_SIZE, len(ordered) or 1))
    empty = sized(faults, Kind.EMPTY_PAGE, 0)
    return [_page([])] * empty + [_page(page) for page in pages]


def _read(query: MetricQuery, request: Request, metrics: Metrics, now: float, late: Sequence[Late]) -> Points:
    start = rounded_start(request.start, query.period, now)
    return metrics.read(query.key, Window(start, request.end, query.period, now), query.statistic, late)


def _results(query: Query, request: Request, lines: Mapping[str, Points], metrics: Metrics, now: float) -> list[Result]:
    if isinstance(query, MetricQuery):
        return [Result(query.id, _label(query, request), lines[query.id])]
    computed = _Maths(request, lines, metrics, now).of(query)
    if isinstance(computed, dict):
        return [Result(query.id, query.label or query.id, _points(computed))]
    return [Result(query.id, query.label or query.id, _points(line)) for line in computed]


class _Maths:
    """Computes expressions, which may use one another."""

    def __init__(self, request: Request, lines: Mapping[str, Points], metrics: Metrics, now: float) -> None:
        self._queries = {query.id: query for query in request.queries if isinstance(query, MathQuery)}
        asked = {query.id: query for query in request.metrics}
        period = min((query.period for query in asked.values()), default=60)
        slots = range(rounded_start(request.start, period, now), math.ceil(request.end), period)
        self._lines: dict[str, Line] = {name: dict(points) for name, points in lines.items()}
        periods = {name: query.period for name, query in asked.items()}
        self._scope = Scope(
            self._lines, list(asked), periods, slots, lambda name: _past(asked[name], slots.start, metrics, now)
        )

    def of(self, query: MathQuery) -> Line | list[Line]:
        for name in sorted(expressions.names(query.node) - self._lines.keys()):
            inner = self.of(self._queries[name])
            if isinstance(inner, list):
                raise _wrong(query, f"{name} is an array of time series")
            self._lines[name] = inner
        try:
            value = maths.evaluate(query.node, self._scope)
        except expressions.NotMath as error:
            raise _wrong(query, str(error)) from error
        if isinstance(value, float):
            raise _wrong(query, "the result must be a time series, not a number")
        return value


def _past(query: MetricQuery, start: int, metrics: Metrics, now: float) -> list[float]:
    """The values of a metric in the periods before ``start``, from which its band is learnt."""
    window = Window(start - _LEARNT_PERIODS * query.period, start, query.period, now)
    return [value for _, value in metrics.read(query.key, window, query.statistic, ())]


def _wrong(query: MathQuery, why: str) -> Refusal:
    return Refusal("ValidationError", f"Error in expression '{query.id}': {why}")


def _points(line: Line) -> Points:
    return sorted(line.items())


def _keys(query: Query, request: Request) -> list[Key]:
    """The series a query rests on, through every expression between."""
    if isinstance(query, MetricQuery):
        return [query.key]
    by_id = {other.id: other for other in request.queries}
    needed = [by_id[name] for name in sorted(expressions.names(query.node))]
    if "METRICS" in query.text:
        needed.extend(request.metrics)
    return [key for other in needed for key in _keys(other, request)]


def _struck(result: Result, fault: Fault | None) -> Result:
    if fault is None:
        return result
    status = _STATUS[fault.kind]
    if fault.kind is Kind.PARTIAL:
        return replace(result, status=status, complete_on=fault.pages)
    return replace(result, status=status, points=[])


def _label(query: MetricQuery, request: Request) -> str:
    """The label asked for, or what tells this query from the others."""
    if query.label is not None:
        return _PROPERTY.sub(lambda found: _property(query, found[1]), query.label)
    if len(request.metrics) == 1:
        return query.key.metric
    values = " ".join(value for _, value in query.key.dimensions)
    return f"{values} {query.key.metric}".strip()


def _property(query: MetricQuery, name: str) -> str:
    if name.startswith("Dim."):
        return dict(query.key.dimensions).get(name[4:], "")
    known = {
        "MetricName": query.key.metric,
        "Namespace": query.key.namespace,
        "Region": query.key.region,
        "AccountId": query.key.account,
        "Stat": query.stat,
        "Period": str(query.period),
    }
    return known.get(name, "")


def _pages(results: Sequence[Result], max_points: int, max_series: int) -> list[list[Result]]:
    """Cut results into pages; what is still to come of a series makes it PartialData until its last part."""
    pages: list[list[Result]] = [[]]
    room = max_points
    for part in _parts(results):
        rest = part
        while True:
            if room <= 0 or len(pages[-1]) >= max_series:
                pages.append([])
                room = max_points
            here, rest = _split(rest, room)
            pages[-1].append(here)
            room -= len(here.points)
            if not rest.points:
                break
    return _with_completions(pages, results)


def _parts(results: Sequence[Result]) -> list[Result]:
    """What the first pass of pages carries: of a partial series only the first half."""
    return [
        replace(result, points=result.points[: len(result.points) // 2])
        if result.status == "PartialData" and result.complete_on != 1
        else replace(result, status="Complete" if result.status == "PartialData" else result.status)
        for result in results
    ]


def _split(result: Result, room: int) -> tuple[Result, Result]:
    rest = replace(result, points=result.points[room:])
    if not rest.points:
        return result, rest
    return replace(result, points=result.points[:room], status="PartialData"), rest


def _with_completions(pages: list[list[Result]], results: Sequence[Result]) -> list[list[Result]]:
    """Append the second halves of partial series on the page where they become complete."""
    for result in results:
        if result.status != "PartialData" or result.complete_on < 2:
            continue
        while len(pages) < result.complete_on:
            pages.append([])
        rest = result.points[len(result.points) // 2 :]
        pages[result.complete_on - 1].append(replace(result, points=rest, status="Complete"))
    return pages


def _page(results: Sequence[Result]) -> dict[str, Any]:
    return {"MetricDataResults": [_entry(result) for result in results], "Messages": []}


def _entry(result: Result) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "Id": result.id,
        "Label": result.label,
        "Timestamps": [float(at) for at, _ in result.points],
        "Values": [value for _, value in result.points],
        "StatusCode": result.status,
    }
    message = _MESSAGES.get(result.status)
    if message:
        entry["Messages"] = [{"Code": message[0], "Value": message[1]}]
    return entry
