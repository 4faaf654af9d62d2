from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.clock import ManualClock
from tests.support.scripted_aws import THROTTLED, Reply, Request, ScriptedAws, ok
from watchtower.inventory.discovery import MetricDiscovery, MetricKey
from watchtower.model import TroubleReason as Why

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients

KEY = MetricKey("prod", "eu-west-1", "AWS/ApplicationELB", "RequestCount", ("LoadBalancer", "TargetGroup"))


def metric(**dimensions: str) -> dict[str, object]:
    return {"Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()]}


async def test_every_page_is_read(aws: ScriptedAws, clients: AwsClients) -> None:
    def page(request: Request, number: int) -> Reply:
        more = {"NextToken": f"t{number}"} if number < 2 else {}
        assert request.body.get("NextToken") == (f"t{number - 1}" if number else None)
        return ok({"Metrics": [metric(LoadBalancer=f"app/{number}", TargetGroup="tg")], **more})

    aws.on("ListMetrics", page)
    found = await MetricDiscovery(clients, ManualClock(), 300).series(KEY)
    assert found.items == frozenset({("app/0", "tg"), ("app/1", "tg"), ("app/2", "tg")})
    assert found.fresh
    assert aws.asked("ListMetrics")[0].body["Dimensions"] == [{"Name": "LoadBalancer"}, {"Name": "TargetGroup"}]


async def test_only_series_with_exactly_these_dimensions_count(aws: ScriptedAws, clients: AwsClients) -> None:
    listed = [
        metric(TargetGroup="tg", LoadBalancer="app/1"),
        metric(LoadBalancer="app/1"),
        metric(LoadBalancer="app/2", TargetGroup="tg", AvailabilityZone="eu-west-1a"),
        {"MetricName": "RequestCount"},
    ]
    aws.on("ListMetrics", ok({"Metrics": listed}))
    found = await MetricDiscovery(clients, ManualClock(), 300).series(KEY)
    assert found.items == frozenset({("app/1", "tg")})


async def test_a_listing_that_breaks_on_its_second_page_is_not_believed(aws: ScriptedAws, clients: AwsClients) -> None:
    """A truncated listing is what other collectors cache for an hour."""
    first = ok({"Metrics": [metric(LoadBalancer="app/1", TargetGroup="tg")], "NextToken": "more"})
    aws.on("ListMetrics", first, THROTTLED)
    found = await MetricDiscovery(clients, ManualClock(), 300).series(KEY)
    assert found.items is None
    assert found.reason == Why.THROTTLED


async def test_a_token_that_comes_again_does_not_page_for_ever(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", ok({"Metrics": [], "NextToken": "again"}))
    found = await MetricDiscovery(clients, ManualClock(), 300).series(KEY)
    assert not found.fresh
    assert len(aws.asked("ListMetrics")) == 2
