"""CloudWatch Logs: log groups, metric filters, and a search that answers with empty pages as the real one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.demo.aws import fields
from watchtower.demo.aws.faults import Fault, Kind, sized
from watchtower.demo.aws.paging import Pager, Prepared, cut, fingerprint
from watchtower.demo.aws.wire import Call, Params, Refusal
from watchtower.demo.logs import events
from watchtower.demo.shapes import MINUTE
from watchtower.logpattern import Pattern, PatternError, compile_pattern
from watchtower.model import stable_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.estate import Estate
    from watchtower.demo.logs import LogFilter, LogGroup

_LISTED_PER_PAGE = 50
_EVENTS_PER_PAGE = 10_000
_TESTED = 50
#: How far back a search without a start looks, in seconds.
_KEPT = 3 * 3600


class Logs:
    """The simulated service."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._pager = Pager()

    def describe_log_groups(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html"""
        prefix = fields.text(call.params, "logGroupNamePrefix") or ""
        found = [self._group(call, group) for group in self._groups(call) if group.name.startswith(prefix)]
        return self._paged(call, faults, "logGroups", found, _limit(call.params, _LISTED_PER_PAGE))

    def describe_metric_filters(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeMetricFilters.html"""
        params = call.params
        name, metric = fields.text(params, "logGroupName"), fields.text(params, "metricName")
        if (metric is None) != (fields.text(params, "metricNamespace") is None):
            raise _invalid("metricName and metricNamespace must be given together.")
        groups = [self._named(call, name)] if name is not None else self._groups(call)
        found = [
            _listed(group, one)
            for group in groups
            for one in group.filters
            if one.exists(call.at, self._estate.start) and metric in (None, one.metric)
        ]
        return self._paged(call, faults, "metricFilters", found, _limit(params, _LISTED_PER_PAGE))

    def filter_log_events(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html

        A page without events, but with a token, comes first: whoever stops there finds nothing.
        """
        params = call.params
        group = self._named(call, fields.text(params, "logGroupName") or "")
        pattern = _compiled(fields.text(params, "filterPattern") or "")
        since = max((fields.integer(params, "startTime") or 0) / 1000, call.at - _KEPT)
        until = min((fields.integer(params, "endTime") or call.at * 1000) / 1000, call.at)
        found = [
            _event(group, at, message)
            for minute in range(int(since // MINUTE * MINUTE), int(until) + 1, MINUTE)
            for at, message in events(self._estate, group, minute)
            if since <= at <= until and pattern.matches(message)
        ]
        page = self._paged(call, faults, "events", found, _limit(params, _EVENTS_PER_PAGE), empty_first=1)
        return {**page, "searchedLogStreams": []}

    def tested_metric_filter(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html"""
        pattern = _compiled(fields.text(call.params, "filterPattern") or "")
        messages = [str(message) for message in fields.items(call.params, "logEventMessages")]
        if not 1 <= len(messages) <= _TESTED or not all(messages):
            raise _invalid(f"logEventMessages must hold 1 to {_TESTED} messages that are not empty.")
        extracted = [(number, message, pattern.extract(message)) for number, message in enumerate(messages, 1)]
        matches = [
            {"eventNumber": number, "eventMessage": message, "extractedValues": values}
            for number, message, values in extracted
            if values is not None
        ]
        return {"matches": matches}

    def _paged(
        self, call: Call, faults: Sequence[Fault], name: str, found: Sequence[Any], size: int, *, empty_first: int = 0
    ) -> Mapping[str, Any]:
        token = fields.text(call.params, "nextToken")
        same = {key: value for key, value in call.params.items() if key != "nextToken"}
        mark = fingerprint(call.account, call.region, call.operation, same)
        if token is not None:
            followed = self._pager.follow(token, mark)
            if followed is None:
                raise _invalid("The specified nextToken is invalid.")
            page, more, _ = followed
        else:
            pages = cut(
                found,
                sized(faults, Kind.PAGE_SIZE, size),
                empty_first=sized(faults, Kind.EMPTY_PAGE, empty_first),
            )
            page, more = self._pager.first(Prepared(pages, call.at, mark))
        return {name: page, "nextToken": more} if more else {name: page}

    def _groups(self, call: Call) -> Sequence[LogGroup]:
        return self._estate.log_groups.get((call.account, call.region), ())

    def _named(self, call: Call, name: str) -> LogGroup:
        found = next((group for group in self._groups(call) if group.name == name), None)
        if found is None:
            raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")
        return found

    def _group(self, call: Call, group: LogGroup) -> dict[str, Any]:
        there = sum(one.exists(call.at, self._estate.start) for one in group.filters)
        arn = f"arn:aws:logs:{call.region}:{call.account}:log-group:{group.name}:*"
        return {"logGroupName": group.name, "arn": arn, "metricFilterCount": there, "storedBytes": 0}


def _listed(group: LogGroup, one: LogFilter) -> dict[str, Any]:
    transformation: dict[str, Any] = {
        "metricName": one.metric, "metricNamespace": one.namespace, "metricValue": "1",
    }  # fmt: skip
    if one.default is not None:
        transformation["defaultValue"] = one.default
    if one.dimensions:
        transformation["dimensions"] = {name: f"$.{name}" for name in one.dimensions}
    return {
        "filterName": one.name,
        "filterPattern": one.pattern,
        "logGroupName": group.name,
        "metricTransformations": [transformation],
    }


def _event(group: LogGroup, at: float, message: str) -> dict[str, Any]:
    stamp = round(at * 1000)
    return {
        "eventId": stable_hash(group.name, str(stamp), message),
        "logStreamName": "app/1",
        "timestamp": stamp,
        "ingestionTime": stamp,
        "message": message,
    }


def _compiled(text: str) -> Pattern:
    try:
        return compile_pattern(text)
    except PatternError as error:
        raise _invalid(f"Invalid filter pattern: {error.message}") from error


def _limit(params: Params, most: int) -> int:
    limit = fields.integer(params, "limit")
    if limit is None:
        return most
    if not 1 <= limit <= most:
        raise _invalid(f"limit must be between 1 and {most}.")
    return limit


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", message)
