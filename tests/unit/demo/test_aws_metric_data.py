from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.simulated_aws import START_EPOCH, client, counting, estate, minutes, series, stat
from watchtower.demo.aws import EstateServer
from watchtower.demo.shapes import every, steady

if TYPE_CHECKING:
    from tests.support.clock import ManualClock
    from watchtower.demo.estate import Estate

ORDERS = estate(series("Orders", counting, {"Shop": "north", "Till": "1"}))
NORTH = {"Shop": "north", "Till": "1"}


async def ask(world: Estate, clock: ManualClock, *queries: dict[str, Any], **more: Any) -> dict[str, Any]:
    asked = {**minutes(50, 60), "ScanBy": "TimestampAscending", **more}
    async with EstateServer(world, clock) as server, client("cloudwatch", server) as cloudwatch:
        answer: dict[str, Any] = await cloudwatch.get_metric_data(MetricDataQueries=list(queries), **asked)
    return answer


def points(answer: dict[str, Any], index: int = 0) -> list[tuple[float, float]]:
    """(minutes after the start, value) of one result."""
    result = answer["MetricDataResults"][index]
    stamps = [(moment.timestamp() - START_EPOCH) / 60 for moment in result["Timestamps"]]
    return list(zip(stamps, result["Values"], strict=True))


async def refusal(clock: ManualClock, *queries: dict[str, Any], **more: Any) -> str:
    with pytest.raises(ClientError) as raised:
        await ask(ORDERS, clock, *queries, **more)
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    return str(raised.value.response["Error"]["Message"])


async def test_the_start_is_inclusive_and_the_end_exclusive(clock: ManualClock) -> None:
    answer = await ask(ORDERS, clock, stat("m", "Orders", NORTH), **minutes(50, 53))
    assert points(answer) == [(50, 50), (51, 51), (52, 52)]


async def test_points_come_newest_first_unless_asked_otherwise(clock: ManualClock) -> None:
    query = stat("m", "Orders", NORTH)
    async with EstateServer(ORDERS, clock) as server, client("cloudwatch", server) as cloudwatch:
        answer = await cloudwatch.get_metric_data(MetricDataQueries=[query], **minutes(50, 53))
    assert [value for _, value in points(answer)] == [52, 51, 50]


async def test_the_start_is_rounded_down_to_the_minute(clock: ManualClock) -> None:
    answer = await ask(ORDERS, clock, stat("m", "Orders", NORTH), **minutes(50.9, 53))
    assert points(answer)[0] == (50, 50)


async def test_a_start_of_more_than_fifteen_days_ago_is_rounded_to_five_minutes(clock: ManualClock) -> None:
    start = -16 * 1440 + 3
    answer = await ask(ORDERS, clock, stat("m", "Orders", NORTH, period=300), **minutes(start, start + 10))
    assert points(answer)[0][0] == -16 * 1440


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("Average", 52),
        ("Sum", 260),
        ("Minimum", 50),
        ("Maximum", 54),
        ("SampleCount", 5),
        ("p50", 52),
        ("p90", 53.6),
        ("p100", 54),
        ("p0", 50),
    ],
)
async def test_minutes_are_aggregated_to_the_period(clock: ManualClock, statistic: str, expected: float) -> None:
    answer = await ask(ORDERS, clock, stat("m", "Orders", NORTH, statistic=statistic, period=300))
    [(at, value), _] = points(answer)
    assert at == 50
    assert value == pytest.approx(expected)


async def test_periods_begin_at_the_start_that_was_asked_for(clock: ManualClock) -> None:
    answer = await ask(ORDERS, clock, stat("m", "Orders", NORTH, statistic="Minimum", period=300), **minutes(52, 60))
    assert points(answer) == [(52, 52), (57, 57)]


async def test_dimensions_match_exactly_and_in_any_order(clock: ManualClock) -> None:
    swapped = {"Till": "1", "Shop": "north"}
    queries = [stat("a", "Orders", swapped), stat("b", "Orders", {"Shop": "north"}), stat("c", "Orders")]
    answer = await ask(ORDERS, clock, *queries, stat("d", "Orders", NORTH, namespace="Other"))
    assert [len(result["Values"]) for result in answer["MetricDataResults"]] == [10, 0, 0, 0]
    assert {result["StatusCode"] for result in answer["MetricDataResults"]} == {"Complete"}


async def test_a_datapoint_is_seen_only_when_it_was_published(clock: ManualClock) -> None:
    world = estate(series("Orders", counting), delay=90)
    query = stat("m", "Orders")
    assert points(await ask(world, clock, query))[-1][0] == 57
    clock.advance(29)
    assert points(await ask(world, clock, query))[-1][0] == 57
    clock.advance(1)
    assert points(await ask(world, clock, query))[-1][0] == 58


async def test_a_period_that_is_not_over_holds_only_what_was_published(clock: ManualClock) -> None:
    world = estate(series("Orders", counting), delay=90)
    answer = await ask(world, clock, stat("m", "Orders", statistic="SampleCount", period=900), **minutes(45, 60))
    assert points(answer) == [(45, 13)]


async def test_a_five_minute_metric_has_no_point_for_the_minutes_between(clock: ManualClock) -> None:
    world = estate(series("Basic", every(300, steady(4)), resolution=300), delay=60)
    answer = await ask(world, clock, stat("m", "Basic"), **minutes(40, 60))
    assert [at for at, _ in points(answer)] == [40, 45, 50]


async def test_a_sparse_metric_really_is_sparse(clock: ManualClock) -> None:
    world = estate(series("Errors", lambda at: 3.0 if at == START_EPOCH + 55 * 60 else None))
    answer = await ask(world, clock, stat("m", "Errors", statistic="Sum"))
    assert points(answer) == [(55, 3)]


async def test_one_minute_points_are_kept_for_fifteen_days(clock: ManualClock) -> None:
    long_ago = minutes(-15 * 1440 + 30, -15 * 1440 + 90)
    answer = await ask(ORDERS, clock, stat("m", "Orders", NORTH), stat("h", "Orders", NORTH, period=300), **long_ago)
    assert [at + 15 * 1440 for at, _ in points(answer)] == list(range(60, 90))
    assert len(points(answer, 1)) == 12


async def test_a_query_that_returns_no_data_is_not_in_the_answer(clock: ManualClock) -> None:
    hidden = stat("m", "Orders", NORTH, ReturnData=False)
    answer = await ask(ORDERS, clock, hidden, {"Id": "e", "Expression": "m * 2"}, **minutes(50, 51))
    assert [result["Id"] for result in answer["MetricDataResults"]] == ["e"]
    assert points(answer) == [(50, 100)]


async def test_labels_are_the_clients_or_what_tells_series_apart(clock: ManualClock) -> None:
    dynamic = stat("c", "Orders", NORTH, Label="${PROP('Dim.Shop')} ${PROP('Stat')}")
    answer = await ask(ORDERS, clock, stat("a", "Orders", NORTH), stat("b", "Orders", NORTH, Label="mine"), dynamic)
    assert [result["Label"] for result in answer["MetricDataResults"]] == ["north 1 Orders", "mine", "north Average"]
    alone = await ask(ORDERS, clock, stat("a", "Orders", NORTH))
    assert alone["MetricDataResults"][0]["Label"] == "Orders"


async def test_accounts_and_regions_see_only_their_own(clock: ManualClock) -> None:
    world = estate(series("Orders", steady(1)), series("Orders", steady(2), region="us-east-1"))
    seen = {}
    async with EstateServer(world, clock) as server:
        for region in ("eu-west-1", "us-east-1"):
            async with client("cloudwatch", server, region=region) as cloudwatch:
                answer = await cloudwatch.get_metric_data(MetricDataQueries=[stat("m", "Orders")], **minutes(58, 59))
                seen[region] = points(answer)[0][1]
    assert seen == {"eu-west-1": 1, "us-east-1": 2}


async def test_max_datapoints_cuts_pages_and_marks_what_is_not_whole(clock: ManualClock) -> None:
    queries = [stat("a", "Orders", NORTH), stat("b", "Orders", NORTH)]
    pages: list[list[tuple[str, int, str]]] = []
    more: dict[str, Any] = {}
    async with EstateServer(ORDERS, clock) as server, client("cloudwatch", server) as cloudwatch:
        while True:
            page = await cloudwatch.get_metric_data(
                MetricDataQueries=queries, MaxDatapoints=8, **minutes(50, 60), **more
            )
            pages.append([(r["Id"], len(r["Values"]), r["StatusCode"]) for r in page["MetricDataResults"]])
            if "NextToken" not in page:
                break
            more = {"NextToken": page["NextToken"]}
    assert pages == [
        [("a", 8, "PartialData")],
        [("a", 2, "Complete"), ("b", 6, "PartialData")],
        [("b", 4, "Complete")],
    ]


async def test_the_pages_of_an_answer_belong_to_one_moment_and_can_be_read_again(clock: ManualClock) -> None:
    world = estate(series("Orders", counting), delay=60)
    asked = {"MetricDataQueries": [stat("m", "Orders")], "MaxDatapoints": 6, **minutes(50, 60)}
    async with EstateServer(world, clock) as server, client("cloudwatch", server) as cloudwatch:
        first = await cloudwatch.get_metric_data(**asked)
        clock.advance(600)
        for _ in range(2):
            second = await cloudwatch.get_metric_data(**asked, NextToken=first["NextToken"])
            assert [value for _, value in points(first) + points(second)] == [58, 57, 56, 55, 54, 53, 52, 51, 50]


@pytest.mark.parametrize("token", ["nonsense", "nonsense-1", "1-1-1"])
async def test_a_token_that_was_never_given_is_refused(clock: ManualClock, token: str) -> None:
    with pytest.raises(ClientError, match="InvalidNextToken"):
        await ask(ORDERS, clock, stat("m", "Orders", NORTH), NextToken=token)


async def test_a_token_is_refused_with_another_request(clock: ManualClock) -> None:
    async with EstateServer(ORDERS, clock) as server, client("cloudwatch", server) as cloudwatch:
        asked = {"MetricDataQueries": [stat("m", "Orders", NORTH)], "MaxDatapoints": 3}
        first = await cloudwatch.get_metric_data(**asked, **minutes(50, 60))
        with pytest.raises(ClientError, match="InvalidNextToken"):
            await cloudwatch.get_metric_data(**asked, **minutes(51, 60), NextToken=first["NextToken"])


async def test_501_queries_are_too_many_and_500_are_not(clock: ManualClock) -> None:
    queries = [stat(f"m{n}", "Orders", NORTH) for n in range(501)]
    assert "500" in await refusal(clock, *queries)
    assert len((await ask(ORDERS, clock, *queries[:500]))["MetricDataResults"]) == 500


async def test_what_cloudwatch_does_not_accept_is_refused(clock: ManualClock) -> None:
    good = stat("m", "Orders", NORTH)
    assert "unique" in await refusal(clock, good, good)
    assert "lower-case" in await refusal(clock, stat("M", "Orders", NORTH))
    assert "StartTime" in await refusal(clock, good, **minutes(60, 60))
    assert "Period" in await refusal(clock, stat("m", "Orders", NORTH, period=90))
    assert "Stat" in await refusal(clock, stat("m", "Orders", NORTH, statistic="average"))
    assert "Stat" in await refusal(clock, stat("m", "Orders", NORTH, statistic="p101"))
    assert "MetricStat or Expression" in await refusal(clock, {**good, "Expression": "m"})
    assert "MetricStat or Expression" in await refusal(clock, {"Id": "m"})
    assert "ScanBy" in await refusal(clock, good, ScanBy="Newest")
    assert "MaxDatapoints" in await refusal(clock, good, MaxDatapoints=100_801)
    assert "not linked" in await refusal(clock, {**good, "AccountId": "999999999999"})
    assert "required" in await refusal(clock)


async def test_what_aws_bills_is_counted_with_five_statistics_of_a_metric_as_one(clock: ManualClock) -> None:
    statistics = ("Average", "Sum", "Minimum", "Maximum", "SampleCount", "p99")
    queries = [stat(f"m{n}", "Orders", NORTH, statistic=name) for n, name in enumerate(statistics)]
    async with EstateServer(ORDERS, clock) as server, client("cloudwatch", server) as cloudwatch:
        await cloudwatch.get_metric_data(MetricDataQueries=queries[:5], **minutes(50, 60))
        assert server.metrics_billed == 1
        await cloudwatch.get_metric_data(MetricDataQueries=[*queries, stat("n", "Orders")], **minutes(50, 60))
        assert server.metrics_billed == 1 + 2 + 1
        assert server.calls == {"GetMetricData": 2}


async def test_five_hundred_queries_are_answered_quickly(clock: ManualClock) -> None:
    queries = [stat(f"m{n}", "Orders", NORTH) for n in range(500)]
    async with EstateServer(ORDERS, clock) as server, client("cloudwatch", server) as cloudwatch:
        asked = {"MetricDataQueries": queries, **minutes(55, 60)}
        await cloudwatch.get_metric_data(**asked)
        took = []
        for _ in range(5):
            before = time.perf_counter()
            await cloudwatch.get_metric_data(**asked)
            took.append(time.perf_counter() - before)
    assert min(took) < 0.5, "client and server together; the server's part is some 20 ms"
