"""CloudWatch: GetMetricData, ListMetrics, PutMetricData and GetMetricWidgetImage."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.demo.aws import fields, metric_data
from watchtower.demo.aws.faults import Fault, Kind, sized
from watchtower.demo.aws.metrics import Metrics, Put
from watchtower.demo.aws.paging import Pager, Prepared, cut, fingerprint
from watchtower.demo.aws.queries import billed, read_request
from watchtower.demo.aws.statistics import Sample, single
from watchtower.demo.aws.wire import Call, Params, Refusal
from watchtower.demo.estate import Dimensions, Key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LISTED_PER_PAGE = 500
_TWO_WEEKS = 14 * 86_400
_TWO_HOURS = 2 * 3_600
_LONGEST_WIDGET = 100_000
#: A PNG of one pixel, as JSON carries bytes.
_WHITE_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="


class CloudWatch:
    """The simulated service; ``billed`` counts the metrics GetMetricData was asked for, as AWS bills them.

    ``widgets`` are those that GetMetricWidgetImage was asked to draw.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._pager = Pager()
        self.billed: Counter[Key] = Counter()
        self.widgets: list[Mapping[str, Any]] = []

    def get_metric_data(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"""
        request = read_request(call)
        self.billed.update(billed(request))
        token, mark = fields.text(call.params, "NextToken"), _mark(call)
        if token is not None:
            found = self._pager.follow(token, mark)
            if found is None:
                raise Refusal("InvalidNextToken", "The next token specified is invalid.")
            page, more, _ = found
        else:
            pages = metric_data.answer(request, self._metrics, call.at, faults)
            page, more = self._pager.first(Prepared(pages, call.at, mark))
        return {**page, "NextToken": more} if more else page

    def list_metrics(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html"""
        token, mark = fields.text(call.params, "NextToken"), _mark(call)
        if token is not None:
            found = self._pager.follow(token, mark)
            if found is None:
                raise _bad_value("NextToken")
            page, more, _ = found
        else:
            listed = [_listed(key) for key in self._wanted(call)]
            size = sized(faults, Kind.PAGE_SIZE, _LISTED_PER_PAGE)
            pages = cut(listed, size, empty_first=sized(faults, Kind.EMPTY_PAGE, 0))
            page, more = self._pager.first(Prepared(pages, call.at, mark))
        return {"Metrics": page, "NextToken": more} if more else {"Metrics": page}

    def put_metric_data(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""
        namespace = fields.text(call.params, "Namespace")
        if not namespace:
            raise Refusal("MissingParameter", "The parameter Namespace is required.")
        if namespace.startswith(("AWS/", ":")) or len(namespace) > 255:
            raise _bad_value("Namespace")
        data = fields.structures(call.params, "MetricData")
        if len(data) > 1000:
            raise Refusal(
                "InvalidParameterValue",
                "The collection MetricData must not have a size greater than 1000.",
                shape="InvalidParameterValueException",
            )
        puts = [put for datum in data for put in _puts(call, namespace, datum)]
        for key, put in puts:
            self._metrics.put(key, put)
        return {}

    def get_metric_widget_image(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """A white pixel for every widget; GovCloud has no such operation.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricWidgetImage.html
        """
        if call.region.startswith("us-gov-"):
            raise Refusal("UnknownOperationException", "Unknown operation GetMetricWidgetImage.")
        written = fields.text(call.params, "MetricWidget") or ""
        try:
            widget = orjson.loads(written)
        except orjson.JSONDecodeError:
            raise _bad_value("MetricWidget") from None
        if not isinstance(widget, dict) or not widget.get("metrics") or len(written) > _LONGEST_WIDGET:
            raise _bad_value("MetricWidget")
        self.widgets.append(widget)
        return {"MetricWidgetImage": _WHITE_PIXEL}

    def _wanted(self, call: Call) -> list[Key]:
        params = call.params
        recent = fields.text(params, "RecentlyActive")
        if recent not in (None, "PT3H"):
            raise _bad_value("RecentlyActive")
        namespace, metric = fields.text(params, "Namespace"), fields.text(params, "MetricName")
        filters = [
            (fields.text(entry, "Name") or "", fields.text(entry, "Value"))
            for entry in fields.structures(params, "Dimensions")
        ]
        if len(filters) > 10:
            raise _bad_value("Dimensions")
        return [
            key
            for key in self._metrics.keys(call.account, call.region, call.at)
            if namespace in (None, key.namespace)
            and metric in (None, key.metric)
            and _has(key.dimensions, filters)
            and (recent is None or self._metrics.recently_active(key, call.at))
        ]


def _mark(call: Call) -> str:
    same = {name: value for name, value in call.params.items() if name != "NextToken"}
    return fingerprint(call.account, call.region, call.operation, same)


def _has(dimensions: Dimensions, filters: Sequence[tuple[str, str | None]]) -> bool:
    has = dict(dimensions)
    return all(name in has and value in (None, has[name]) for name, value in filters)


def _listed(key: Key) -> dict[str, Any]:
    return {
        "Namespace": key.namespace,
        "MetricName": key.metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in key.dimensions],
    }


def _puts(call: Call, namespace: str, datum: Params) -> list[tuple[Key, Put]]:
    metric = fields.text(datum, "MetricName")
    if not metric:
        raise Refusal("MissingParameter", "The parameter MetricName is required.")
    key = Key(call.account, call.region, namespace, metric, fields.dimensions(datum))
    stamp = fields.number(datum, "Timestamp")
    at = call.at if stamp is None else stamp
    if not call.at - _TWO_WEEKS <= at <= call.at + _TWO_HOURS:
        raise _bad_value("Timestamp")
    grain = 1 if fields.integer(datum, "StorageResolution") == 1 else 60
    second = int(at // grain * grain)
    return [(key, Put(second, call.at, sample)) for sample in _samples(datum)]


def _samples(datum: Params) -> list[Sample]:
    value, values = fields.number(datum, "Value"), fields.items(datum, "Values")
    statistics = fields.structure(datum, "StatisticValues")
    if sum((value is not None, bool(values), statistics is not None)) != 1:
        raise Refusal(
            "InvalidParameterCombination",
            "Exactly one of Value, Values and StatisticValues must be given.",
            shape="InvalidParameterCombinationException",
        )
    if statistics is not None:
        names = ("SampleCount", "Sum", "Minimum", "Maximum")
        return [Sample(*(_finite(fields.number(statistics, name), name) for name in names))]
    if value is not None:
        return [single(_finite(value, "Value"))]
    counts = fields.items(datum, "Counts") or [1.0] * len(values)
    if len(values) > 150 or len(counts) != len(values):
        raise _bad_value("Values")
    return [single(_finite(v, "Values"), _finite(c, "Counts")) for v, c in zip(values, counts, strict=True)]


def _finite(value: Any, name: str) -> float:
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) <= 2.0**360:
        return float(value)
    raise _bad_value(name)


def _bad_value(name: str) -> Refusal:
    return Refusal(
        "InvalidParameterValue",
        f"The value of the parameter {name} is not valid.",
        shape="InvalidParameterValueException",
    )
