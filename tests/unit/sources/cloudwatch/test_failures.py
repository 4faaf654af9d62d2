"""Error, empty and zero are three things, per series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.scripted_aws import (
    CUT,
    HANG,
    HTML,
    RESET,
    THROTTLED,
    Reply,
    Request,
    ScriptedAws,
    ok,
    refusal,
)
from tests.unit.sources.cloudwatch.support import (
    TICK,
    Polling,
    ask,
    ec2,
    every_series,
    only,
    page,
    result_of,
    returned,
)
from watchtower.errors import SourceError
from watchtower.model import PollResult, Truth
from watchtower.model import TroubleReason as Why

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients

NAMES = [f"i-{number:03}" for number in range(501)]


def two(aws: ScriptedAws, clients: AwsClients) -> Polling:
    """Two rules of one exact series each, q0 is i-1 and q1 is i-2."""
    return Polling(aws, clients, ask("One", ec2("i-1")), ask("Two", ec2("i-2")))


def truths(result: PollResult) -> dict[str, Truth]:
    return {o.identity["InstanceId"]: o.truth for found in result.answers for o in found.observations}


async def test_complete_without_points_is_no_data_and_zero_is_a_value(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", page(result_of("q0"), result_of("q1", [(1, 0.0)])))
    result = await two(aws, clients).poll()
    assert truths(result) == {"i-1": Truth.NO_DATA, "i-2": Truth.VALUE}
    assert only(result, "Two").points == ((TICK - 60, 0.0),)
    assert result.troubles == ()


async def test_partial_data_that_a_second_page_completes_is_a_value(aws: ScriptedAws, clients: AwsClients) -> None:
    first = page(result_of("q0", [(2, 1.0)], "PartialData"), result_of("q1", [(1, 7.0)]), token="more")
    aws.on("GetMetricData", first, page(result_of("q0", [(1, 2.0)])))
    result = await two(aws, clients).poll()
    assert only(result, "One").points == ((TICK - 120, 1.0), (TICK - 60, 2.0))
    assert truths(result) == {"i-1": Truth.VALUE, "i-2": Truth.VALUE}
    assert result.troubles == ()
    first_asked, second_asked = aws.asked("GetMetricData")
    assert second_asked.body == {**first_asked.body, "NextToken": "more"}


async def test_a_series_once_complete_stays_so_whatever_a_later_page_says(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    first = page(result_of("q0", [(1, 1.0)]), result_of("q1", [(1, 7.0)]), token="more")
    aws.on("GetMetricData", first, page(result_of("q0", status="PartialData")))
    assert set(truths(await two(aws, clients).poll()).values()) == {Truth.VALUE}


async def test_partial_data_that_no_page_completes_is_held(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", page(result_of("q0", [(2, 1.0)], "PartialData"), result_of("q1", [(1, 7.0)])))
    result = await two(aws, clients).poll()
    assert truths(result) == {"i-1": Truth.NOT_FETCHED, "i-2": Truth.VALUE}
    assert only(result, "One").points == ()
    assert [trouble.reason for trouble in result.troubles] == [Why.PARTIAL]


@pytest.mark.parametrize(
    ("status", "truth", "reason"),
    [
        ("Forbidden", Truth.FORBIDDEN, Why.FORBIDDEN),
        ("InternalError", Truth.NOT_FETCHED, Why.INTERNAL),
        ("SomethingNew", Truth.NOT_FETCHED, Why.PARTIAL),
        ("", Truth.NOT_FETCHED, Why.PARTIAL),
    ],
)
async def test_a_status_other_than_complete_holds_its_series_only(
    aws: ScriptedAws, clients: AwsClients, status: str, truth: Truth, reason: Why
) -> None:
    aws.on("GetMetricData", page(result_of("q0", status=status, message="because"), result_of("q1", [(1, 7.0)])))
    result = await two(aws, clients).poll()
    assert truths(result) == {"i-1": truth, "i-2": Truth.VALUE}
    assert "because" in only(result, "One").reason
    assert [(trouble.source, trouble.reason) for trouble in result.troubles] == [("cloudwatch", reason)]


async def test_a_query_that_is_left_out_of_the_answer_is_held(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", page(result_of("q1", [(1, 7.0)])))
    assert truths(await two(aws, clients).poll()) == {"i-1": Truth.NOT_FETCHED, "i-2": Truth.VALUE}


async def test_a_message_about_the_call_makes_its_empty_series_doubtful(aws: ScriptedAws, clients: AwsClients) -> None:
    message = "Maximum number of allowed metrics exceeded"
    aws.on("GetMetricData", page(result_of("q0"), result_of("q1", [(1, 7.0)]), message=message))
    result = await two(aws, clients).poll()
    assert truths(result) == {"i-1": Truth.NOT_FETCHED, "i-2": Truth.VALUE}
    assert message in result.troubles[0].detail


async def test_a_message_about_a_complete_series_is_only_told(aws: ScriptedAws, clients: AwsClients) -> None:
    """Metric math that divides by zero drops points and says so; the rest of the points hold."""
    aws.on("GetMetricData", page(result_of("q0", [(1, 7.0)], message="dropped"), result_of("q1", [(1, 7.0)])))
    result = await two(aws, clients).poll()
    assert only(result, "One").truth is Truth.VALUE
    assert "dropped" in only(result, "One").reason
    assert result.troubles == ()


async def test_an_id_that_comes_twice_on_a_page_is_no_single_series(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", page(result_of("q0", [(1, 1.0)]), result_of("q0", [(1, 2.0)]), result_of("q1")))
    result = await two(aws, clients).poll()
    assert only(result, "One").truth is Truth.NOT_FETCHED
    assert result.troubles[0].reason == Why.INVALID


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (THROTTLED, Why.THROTTLED),
        (RESET, Why.UNREACHABLE),
        (CUT, Why.UNREACHABLE),
        (HTML, Why.INTERNAL),
        (Reply(body=b"<html>maintenance</html>", content_type="text/html"), Why.INTERNAL),
        (ok({}), Why.INTERNAL),
        (refusal("ExpiredTokenException"), Why.CREDENTIALS),
        (refusal("AccessDeniedException"), Why.FORBIDDEN),
    ],
)
async def test_a_poll_of_which_nothing_succeeded_fails_as_a_whole(
    aws: ScriptedAws, clients: AwsClients, reply: Reply, reason: Why
) -> None:
    aws.on("GetMetricData", reply)
    with pytest.raises(SourceError) as caught:
        await two(aws, clients).poll()
    assert caught.value.reason == reason


async def test_a_server_that_hangs_fails_the_poll_in_time(aws: ScriptedAws, impatient: AwsClients) -> None:
    aws.on("GetMetricData", HANG)
    with pytest.raises(SourceError) as caught:
        await two(aws, impatient).poll()
    assert caught.value.reason == Why.TIMEOUT


@pytest.mark.parametrize("reply", [THROTTLED, RESET, CUT, HTML], ids=["throttled", "reset", "cut", "html"])
async def test_a_second_page_that_fails_holds_every_series_it_would_have_carried(
    aws: ScriptedAws, clients: AwsClients, reply: Reply
) -> None:
    first = page(result_of("q0", [(2, 1.0)], "PartialData"), result_of("q1", [(1, 7.0)]), token="more")
    aws.on("GetMetricData", first, reply)
    result = await two(aws, clients).poll()
    assert truths(result) == {"i-1": Truth.NOT_FETCHED, "i-2": Truth.VALUE}
    assert len(result.troubles) == 1


async def test_a_page_that_is_announced_for_ever_ends(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", page(result_of("q0", [(1, 1.0)]), token="again"))
    result = await two(aws, clients).poll()
    assert truths(result) == {"i-1": Truth.VALUE, "i-2": Truth.NOT_FETCHED}
    assert len(aws.asked("GetMetricData")) == 2


async def test_an_expired_credential_is_replaced_within_the_poll(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("GetMetricData", refusal("ExpiredTokenException"), every_series())
    result = await two(aws, clients).poll()
    assert set(truths(result).values()) == {Truth.VALUE}
    assert result.troubles == ()


async def test_of_many_calls_one_throttled_holds_only_its_own_series(aws: ScriptedAws, clients: AwsClients) -> None:
    def reply(request: Request, number: int) -> Reply:
        small = len(request.body["MetricDataQueries"]) == 1
        return THROTTLED if small else every_series()(request, number)

    aws.on("GetMetricData", reply)
    asks = [ask(f"R{name}", ec2(name)) for name in NAMES]
    result = await Polling(aws, clients, *asks).poll()
    held = [name for name, truth in truths(result).items() if truth is Truth.NOT_FETCHED]
    assert len(held) == 1
    assert [(trouble.reason, trouble.detail) for trouble in result.troubles] == [
        (Why.THROTTLED, "GetMetricData: ThrottlingException Rate exceeded")
    ]
    assert sum(result.billed.values()) == 500


async def test_a_thousand_held_series_are_one_trouble(aws: ScriptedAws, clients: AwsClients) -> None:
    def reply(request: Request, number: int) -> Reply:
        return page(*(result_of(query["Id"], status="InternalError") for query in returned(request)))

    aws.on("GetMetricData", reply)
    result = await Polling(aws, clients, *(ask(f"R{name}", ec2(name)) for name in NAMES)).poll()
    assert set(truths(result).values()) == {Truth.NOT_FETCHED}
    assert len(result.troubles) == 1
