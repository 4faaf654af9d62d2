"""Each failure of the simulated AWS, as the exception or the answer a real client gets."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from tests.support.simulated_aws import START_EPOCH, client, counting, estate, minutes, series, stat
from watchtower.demo.aws import EstateServer, Fault, Faults, Kind
from watchtower.demo.estate import Selector
from watchtower.demo.shapes import steady

if TYPE_CHECKING:
    from tests.support.clock import ManualClock

WORLD = estate(series("Orders", counting), series("Tills", steady(4)), series("Stock", steady(9)))
THREE = [stat("o", "Orders"), stat("t", "Tills"), stat("s", "Stock")]


async def get(cloudwatch: Any, *queries: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await cloudwatch.get_metric_data(
        MetricDataQueries=list(queries or THREE), ScanBy="TimestampAscending", **{**minutes(50, 54), **more}
    )
    return answer


def states(answer: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(r["Id"], r["StatusCode"], len(r["Values"])) for r in answer["MetricDataResults"]]


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        (Kind.THROTTLE, "Throttling", 400),
        (Kind.EXPIRED_TOKEN, "ExpiredToken", 403),
        (Kind.ACCESS_DENIED, "AccessDenied", 403),
        (Kind.SERVER_ERROR, "InternalFailure", 500),
        (Kind.HTML_500, "500", 500),
    ],
)
async def test_a_failure_is_the_client_error_aws_gives(clock: ManualClock, kind: Kind, code: str, status: int) -> None:
    async with EstateServer(WORLD, clock, Faults([Fault(kind)])) as server, client("cloudwatch", server) as cloudwatch:
        with pytest.raises(ClientError) as raised:
            await get(cloudwatch)
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("resourcegroupstaggingapi", "get_resources", "ThrottledException"),
        ("sts", "get_caller_identity", "Throttling"),
    ],
)
async def test_each_service_throttles_in_its_own_words(clock: ManualClock, service: str, call: str, code: str) -> None:
    async with EstateServer(WORLD, clock, Faults([Fault(Kind.THROTTLE)])) as server, client(service, server) as made:
        with pytest.raises(ClientError) as raised:
            await getattr(made, call)()
    assert raised.value.response["Error"]["Code"] == code


async def test_a_hang_ends_with_the_clients_patience(clock: ManualClock) -> None:
    server = EstateServer(WORLD, clock, Faults([Fault(Kind.TIMEOUT)]))
    async with server, client("cloudwatch", server, patience=0.2) as cloudwatch:
        with pytest.raises(ReadTimeoutError):
            await get(cloudwatch)


async def test_closing_does_not_wait_for_a_hanging_request(clock: ManualClock) -> None:
    async with AsyncExitStack() as stack:
        async with EstateServer(WORLD, clock, Faults([Fault(Kind.TIMEOUT)])) as server:
            cloudwatch = await stack.enter_async_context(client("cloudwatch", server))
            asking = asyncio.create_task(get(cloudwatch))
            while not server.calls:
                await asyncio.sleep(0.001)
            before = time.monotonic()
        assert time.monotonic() - before < 0.9
        with pytest.raises((EndpointConnectionError, ConnectionClosedError)):
            await asking


async def test_a_reset_is_a_broken_connection(clock: ManualClock) -> None:
    server = EstateServer(WORLD, clock, Faults([Fault(Kind.RESET)]))
    async with server, client("cloudwatch", server) as cloudwatch:
        with pytest.raises((EndpointConnectionError, ConnectionClosedError)) as raised:
            await get(cloudwatch)
    assert "reset" in str(raised.value.kwargs["error"]).lower()


async def test_a_fault_strikes_only_whom_it_names(clock: ManualClock) -> None:
    faults = Faults([Fault(Kind.THROTTLE, operation="List*", account="111*", region="eu-west-1")])
    async with EstateServer(WORLD, clock, faults) as server:
        async with client("cloudwatch", server) as cloudwatch:
            await get(cloudwatch)
            with pytest.raises(ClientError, match="Rate exceeded"):
                await cloudwatch.list_metrics()
        async with client("cloudwatch", server, region="us-east-1") as elsewhere:
            await elsewhere.list_metrics()


async def test_a_fault_is_used_up_after_its_times(clock: ManualClock) -> None:
    faults = Faults([Fault(Kind.THROTTLE, times=2)])
    async with EstateServer(WORLD, clock, faults) as server, client("cloudwatch", server) as cloudwatch:
        for _ in range(2):
            with pytest.raises(ClientError):
                await get(cloudwatch)
        await get(cloudwatch)
    assert faults.struck[Kind.THROTTLE] == 2


async def test_a_fault_lasts_from_since_until_until(clock: ManualClock) -> None:
    now = START_EPOCH + 3600
    faults = Faults([Fault(Kind.THROTTLE, since=now + 60, until=now + 150)])
    outcomes = []
    async with EstateServer(WORLD, clock, faults) as server, client("cloudwatch", server) as cloudwatch:
        for seconds in (59, 1, 89, 1):
            clock.advance(seconds)
            outcomes.append(await asyncio.gather(get(cloudwatch), return_exceptions=True))
    assert [isinstance(outcome[0], ClientError) for outcome in outcomes] == [False, True, True, False]


async def test_clearing_ends_every_fault(clock: ManualClock) -> None:
    faults = Faults([Fault(Kind.THROTTLE)])
    async with EstateServer(WORLD, clock, faults) as server, client("cloudwatch", server) as cloudwatch:
        faults.clear()
        assert len((await get(cloudwatch))["MetricDataResults"]) == 3


async def test_a_partial_page_holds_complete_series_and_half_ones(clock: ManualClock) -> None:
    faults = Faults([Fault(Kind.PARTIAL, series=Selector(metric="Tills"))])
    async with EstateServer(WORLD, clock, faults) as server, client("cloudwatch", server) as cloudwatch:
        first = await get(cloudwatch)
        second = await get(cloudwatch, NextToken=first["NextToken"])
    assert states(first) == [("o", "Complete", 4), ("t", "PartialData", 2), ("s", "Complete", 4)]
    assert states(second) == [("t", "Complete", 2)]
    assert "NextToken" not in second


async def test_series_may_become_complete_on_different_pages(clock: ManualClock) -> None:
    faults = Faults(
        [
            Fault(Kind.PARTIAL, series=Selector(metric="Tills"), pages=3),
            Fault(Kind.PARTIAL, series=Selector(metric="Orders"), pages=2),
        ]
    )
    async with EstateServer(WORLD, clock, faults) as server, client("cloudwatch", server) as cloudwatch:
        pages = [await get(cloudwatch)]
        while "NextToken" in pages[-1]:
            pages.append(await get(cloudwatch, NextToken=pages[-1]["NextToken"]))
    assert [states(page) for page in pages] == [
        [("o", "PartialData", 2), ("t", "PartialData", 2), ("s", "Complete", 4)],
        [("o", "Complete", 2)],
        [("t", "Complete", 2)],
    ]


async def test_a_series_may_stay_partial_for_ever(clock: ManualClock) -> None:
    faults = Faults([Fault(Kind.PARTIAL, series=Selector(metric="Tills"), pages=0)])
    async with EstateServer(WORLD, clock, faults) as server, client("cloudwatch", server) as cloudwatch:
        answer = await get(cloudwatch)
    assert states(answer) == [("o", "Complete", 4), ("t", "PartialData", 2), ("s", "Complete", 4)]
    assert "NextToken" not in answer


@pytest.mark.parametrize(("kind", "code"), [(Kind.INTERNAL_ERROR, "InternalError"), (Kind.FORBIDDEN, "Forbidden")])
async def test_a_series_that_cannot_be_read_says_so_alone(clock: ManualClock, kind: Kind, code: str) -> None:
    faults = Faults([Fault(kind, series=Selector(metric="Tills"))])
    async with EstateServer(WORLD, clock, faults) as server, client("cloudwatch", server) as cloudwatch:
        answer = await get(cloudwatch)
    assert states(answer) == [("o", "Complete", 4), ("t", code, 0), ("s", "Complete", 4)]
    assert answer["MetricDataResults"][1]["Messages"][0]["Code"] == code


async def test_an_expression_over_a_series_that_cannot_be_read_cannot_be_read(clock: ManualClock) -> None:
    faults = Faults([Fault(Kind.FORBIDDEN, series=Selector(metric="Tills"))])
    hidden = [{**query, "ReturnData": False} for query in THREE]
    expressions: list[dict[str, Any]] = [
        {"Id": "inner", "Expression": "FILL(t, 0)", "ReturnData": False},
        {"Id": "bad", "Expression": "o + inner"},
        {"Id": "good", "Expression": "o + s"},
    ]
    async with EstateServer(WORLD, clock, faults) as server, client("cloudwatch", server) as cloudwatch:
        answer = await get(cloudwatch, *hidden, *expressions)
    assert states(answer) == [("bad", "Forbidden", 0), ("good", "Complete", 4)]


async def test_an_empty_page_may_come_first_and_its_token_leads_on(clock: ManualClock) -> None:
    faults = Faults([Fault(Kind.EMPTY_PAGE, times=2, pages=1)])
    async with EstateServer(WORLD, clock, faults) as server, client("cloudwatch", server) as cloudwatch:
        first = await get(cloudwatch)
        assert first["MetricDataResults"] == []
        assert len((await get(cloudwatch, NextToken=first["NextToken"]))["MetricDataResults"]) == 3
        listed = await cloudwatch.list_metrics()
        assert listed["Metrics"] == []
        faults.clear()
        assert len((await cloudwatch.list_metrics(NextToken=listed["NextToken"]))["Metrics"]) == 3


async def test_the_page_size_can_be_made_small(clock: ManualClock) -> None:
    faults = Faults([Fault(Kind.PAGE_SIZE, pages=2)])
    async with EstateServer(WORLD, clock, faults) as server, client("cloudwatch", server) as cloudwatch:
        first = await get(cloudwatch)
        second = await get(cloudwatch, NextToken=first["NextToken"])
        listed = [len(page["Metrics"]) async for page in cloudwatch.get_paginator("list_metrics").paginate()]
    assert [len(page["MetricDataResults"]) for page in (first, second)] == [2, 1]
    assert listed == [2, 1]


async def test_late_points_appear_when_they_are_ready_and_not_before(clock: ManualClock) -> None:
    at = START_EPOCH + 52 * 60
    late = Fault(Kind.LATE, series=Selector(metric="Orders"), since=at, until=at + 60, seconds=600)
    async with EstateServer(WORLD, clock, Faults([late])) as server, client("cloudwatch", server) as cloudwatch:
        before = await get(cloudwatch)
        clock.advance(180)
        after = await get(cloudwatch)
    assert before["MetricDataResults"][0]["Values"] == [50, 51, 53]
    assert len(before["MetricDataResults"][1]["Values"]) == 4
    assert after["MetricDataResults"][0]["Values"] == [50, 51, 52, 53]


async def test_botocores_own_retries_see_a_throttle_as_one(clock: ManualClock) -> None:
    """The real client recognises the words: it asks again and gets through."""
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    faults = Faults([Fault(Kind.THROTTLE, times=1)])
    async with EstateServer(WORLD, clock, faults) as server:
        signing = server.credentials()
        made = get_session().create_client(
            "cloudwatch",
            region_name="eu-west-1",
            endpoint_url=server.url,
            aws_access_key_id=signing.access_key,
            aws_secret_access_key=signing.secret_key,
            config=AioConfig(retries={"max_attempts": 2, "mode": "standard"}),
        )
        async with made as cloudwatch:
            answer = await get(cloudwatch)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
