"""CloudWatch's own reading of a pattern against ours: a difference is told, once, and costs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from tests.support.scripted_aws import ScriptedAws, ok, refusal
from watchtower.sources.base import Place
from watchtower.sources.logs.agreement import AT_ONCE, Agreement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.aws.clients import AwsClients

PLACE, ELSEWHERE = Place("prod", "eu-west-1"), Place("prod", "us-east-1")
IDIOM = '[w1="*CRITICAL*"]'


async def said(agreement: Agreement, patterns: Iterable[str], place: Place = PLACE) -> list[dict[str, Any]]:
    with capture_logs() as lines:
        await agreement.check(place, patterns)
    return [dict(line) for line in lines]


async def test_a_line_on_which_cloudwatch_differs_is_told_once(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("TestMetricFilter", ok({"matches": []}))
    agreement = Agreement(clients)

    [warning] = await said(agreement, [IDIOM])

    assert warning == {
        "event": "logs.pattern_disagrees",
        "log_level": "warning",
        "pattern": IDIOM,
        "line": "2026-01-05 12:00:00 CRITICAL and more",
        "cloudwatch": "does not match",
    }
    assert await said(agreement, [IDIOM]) == []
    assert len(aws.asked("TestMetricFilter")) == 1


async def test_a_pattern_that_cloudwatch_refuses_is_told(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("TestMetricFilter", refusal("InvalidParameterException", "Invalid character(s) in term"))
    [warning] = await said(Agreement(clients), [IDIOM])
    assert "Invalid character(s) in term" in warning["cloudwatch"]


async def test_where_it_is_forbidden_another_place_is_asked(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("TestMetricFilter", refusal("AccessDeniedException", status=400), ok({"matches": []}))
    agreement = Agreement(clients)
    assert await said(agreement, [IDIOM]) == []
    assert await said(agreement, [IDIOM]) == []
    assert len(await said(agreement, [IDIOM], ELSEWHERE)) == 1


async def test_an_aws_that_fails_is_asked_three_times_and_then_left_alone(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("TestMetricFilter", refusal("ServiceUnavailableException", status=503))
    agreement = Agreement(clients)
    for _ in range(5):
        assert await said(agreement, [IDIOM]) == []
    assert len(aws.asked("TestMetricFilter")) == 3


async def test_many_patterns_are_compared_a_few_a_poll(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("TestMetricFilter", lambda request, _: ok({"matches": [{"eventMessage": one} for one in _theirs(request)]}))
    agreement = Agreement(clients)
    patterns = [f"word{n}" for n in range(AT_ONCE + 2)]
    for _ in range(3):
        assert await said(agreement, patterns) == []
    assert len(aws.asked("TestMetricFilter")) == len(patterns)


def _theirs(request: Any) -> list[str]:
    """The lines that a term matches."""
    return [line for line in request.body["logEventMessages"] if request.body["filterPattern"] in line]
