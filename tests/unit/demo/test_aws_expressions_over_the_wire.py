from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.simulated_aws import client, counting, estate, minutes, series, stat
from watchtower.demo.aws import EstateServer
from watchtower.demo.shapes import steady

if TYPE_CHECKING:
    from tests.support.clock import ManualClock

WORLD = estate(series("Orders", counting), series("Errors", lambda _at: None), series("Tills", steady(4)))


async def results(clock: ManualClock, *queries: dict[str, Any]) -> dict[str, list[float]]:
    async with EstateServer(WORLD, clock) as server, client("cloudwatch", server) as cloudwatch:
        answer = await cloudwatch.get_metric_data(
            MetricDataQueries=list(queries), ScanBy="TimestampAscending", **minutes(50, 53)
        )
    return {result["Label"]: result["Values"] for result in answer["MetricDataResults"]}


async def test_expressions_use_metrics_and_one_another(clock: ManualClock) -> None:
    found = await results(
        clock,
        {"Id": "twice", "Expression": "total * 2"},
        {"Id": "total", "Expression": "o + FILL(e, 1)", "ReturnData": False},
        stat("o", "Orders", ReturnData=False),
        stat("e", "Errors", ReturnData=False),
    )
    assert found == {"twice": [102, 104, 106]}


async def test_an_array_of_series_is_returned_as_several_results_with_one_id(clock: ManualClock) -> None:
    hidden = [stat("o", "Orders", ReturnData=False), stat("t", "Tills", ReturnData=False)]
    async with EstateServer(WORLD, clock) as server, client("cloudwatch", server) as cloudwatch:
        answer = await cloudwatch.get_metric_data(
            MetricDataQueries=[*hidden, {"Id": "all", "Expression": "METRICS() * 10"}], **minutes(50, 51)
        )
    assert [(r["Id"], r["Values"]) for r in answer["MetricDataResults"]] == [("all", [500]), ("all", [40])]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("o +", "Error in expression 'x'"),
        ("nobody", "nobody"),
        ("x + 1", "itself"),
        ("AVG(o)", "time series"),
        ("1 + 1", "time series"),
    ],
)
async def test_a_wrong_expression_refuses_the_whole_request(clock: ManualClock, expression: str, says: str) -> None:
    with pytest.raises(ClientError) as raised:
        await results(clock, stat("o", "Orders"), {"Id": "x", "Expression": expression})
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    assert says in raised.value.response["Error"]["Message"]


async def test_a_band_is_two_results_with_one_id_learnt_from_the_hour_before(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server, client("cloudwatch", server) as cloudwatch:
        answer = await cloudwatch.get_metric_data(
            MetricDataQueries=[stat("t", "Tills"), {"Id": "b", "Expression": "ANOMALY_DETECTION_BAND(t, 2)"}],
            ScanBy="TimestampAscending",
            **minutes(50, 52),
        )
    assert [(r["Id"], r["Values"]) for r in answer["MetricDataResults"]] == [
        ("t", [4, 4]),
        ("b", [4, 4]),
        ("b", [4, 4]),
    ]
