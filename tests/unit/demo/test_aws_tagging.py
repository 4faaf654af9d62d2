from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.simulated_aws import START_EPOCH, client
from watchtower.demo.aws import EstateServer
from watchtower.demo.fleet import demo_estate

if TYPE_CHECKING:
    from tests.support.clock import ManualClock

WORLD = demo_estate(START_EPOCH)


async def arns(clock: ManualClock, **filters: Any) -> list[str]:
    async with EstateServer(WORLD, clock) as server, client("resourcegroupstaggingapi", server) as tagging:
        pages = tagging.get_paginator("get_resources").paginate(**filters)
        return [r["ResourceARN"] async for page in pages for r in page["ResourceTagMappingList"]]


async def test_resources_are_filtered_by_service_and_type(clock: ManualClock) -> None:
    assert len(await arns(clock, ResourceTypeFilters=["ec2:instance"])) == 26
    assert len(await arns(clock, ResourceTypeFilters=["rds:db"])) == 5
    assert len(await arns(clock, ResourceTypeFilters=["rds"])) == 6
    assert len(await arns(clock, ResourceTypeFilters=["elasticloadbalancing:loadbalancer", "rds:cluster"])) == 3
    assert await arns(clock, ResourceTypeFilters=["lambda"]) == []


async def test_all_tag_filters_must_hold_and_any_of_their_values(clock: ManualClock) -> None:
    teams = [{"Key": "team", "Values": ["platform", "data"]}, {"Key": "env", "Values": ["production"]}]
    assert len(await arns(clock, TagFilters=teams)) == 4
    assert await arns(clock, TagFilters=[{"Key": "team", "Values": ["nobody"]}]) == []
    assert len(await arns(clock, TagFilters=[{"Key": "tenant"}])) == 10


async def test_pages_lead_to_every_resource_once(clock: ManualClock) -> None:
    paged = await arns(clock, ResourcesPerPage=7)
    assert len(paged) == len(set(paged)) == len(await arns(clock))


async def test_tags_come_with_the_resource(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server, client("resourcegroupstaggingapi", server) as tagging:
        answer = await tagging.get_resources(ResourceTypeFilters=["rds:cluster"])
    [mapping] = answer["ResourceTagMappingList"]
    assert {tag["Key"]: tag["Value"] for tag in mapping["Tags"]}["tenant"] == "shop"
    assert answer["PaginationToken"] == ""


async def test_a_token_expires_after_fifteen_minutes(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server, client("resourcegroupstaggingapi", server) as tagging:
        first = await tagging.get_resources(ResourcesPerPage=10)
        clock.advance(900)
        await tagging.get_resources(ResourcesPerPage=10, PaginationToken=first["PaginationToken"])
        clock.advance(1)
        with pytest.raises(tagging.exceptions.PaginationTokenExpiredException):
            await tagging.get_resources(ResourcesPerPage=10, PaginationToken=first["PaginationToken"])


@pytest.mark.parametrize(
    "asked",
    [
        {"PaginationToken": "nonsense"},
        {"ResourcesPerPage": 101},
        {"ResourceARNList": ["arn:aws:sns:a:b:c"], "ResourceTypeFilters": ["rds"]},
    ],
)
async def test_what_the_service_does_not_take_is_an_invalid_parameter(
    clock: ManualClock, asked: dict[str, Any]
) -> None:
    async with EstateServer(WORLD, clock) as server, client("resourcegroupstaggingapi", server) as tagging:
        with pytest.raises(ClientError, match="InvalidParameterException"):
            await tagging.get_resources(**asked)
