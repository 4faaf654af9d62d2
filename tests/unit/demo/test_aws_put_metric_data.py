from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.simulated_aws import client, estate, minutes, stat
from watchtower.demo.aws import EstateServer

if TYPE_CHECKING:
    from tests.support.clock import ManualClock


async def put_and_read(
    clock: ManualClock, data: list[dict[str, Any]], *statistics: str, delay: float = 0.0, wait: float = 0.0
) -> list[list[float]]:
    queries = [stat(f"m{n}", "Logins", statistic=name, namespace="Mine") for n, name in enumerate(statistics)]
    async with EstateServer(estate(delay=delay), clock) as server, client("cloudwatch", server) as cloudwatch:
        await cloudwatch.put_metric_data(Namespace="Mine", MetricData=data)
        clock.advance(wait)
        answer = await cloudwatch.get_metric_data(MetricDataQueries=queries, **minutes(0, 70))
    return [result["Values"] for result in answer["MetricDataResults"]]


async def test_values_of_one_minute_are_aggregated(clock: ManualClock) -> None:
    data = [{"MetricName": "Logins", "Value": value} for value in (1, 2, 6)]
    read = await put_and_read(clock, data, "Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50")
    assert read == [[9], [3], [1], [6], [3], [2]]


async def test_values_with_counts_weigh_as_often_as_they_occurred(clock: ManualClock) -> None:
    data = [{"MetricName": "Logins", "Values": [1.0, 10.0], "Counts": [9.0, 1.0]}]
    assert await put_and_read(clock, data, "SampleCount", "Average", "p50", "p100") == [[10], [1.9], [1], [10]]


async def test_a_statistic_set_has_no_percentiles(clock: ManualClock) -> None:
    values = {"SampleCount": 4, "Sum": 20, "Minimum": 2, "Maximum": 8}
    data = [{"MetricName": "Logins", "StatisticValues": values}]
    assert await put_and_read(clock, data, "Average", "Maximum", "p50") == [[5], [8], []]


async def test_what_was_put_is_seen_after_the_publication_delay(clock: ManualClock) -> None:
    data = [{"MetricName": "Logins", "Value": 1}]
    assert await put_and_read(clock, data, "Sum", delay=60, wait=59) == [[]]
    assert await put_and_read(clock, data, "Sum", delay=60, wait=60) == [[1]]


async def test_a_large_compressed_request_is_read(clock: ManualClock) -> None:
    dimensions = [{"Name": "Shop", "Value": "x" * 200}]
    data = [{"MetricName": f"M{n}", "Value": n, "Dimensions": dimensions} for n in range(1000)]
    async with EstateServer(estate(), clock) as server, client("cloudwatch", server) as cloudwatch:
        await cloudwatch.put_metric_data(Namespace="Mine", MetricData=data)
        assert len((await cloudwatch.list_metrics())["Metrics"]) == 500


@pytest.mark.parametrize(
    ("namespace", "datum", "code"),
    [
        ("AWS/RDS", {"Value": 1}, "InvalidParameterValue"),
        ("Mine", {"Value": float("nan")}, "InvalidParameterValue"),
        ("Mine", {"Value": 1, "Values": [1.0]}, "InvalidParameterCombination"),
        ("Mine", {}, "InvalidParameterCombination"),
        ("Mine", {"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue"),
    ],
)
async def test_what_cloudwatch_does_not_take_is_refused(
    clock: ManualClock, namespace: str, datum: dict[str, Any], code: str
) -> None:
    async with EstateServer(estate(), clock) as server, client("cloudwatch", server) as cloudwatch:
        with pytest.raises(ClientError) as raised:
            await cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "M", **datum}])
    assert raised.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("age", [timedelta(days=14, seconds=1), timedelta(hours=-2, seconds=-1)])
async def test_points_too_old_or_too_new_are_refused(clock: ManualClock, age: timedelta) -> None:
    datum = {"MetricName": "M", "Value": 1, "Timestamp": clock.now() - age}
    async with EstateServer(estate(), clock) as server, client("cloudwatch", server) as cloudwatch:
        with pytest.raises(ClientError, match="Timestamp"):
            await cloudwatch.put_metric_data(Namespace="Mine", MetricData=[datum])


async def test_a_thousand_and_one_are_too_many(clock: ManualClock) -> None:
    data = [{"MetricName": "M", "Value": 1}] * 1001
    async with EstateServer(estate(), clock) as server, client("cloudwatch", server) as cloudwatch:
        with pytest.raises(ClientError, match="1000"):
            await cloudwatch.put_metric_data(Namespace="Mine", MetricData=data)
