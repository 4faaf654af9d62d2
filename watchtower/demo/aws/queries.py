"""The queries of a GetMetricData request, checked as CloudWatch checks them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.demo.aws import expressions, fields
from watchtower.demo.aws.statistics import Statistic, statistic
from watchtower.demo.aws.wire import Call, Params, Refusal
from watchtower.demo.estate import Key

if TYPE_CHECKING:
    from watchtower.demo.aws.expressions import Node

MOST_QUERIES = 500
MOST_POINTS = 100_800
_ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,254}")
_SHORT_PERIODS = (1, 5, 10, 20, 30)


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """One statistic of one series."""

    id: str
    key: Key
    stat: str
    statistic: Statistic
    period: int
    label: str | None
    returned: bool


@dataclass(frozen=True, slots=True)
class MathQuery:
    """An expression over other queries."""

    id: str
    text: str
    node: Node
    label: str | None
    returned: bool


Query = MetricQuery | MathQuery


@dataclass(frozen=True, slots=True)
class Request:
    """A checked GetMetricData request; times are epoch seconds as the client wrote them."""

    queries: tuple[Query, ...]
    start: float
    end: float
    ascending: bool
    max_points: int

    @property
    def metrics(self) -> list[MetricQuery]:
        """The queries that are no expressions, in order."""
        return [query for query in self.queries if isinstance(query, MetricQuery)]


def read_request(call: Call) -> Request:
    """The request of a call; raises Refusal at the first thing CloudWatch would not accept."""
    start, end = fields.number(call.params, "StartTime"), fields.number(call.params, "EndTime")
    if start is None or end is None:
        raise _invalid("StartTime and EndTime are required.")
    if start >= end:
        raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
    return Request(_queries(call), start, end, _ascending(call.params), _max_points(call.params))


def billed(request: Request) -> Counter[Key]:
    """How many metrics of each series AWS bills: up to five statistics of one metric count once.

    https://aws.amazon.com/cloudwatch/pricing/
    """
    statistics: dict[Key, set[str]] = {}
    for query in request.metrics:
        statistics.setdefault(query.key, set()).add(query.stat)
    return Counter({key: -(-len(names) // 5) for key, names in statistics.items()})


def _ascending(params: Params) -> bool:
    order = fields.text(params, "ScanBy") or "TimestampDescending"
    if order not in ("TimestampAscending", "TimestampDescending"):
        raise _invalid(f"The value {order} for parameter ScanBy is not supported.")
    return order == "TimestampAscending"


def _max_points(params: Params) -> int:
    most = fields.integer(params, "MaxDatapoints")
    if most is None:
        return MOST_POINTS
    if not 1 <= most <= MOST_POINTS:
        raise _invalid(f"The parameter MaxDatapoints must be between 1 and {MOST_POINTS}.")
    return most


def _queries(call: Call) -> tuple[Query, ...]:
    entries = fields.structures(call.params, "MetricDataQueries")
    if not entries:
        raise _invalid("The parameter MetricDataQueries is required.")
    if len(entries) > MOST_QUERIES:
        raise _invalid(f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}.")
    queries = tuple(_query(call, entry) for entry in entries)
    ids = Counter(query.id for query in queries)
    if len(ids) != len(queries):
        raise _invalid("The values for parameter id in MetricDataQueries are not unique.")
    _refuse_unknown_and_circular(queries)
    return queries


def _query(call: Call, entry: Params) -> Query:
    name = fields.text(entry, "Id") or ""
    if not _ID.fullmatch(name):
        raise _invalid(
            f"The value {name} for parameter Id is not valid: it starts with a lower-case letter and holds "
            "letters, digits and underscores."
        )
    stat, text = fields.structure(entry, "MetricStat"), fields.text(entry, "Expression")
    if (stat is None) == (text is None):
        raise _invalid(f"Either MetricStat or Expression must be given for {name}, and not both.")
    label, returned = fields.text(entry, "Label"), fields.boolean(entry, "ReturnData", True)
    if text is not None:
        return MathQuery(name, text, _parsed(name, text), label, returned)
    if fields.text(entry, "AccountId") not in (None, call.account):
        raise _invalid(f"The account of {name} is not linked to this one.")
    return _metric(call, name, stat or {}, label, returned)


def _metric(call: Call, name: str, stat: Params, label: str | None, returned: bool) -> MetricQuery:
    metric = fields.structure(stat, "Metric") or {}
    namespace, metric_name = fields.text(metric, "Namespace"), fields.text(metric, "MetricName")
    if not namespace or not metric_name:
        raise _invalid(f"The Namespace and MetricName of {name} are required.")
    key = Key(call.account, call.region, namespace, metric_name, fields.dimensions(metric))
    period, statistic_name = fields.integer(stat, "Period"), fields.text(stat, "Stat")
    if period is None or statistic_name is None:
        raise _invalid(f"The Period and Stat of {name} are required.")
    if period not in _SHORT_PERIODS and (period < 60 or period % 60 or period > 86_400):
        raise _invalid(f"The Period of {name} must be 1, 5, 10, 20, 30 or a multiple of 60 up to 86400.")
    return MetricQuery(name, key, statistic_name, statistic(statistic_name), period, label, returned)


def _parsed(name: str, text: str) -> Node:
    if not 1 <= len(text) <= 2048:
        raise _invalid(f"The Expression of {name} must have 1 to 2048 characters.")
    try:
        return expressions.parse(text)
    except expressions.NotMath as error:
        raise _invalid(f"Error in expression '{name}': {error}") from error


def _refuse_unknown_and_circular(queries: tuple[Query, ...]) -> None:
    needs = {q.id: expressions.names(q.node) if isinstance(q, MathQuery) else set() for q in queries}
    for name, needed in needs.items():
        for other in sorted(needed - needs.keys()):
            raise _invalid(f"Error in expression '{name}': {other} is not an id of this request")
    while needs:
        ready = {name for name, needed in needs.items() if not needed & needs.keys()}
        if not ready:
            raise _invalid(f"Error in expression '{min(needs)}': it refers to itself")
        needs = {name: needed for name, needed in needs.items() if name not in ready}


def _invalid(message: str) -> Refusal:
    return Refusal("ValidationError", message)
