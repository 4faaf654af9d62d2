"""The past of one series is asked for as the series itself was."""

from __future__ import annotations

from typing import Any

import orjson

from tests.support.make import unit
from watchtower.model import Labels, Priority
from watchtower.sources.base import Ask
from watchtower.sources.cloudwatch.chart import chart
from watchtower.sources.cloudwatch.query import CloudWatchQuery

IDENTITY = Labels({"account": "prod", "region": "eu-west-1", "DBInstanceIdentifier": "orders"})
CPU = {"namespace": "AWS/RDS", "metric": "CPUUtilization", "statistic": "Average"}
EVERY = {**CPU, "dimensions": {"DBInstanceIdentifier": "*"}}


def ask(**query: Any) -> Ask:
    return Ask("CpuHigh", CloudWatchQuery.model_validate(query), 60, 3, Priority.P1)


def test_a_glob_is_asked_for_with_the_value_of_this_series() -> None:
    made = chart(unit(), ask(**EVERY), IDENTITY)
    assert made is not None
    [query] = orjson.loads(made.queries)
    assert query["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "DBInstanceIdentifier", "Value": "orders"}]
    assert (made.account, made.region, made.value) == ("prod", "eu-west-1", query["Id"])
    assert (made.title, made.metrics) == ("CPUUtilization Average", 1)


def test_metric_math_is_asked_for_with_all_of_its_metrics_and_only_the_result_is_drawn() -> None:
    made = chart(unit(), ask(expression="100 * a / b", metrics={"a": EVERY, "b": EVERY | {"metric": "Max"}}), IDENTITY)
    assert made is not None
    shown = {query["Id"]: query.get("ReturnData") for query in orjson.loads(made.queries)}
    assert [name for name, returned in shown.items() if returned] == [made.value]
    assert made.metrics == 2


def test_a_band_is_asked_for_beside_its_metric() -> None:
    made = chart(unit(), ask(**EVERY, band=3), IDENTITY)
    assert made is not None
    expressions = {query["Id"]: query.get("Expression", "") for query in orjson.loads(made.queries)}
    assert expressions[made.band].startswith("ANOMALY_DETECTION_BAND")


def test_what_is_too_large_to_be_carried_is_not_asked_for() -> None:
    metrics = {f"m{number}": EVERY | {"metric": "x" * 200} | {"statistic": f"p{number}"} for number in range(1, 50)}
    assert chart(unit(), ask(expression=" + ".join(metrics), metrics=metrics), IDENTITY) is None


def test_a_series_without_the_dimension_has_no_past_to_ask_for() -> None:
    assert chart(unit(), ask(**EVERY), Labels({"account": "prod"})) is None
