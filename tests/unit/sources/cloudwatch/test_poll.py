from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.sources.cloudwatch.support import (
    ALB,
    EC2,
    ERRORS,
    TICK,
    Polling,
    answer,
    ask,
    by,
    dimension,
    ec2,
    every_series,
    instances,
    listed,
    only,
    page,
    result_of,
    returned,
)
from watchtower.model import Labels, Truth

if TYPE_CHECKING:
    from tests.support.scripted_aws import ScriptedAws
    from watchtower.aws.clients import AwsClients


async def test_an_exact_series_needs_no_listing(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series())
    result = await Polling(aws, clients, ask("Cpu", ec2("i-1"))).poll()
    observation = only(result)
    assert observation.identity == Labels({"account": "prod", "region": "eu-west-1", "InstanceId": "i-1"})
    assert observation.context == Labels({"account_id": "111111111111"})
    assert observation.points == ((TICK - 60, 50.0),)
    assert observation.truth is Truth.VALUE
    assert aws.asked("ListMetrics") == []


async def test_the_window_is_the_evaluation_range_before_the_tick(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series())
    await Polling(aws, clients, ask("Cpu", ec2("i-1", period="5m"), slots=4)).poll()
    body = aws.asked("GetMetricData")[0].body
    assert (body["StartTime"], body["EndTime"]) == (TICK - 4 * 300, TICK)
    assert body["ScanBy"] == "TimestampAscending"
    [query] = body["MetricDataQueries"]
    assert query["MetricStat"]["Period"] == 300
    assert query["MetricStat"]["Stat"] == "Average"


@pytest.mark.parametrize(
    ("dimensions", "found"),
    [
        ({"InstanceId": "*"}, {"i-1", "i-2", "j-1"}),
        ({"InstanceId": "i-*"}, {"i-1", "i-2"}),
        ({"InstanceId": ["i-1", "j-*"]}, {"i-1", "j-1"}),
        ({"InstanceId": {"like": ["i-*"], "not": ["*-2"]}}, {"i-1"}),
        ({"InstanceId": {"not": ["i-*"]}}, {"j-1"}),
    ],
)
async def test_open_dimensions_are_discovered(
    aws: ScriptedAws, clients: AwsClients, dimensions: dict[str, Any], found: set[str]
) -> None:
    aws.on("ListMetrics", instances("i-1", "i-2", "j-1"))
    aws.on("GetMetricData", every_series())
    result = await Polling(aws, clients, ask("Cpu", {**EC2, "dimensions": dimensions})).poll()
    assert set(by(result, "InstanceId")) == found
    assert answer(result, "Cpu").complete


async def test_an_exact_dimension_beside_an_open_one_narrows_it(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", listed({"path": "/", "host": "a"}, {"path": "/", "host": "b"}, {"path": "/tmp", "host": "c"}))
    aws.on("GetMetricData", every_series())
    query = {**EC2, "namespace": "CWAgent", "dimensions": {"path": "/", "host": "*"}}
    result = await Polling(aws, clients, ask("Cpu", query)).poll()
    assert {(o.identity["host"], o.identity["path"]) for o in answer(result, "Cpu").observations} == {
        ("a", "/"),
        ("b", "/"),
    }


async def test_a_metric_without_dimensions_is_one_series(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series())
    result = await Polling(aws, clients, ask("Cpu", EC2)).poll()
    assert only(result).identity == Labels({"account": "prod", "region": "eu-west-1"})
    assert returned(aws.asked("GetMetricData")[0])[0]["MetricStat"]["Metric"]["Dimensions"] == []


async def test_a_rule_that_matches_nothing_asks_nothing_and_is_complete(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", instances())
    result = await Polling(aws, clients, ask("Cpu", {**EC2, "dimensions": {"InstanceId": "*"}})).poll()
    assert answer(result, "Cpu").observations == ()
    assert answer(result, "Cpu").complete
    assert aws.asked("GetMetricData") == []


async def test_equal_queries_of_two_rules_are_asked_once_and_billed_to_the_first(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("GetMetricData", every_series())
    result = await Polling(aws, clients, ask("B", ec2("i-1")), ask("A", ec2("i-1"))).poll()
    assert len(returned(aws.asked("GetMetricData")[0])) == 1
    assert only(result, "A").points == only(result, "B").points
    assert result.billed == {"A": 1}
    assert len(result.samples) == 1


async def test_points_fall_into_the_slot_they_are_in_and_outside_ones_are_ignored(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    """Some servers begin their slots at the second of the request."""
    points = result_of("q0") | {
        "Timestamps": [TICK - 181.0, TICK - 107.5, TICK - 60, float(TICK), TICK + 60.0],
        "Values": [1.0, 2.0, 3.0, 4.0, 5.0],
    }
    aws.on("GetMetricData", page(points))
    observation = only(await Polling(aws, clients, ask("Cpu", ec2("i-1"))).poll())
    assert observation.points == ((TICK - 120, 2.0), (TICK - 60, 3.0))


async def test_values_that_are_no_numbers_are_dropped(aws: ScriptedAws, clients: AwsClients) -> None:
    points = result_of("q0") | {"Timestamps": [TICK - 120.0, TICK - 60.0], "Values": ["NaN", 3.0]}
    aws.on("GetMetricData", page(points))
    assert only(await Polling(aws, clients, ask("Cpu", ec2("i-1"))).poll()).points == ((TICK - 60, 3.0),)


async def test_a_short_rule_does_not_see_what_a_long_one_fetched(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series(lambda query: [(5, 1.0), (1, 2.0)]))
    result = await Polling(aws, clients, ask("Short", ec2("i-1"), slots=2), ask("Long", ec2("i-1"), slots=6)).poll()
    assert only(result, "Short").points == ((TICK - 60, 2.0),)
    assert len(only(result, "Long").points) == 2


async def test_rules_that_look_back_very_far_have_calls_of_their_own(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series())
    await Polling(aws, clients, ask("Short", ec2("i-1"), slots=3), ask("Long", ec2("i-2"), slots=600)).poll()
    starts = {request.body["StartTime"] for request in aws.asked("GetMetricData")}
    assert starts == {TICK - 3 * 60, TICK - 600 * 60}


async def test_metric_math_joins_its_members_on_equal_dimensions(aws: ScriptedAws, clients: AwsClients) -> None:
    """A balancer without errors has no error metric: it is asked for all the same, so that FILL makes it zero."""

    def listing(request: Any, number: int) -> Any:
        names = ["app/a/1", "app/b/2"] if request.body["MetricName"] == "RequestCount" else ["app/b/2", "app/c/3"]
        return listed(*({"LoadBalancer": name} for name in names))

    aws.on("ListMetrics", listing)
    aws.on("GetMetricData", every_series())
    result = await Polling(aws, clients, ask("Errors", ERRORS)).poll()
    assert set(by(result, "LoadBalancer", "Errors")) == {"app/a/1", "app/b/2", "app/c/3"}
    queries = aws.asked("GetMetricData")[0].body["MetricDataQueries"]
    stats = [query for query in queries if "MetricStat" in query]
    math = [query for query in queries if "Expression" in query]
    assert len(stats) == 6
    assert {query["ReturnData"] for query in stats} == {False}
    assert len(math) == 3
    names = {(q["MetricStat"]["Metric"]["MetricName"], dimension(q)): q["Id"] for q in stats}
    wanted = {
        f"100 * FILL({names['HTTPCode_Target_5XX_Count', lb]}, 0) / {names['RequestCount', lb]}"
        for lb in ("app/a/1", "app/b/2", "app/c/3")
    }
    assert {query["Expression"] for query in math} == wanted


async def test_a_member_with_its_own_pattern_narrows_the_join(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", listed({"LoadBalancer": "app/a/1"}, {"LoadBalancer": "net/b/2"}))
    aws.on("GetMetricData", every_series())
    narrow = {**ALB, "metric": "T", "dimensions": {"LoadBalancer": "app/*"}}
    query = {**ERRORS, "metrics": {**ERRORS["metrics"], "t": narrow}}
    assert set(by(await Polling(aws, clients, ask("Errors", query)).poll(), "LoadBalancer", "Errors")) == {"app/a/1"}


async def test_metric_math_over_exact_dimensions_is_one_series(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series())
    exact = {"LoadBalancer": "app/a/1"}
    query = {**ERRORS, "metrics": {name: {**m, "dimensions": exact} for name, m in ERRORS["metrics"].items()}}
    assert (
        only(await Polling(aws, clients, ask("Errors", query)).poll(), "Errors").identity["LoadBalancer"] == "app/a/1"
    )


async def test_dimensions_on_which_members_differ_do_not_name_the_result(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series())
    metrics = {
        "r": {**ALB, "metric": "A", "dimensions": {"LoadBalancer": "app/a/1", "Zone": "x"}},
        "t": {**ALB, "metric": "A", "dimensions": {"LoadBalancer": "app/b/2", "Zone": "x"}},
    }
    identity = only(
        await Polling(aws, clients, ask("Errors", {**ERRORS, "metrics": metrics})).poll(), "Errors"
    ).identity
    assert identity == Labels({"account": "prod", "region": "eu-west-1", "Zone": "x"})


async def test_the_newest_value_is_offered_to_the_scrape(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series(lambda query: [(2, 40.0), (1, 50.0)]))
    [sample] = (await Polling(aws, clients, ask("Cpu", ec2("i-1"))).poll()).samples
    assert (sample.family, sample.name) == ("aws", "aws_ec2_cpuutilization_average")
    assert (sample.value, sample.at) == (50.0, TICK - 60)
    assert sample.labels == Labels(
        {
            "account_id": "111111111111",
            "region": "eu-west-1",
            "name": "global",
            "dimension_InstanceId": "i-1",
        }
    )


async def test_a_value_two_periods_old_is_gone_from_the_scrape(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", every_series(lambda query: [(3, 40.0)]))
    result = await Polling(aws, clients, ask("Cpu", ec2("i-1"))).poll()
    assert result.samples == ()
    assert only(result).truth is Truth.VALUE


async def test_metric_math_is_offered_under_its_rules_name(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", listed({"LoadBalancer": "app/a/1"}))
    aws.on("GetMetricData", every_series(lambda query: [(1, 7.0)]))
    [sample] = (await Polling(aws, clients, ask("Errors", ERRORS)).poll()).samples
    assert (sample.family, sample.name, sample.value) == ("watchtower", "watchtower_rule_value", 7.0)
    assert sample.labels == Labels(
        {"alert": "Errors", "account": "prod", "region": "eu-west-1", "load_balancer": "app/a/1"}
    )


async def test_a_sliding_window_asks_for_the_same_period_a_minute_later(aws: ScriptedAws, clients: AwsClients) -> None:
    """Minutes 1 to 5, then 2 to 6: CloudWatch aligns datapoints to StartTime, so they move with the window."""
    aws.on(
        "GetMetricData",
        lambda request, number: page(
            {
                "Id": returned(request)[0]["Id"],
                "StatusCode": "Complete",
                "Timestamps": [float(request.body["EndTime"] - 300)],
                "Values": [50.0 + number],
            }
        ),
    )
    polling = Polling(aws, clients, ask("Cpu", ec2("i-1", period="5m"), slots=3, step=60))
    first, second = only(await polling.poll(TICK)), only(await polling.poll(TICK + 60))
    windows = [(request.body["StartTime"], request.body["EndTime"]) for request in aws.asked("GetMetricData")]
    assert windows == [(TICK - 900, TICK), (TICK - 840, TICK + 60)]
    assert [point[0] for point in (*first.points, *second.points)] == [TICK - 300, TICK - 240]
