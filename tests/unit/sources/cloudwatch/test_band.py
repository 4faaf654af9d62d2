"""Bands over CloudWatch's two series, which share one id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.scripted_aws import THROTTLED, Reply, Request, ScriptedAws
from tests.unit.sources.cloudwatch.support import (
    TICK,
    Polling,
    answer,
    ask,
    by,
    ec2,
    instances,
    only,
    page,
    result_of,
    returned,
)
from watchtower.model import Truth

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients

BANDED = ec2("i-1", band=3)


def band_of(request: Request) -> dict[str, Any]:
    [found] = [query for query in returned(request) if "Expression" in query]
    return dict(found)


def metric_of(request: Request) -> dict[str, Any]:
    [found] = [query for query in returned(request) if "MetricStat" in query]
    return dict(found)


def both(request: Request, _number: int) -> Reply:
    """The upper end first, as good as the lower end first."""
    band = band_of(request)["Id"]
    return page(
        result_of(metric_of(request)["Id"], [(2, 50.0), (1, 90.0)]),
        result_of(band, [(2, 60.0), (1, 61.5)]),
        result_of(band, [(2, 40.0), (1, 41.0)]),
    )


async def test_the_band_is_asked_for_beside_its_metric_and_travels_with_it(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("GetMetricData", both)
    result = await Polling(aws, clients, ask("Cpu", BANDED)).poll()
    [request] = aws.asked("GetMetricData")
    assert band_of(request)["Expression"] == f"ANOMALY_DETECTION_BAND({metric_of(request)['Id']}, 3)"
    seen = only(result)
    assert seen.points == ((TICK - 120, 50.0), (TICK - 60, 90.0))
    assert seen.band == ((TICK - 120, 40.0, 60.0), (TICK - 60, 41.0, 61.5))
    assert (seen.truth, seen.reason) == (Truth.VALUE, "41 to 61.5 is expected")


async def test_rules_with_and_without_a_band_share_the_metric(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", both)
    result = await Polling(aws, clients, ask("Cpu", BANDED), ask("Plain", ec2("i-1"))).poll()
    assert only(result, "Plain").band == ()
    assert only(result, "Plain").points == only(result).points
    [request] = aws.asked("GetMetricData")
    assert len(request.body["MetricDataQueries"]) == 2


async def test_a_metric_without_a_band_yet_has_its_value_and_says_so(aws: ScriptedAws, clients: AwsClients) -> None:
    def learning(request: Request, _number: int) -> Reply:
        return page(result_of(metric_of(request)["Id"], [(1, 90.0)]), result_of(band_of(request)["Id"]))

    aws.on("GetMetricData", learning)
    seen = only(await Polling(aws, clients, ask("Cpu", BANDED)).poll())
    assert (seen.truth, seen.band) == (Truth.VALUE, ())
    assert seen.reason.startswith("CloudWatch has no band for this metric yet")


async def test_a_band_that_could_not_be_computed_holds_the_series(aws: ScriptedAws, clients: AwsClients) -> None:
    def failing(request: Request, _number: int) -> Reply:
        band = band_of(request)["Id"]
        return page(result_of(metric_of(request)["Id"], [(1, 90.0)]), result_of(band, status="InternalError"))

    aws.on("GetMetricData", failing)
    seen = only(await Polling(aws, clients, ask("Cpu", BANDED)).poll())
    assert seen.truth is Truth.NOT_FETCHED


async def test_a_call_that_broke_off_between_the_two_ends_holds_the_series(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    def first(request: Request, _number: int) -> Reply:
        band = band_of(request)["Id"]
        return page(result_of(metric_of(request)["Id"], [(1, 90.0)]), result_of(band, [(1, 60.0)]), token="more")

    aws.on("GetMetricData", first, THROTTLED)
    result = await Polling(aws, clients, ask("Cpu", BANDED)).poll()
    assert only(result).truth is Truth.NOT_FETCHED


async def test_ends_that_come_on_two_pages_are_one_band(aws: ScriptedAws, clients: AwsClients) -> None:
    def first(request: Request, _number: int) -> Reply:
        band = band_of(request)["Id"]
        return page(result_of(metric_of(request)["Id"], [(1, 90.0)]), result_of(band, [(1, 60.0)]), token="more")

    def second(request: Request, _number: int) -> Reply:
        return page(result_of(band_of(request)["Id"], [(1, 40.0)]))

    aws.on("GetMetricData", first, second)
    seen = only(await Polling(aws, clients, ask("Cpu", BANDED)).poll())
    assert (seen.truth, seen.band) == (Truth.VALUE, ((TICK - 60, 40.0, 60.0),))


async def test_every_series_of_a_glob_has_its_own_band(aws: ScriptedAws, clients: AwsClients) -> None:
    def script(request: Request, _number: int) -> Reply:
        results = []
        for number, query in enumerate(returned(request)):
            if "Expression" in query:
                results += [result_of(query["Id"], [(1, 10.0 * number)]), result_of(query["Id"], [(1, 100.0 + number)])]
            else:
                results.append(result_of(query["Id"], [(1, 50.0)]))
        return page(*results)

    aws.on("ListMetrics", instances("i-1", "i-2"))
    aws.on("GetMetricData", script)
    result = await Polling(aws, clients, ask("Cpu", ec2("*", band=2))).poll()
    assert answer(result, "Cpu").complete
    bands = {name: seen.band for name, seen in by(result, "InstanceId").items()}
    assert len(set(bands.values())) == 2
