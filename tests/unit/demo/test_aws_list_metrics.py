from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.simulated_aws import START_EPOCH, client, counting, estate, series
from watchtower.demo.aws import EstateServer
from watchtower.demo.shapes import steady

if TYPE_CHECKING:
    from tests.support.clock import ManualClock

WORLD = estate(
    series("Orders", counting, {"Shop": "north", "Till": "1"}),
    series("Orders", counting, {"Shop": "south", "Till": "1"}),
    series("Orders", counting, {"Shop": "north"}),
    series("Orders", counting),
    series("Refunds", lambda at: 1.0 if at == START_EPOCH - 4 * 3600 else None, {"Shop": "north"}),
    series("Visits", steady(3), {"Site": "a"}, namespace="Web"),
    series("Orders", counting, {"Shop": "far"}, region="us-east-1"),
)
LARGE = estate(*(series("Orders", counting, {"Shop": f"s{n}"}) for n in range(1201)))


async def listed(clock: ManualClock, **filters: Any) -> list[tuple[str, ...]]:
    async with EstateServer(WORLD, clock) as server, client("cloudwatch", server) as cloudwatch:
        answer = await cloudwatch.list_metrics(**filters)
    return [(m["MetricName"], *(d["Value"] for d in m["Dimensions"])) for m in answer["Metrics"]]


async def test_every_series_of_the_account_and_region_is_listed_once(clock: ManualClock) -> None:
    found = await listed(clock)
    assert len(found) == len(set(found)) == 6


async def test_namespace_metric_and_dimensions_narrow_the_list(clock: ManualClock) -> None:
    assert await listed(clock, Namespace="Web") == [("Visits", "a")]
    assert await listed(clock, MetricName="Refunds") == [("Refunds", "north")]
    assert len(await listed(clock, Dimensions=[{"Name": "Shop"}])) == 4
    assert await listed(clock, Dimensions=[{"Name": "Shop", "Value": "south"}]) == [("Orders", "south", "1")]
    both = [{"Name": "Shop", "Value": "north"}, {"Name": "Till"}]
    assert await listed(clock, Dimensions=both) == [("Orders", "north", "1")]
    assert await listed(clock, Namespace="Nothing") == []


async def test_recently_active_leaves_out_what_was_quiet_for_three_hours(clock: ManualClock) -> None:
    assert ("Refunds", "north") in await listed(clock)
    assert ("Refunds", "north") not in await listed(clock, RecentlyActive="PT3H")
    assert len(await listed(clock, RecentlyActive="PT3H")) == 5


async def test_a_page_holds_500_and_its_token_can_be_used_again(clock: ManualClock) -> None:
    async with EstateServer(LARGE, clock) as server, client("cloudwatch", server) as cloudwatch:
        first = await cloudwatch.list_metrics()
        second = await cloudwatch.list_metrics(NextToken=first["NextToken"])
        again = await cloudwatch.list_metrics(NextToken=first["NextToken"])
        third = await cloudwatch.list_metrics(NextToken=second["NextToken"])
    assert [len(page["Metrics"]) for page in (first, second, again, third)] == [500, 500, 500, 201]
    assert second["Metrics"] == again["Metrics"]
    assert "NextToken" not in third
    names = {m["Dimensions"][0]["Value"] for page in (first, second, third) for m in page["Metrics"]}
    assert len(names) == 1201


async def test_a_wrong_token_is_an_invalid_parameter(clock: ManualClock) -> None:
    async with EstateServer(LARGE, clock) as server, client("cloudwatch", server) as cloudwatch:
        with pytest.raises(cloudwatch.exceptions.InvalidParameterValueException):
            await cloudwatch.list_metrics(NextToken="nonsense")
        token = (await cloudwatch.list_metrics())["NextToken"]
        with pytest.raises(ClientError, match="NextToken"):
            await cloudwatch.list_metrics(Namespace="Shop", NextToken=token)
