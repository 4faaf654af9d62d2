from __future__ import annotations

from typing import Any

import pytest

from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.cloudwatch.statistics import check_statistic

RDS = {"namespace": "AWS/RDS", "metric": "CPUUtilization", "statistic": "Average"}
ALB = {"namespace": "AWS/ApplicationELB", "statistic": "Sum", "dimensions": {"LoadBalancer": "*"}}
MATH = {
    "expression": "100 * FILL(t, 0) / r",
    "metrics": {"r": ALB | {"metric": "RequestCount"}, "t": ALB | {"metric": "HTTPCode_Target_5XX_Count"}},
}


def test_a_metric_is_read() -> None:
    query = CloudWatchQuery.model_validate(
        RDS | {"period": "15m", "dimensions": {"DBInstanceIdentifier": "*"}, "tags": {"env": "production"}}
    )
    [member] = query.members.values()
    assert query.period == 900
    assert query.namespaces == ("AWS/RDS",)
    assert (member.metric, member.open_names, member.exact) == ("CPUUtilization", ("DBInstanceIdentifier",), {})


def test_metric_math_is_read() -> None:
    query = CloudWatchQuery.model_validate(MATH)
    assert query.period == 60
    assert list(query.members) == ["r", "t"]


def test_the_default_period_is_a_minute_and_no_dimensions_are_a_choice() -> None:
    query = CloudWatchQuery.model_validate(RDS)
    assert query.period == 60
    assert query.members["m"].dimensions == {}


@pytest.mark.parametrize("period", ["1s", "5s", "10s", "20s", "30s", "1m", "5m", "90m", "1d"])
def test_periods_of_cloudwatch_are_taken(period: str) -> None:
    CloudWatchQuery.model_validate(RDS | {"period": period})


@pytest.mark.parametrize("period", ["0s", "2s", "45s", "90s", "500ms", "25h", "2d"])
def test_other_periods_are_refused(period: str) -> None:
    with pytest.raises(ValueError, match="whole minutes up to 1d"):
        CloudWatchQuery.model_validate(RDS | {"period": period})


@pytest.mark.parametrize(
    "name",
    [
        "Average", "Sum", "Minimum", "Maximum", "SampleCount", "p99", "p99.9", "p0", "p100", "tm95", "tc90",
        "ts99.99", "wm98", "IQM", "PR(:300)", "PR(100:2000)", "TM(10%:90%)", "TM(150:1000)", "TC(0.005:0.030)",
        "TS(80%:)", "WM(:95%)",
    ],
)  # fmt: skip
def test_statistics_are_named_as_cloudwatch_names_them(name: str) -> None:
    assert check_statistic(name) == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("average", "did you mean Average?"),
        ("samplecount", "did you mean SampleCount?"),
        ("iqm", "did you mean IQM?"),
        ("avg", "is not a statistic"),
        ("p101", "is not a statistic"),
        ("p", "is not a statistic"),
        ("TM(:)", "is not a statistic"),
        ("tm", "is not a statistic"),
    ],
)
def test_other_statistics_are_refused_with_advice(name: str, hint: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_statistic(name)
    assert hint in str(caught.value)


def changed(**metrics: Any) -> dict[str, Any]:
    return MATH | {"metrics": MATH["metrics"] | metrics}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "`namespace` is missing"),
        ({"namespace": "AWS/RDS", "statistic": "Sum"}, "`metric` is missing"),
        (RDS | {"statistic": "median"}, "is not a statistic"),
        (RDS | {"dimension": {}}, "Extra inputs"),
        (RDS | {"dimensions": {"Port": 3306}}, "write it in quotes"),
        (RDS | {"band": 0}, "greater than 0"),
        (MATH | {"band": 3}, "`band` is for one metric"),
        (RDS | {"value": "maximum"}, "'result'"),
        (RDS | {"namespace": ":x"}, "match pattern"),
        ({"namespace": "Shop", "metric": "M", "statistic": "Sum", "tags": {"a": "b"}}, "cannot be used with Shop"),
        (MATH | {"metric": "CPUUtilization"}, "it belongs under `metrics:`"),
        (MATH | {"dimensions": {"A": "b"}}, "it belongs under `metrics:`"),
        ({"expression": "a"}, "needs `metrics:"),
        ({"metrics": MATH["metrics"]}, "needs an `expression`"),
        (changed(x=ALB | {"metric": "Other"}), "'x' is declared but"),
        (changed(T=ALB | {"metric": "Other"}), "'T' cannot be a metric's id"),
        (MATH | {"expression": "t / r + z"}, "reads 'z'"),
        (changed(t=ALB | {"metric": "T", "dimensions": {"TargetGroup": "*"}}), "metrics join on equal dimensions"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="validation error") as caught:
        CloudWatchQuery.model_validate(content)
    assert message in str(caught.value)


def test_members_with_exact_dimensions_join_everything() -> None:
    fixed = ALB | {"metric": "Limit", "dimensions": {"LoadBalancer": "app/one/1"}}
    assert CloudWatchQuery.model_validate(changed(t=fixed)).members["t"].exact == {"LoadBalancer": "app/one/1"}


def test_the_schema_can_be_published() -> None:
    assert "expression" in CloudWatchQuery.model_json_schema()["properties"]
