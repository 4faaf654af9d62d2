"""The balance sources against an AWS that we did not write: clusters, roles and a failover as moto has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest_asyncio

from tests.support.moto import HOME_REGION as REGION
from watchtower.aws.config import AwsConfig
from watchtower.clock import SystemClock, from_epoch
from watchtower.inventory.databases import DatabaseInventory
from watchtower.model import Observation, Priority, Truth
from watchtower.sources.balance.query import BalanceQuery
from watchtower.sources.balance.source import BalanceSource
from watchtower.sources.base import Ask, Place, Poll, Source
from watchtower.sources.cloudwatch.source import CloudWatchSource
from watchtower.sources.rds.balance import RdsBalanceSource
from watchtower.sources.rds.query import RdsBalanceQuery, RdsTopologyQuery
from watchtower.sources.rds.topology_source import RdsTopologySource

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients

TICK = int(SystemClock().now().timestamp()) // 300 * 300


@pytest_asyncio.fixture
async def clients(clients: AwsClients) -> AwsClients:
    await aurora(clients)
    return clients


async def rds(clients: AwsClients, operation: str, **request: Any) -> None:
    await clients.call("home", REGION, "rds", operation, **request)


async def aurora(clients: AwsClients) -> None:
    """One writer, two readers, the second of another class."""
    cluster = {"DBClusterIdentifier": "shop", "Engine": "aurora-mysql"}
    await rds(clients, "create_db_cluster", **cluster, MasterUsername="root", MasterUserPassword="password")
    for number, size in ((1, "large"), (2, "large"), (3, "xlarge")):
        name = {"DBInstanceIdentifier": f"shop-{number}", "DBInstanceClass": f"db.r6g.{size}"}
        await rds(clients, "create_db_instance", **cluster, **name)


def inventory(clients: AwsClients) -> DatabaseInventory:
    return DatabaseInventory(clients, SystemClock(), 300)


async def test_the_members_of_a_cluster_are_found_with_their_roles(clients: AwsClients) -> None:
    found = await inventory(clients).members("home", REGION)
    assert found.items is not None
    assert {one.id: (one.cluster, one.writer, one.instance_class, one.serving) for one in found.items} == {
        "shop-1": ("shop", True, "db.r6g.large", True),
        "shop-2": ("shop", False, "db.r6g.large", True),
        "shop-3": ("shop", False, "db.r6g.xlarge", True),
    }
    assert all(one.created > 0 for one in found.items)


async def test_a_failover_moves_the_role(clients: AwsClients) -> None:
    await rds(clients, "failover_db_cluster", DBClusterIdentifier="shop", TargetDBInstanceIdentifier="shop-3")
    found = await inventory(clients).members("home", REGION)
    assert [one.id for one in found.items or () if one.writer] == ["shop-3"]


async def test_classes_that_differ_are_seen_though_maintenance_cannot_be_asked(clients: AwsClients) -> None:
    """moto answers DescribePendingMaintenanceActions with a page of HTML."""
    config = AwsConfig()
    seen = await polled(RdsTopologySource(config, inventory(clients)), "rds_topology", RdsTopologyQuery())
    assert "instance classes differ: db.r6g.large (shop-1, shop-2); db.r6g.xlarge (shop-3)" in seen.evidence


async def test_readers_that_were_made_just_now_are_not_compared_yet(clients: AwsClients) -> None:
    config = AwsConfig()
    source = RdsBalanceSource(clients, config, inventory(clients))
    seen = await polled(source, "rds_balance", RdsBalanceQuery(grace=0.0))
    assert (seen.truth, seen.identity["cluster"]) == (Truth.NO_DATA, "shop")
    assert seen.reason == "cluster shop: 2 of 2 readers are new or follow a failover, within 0s"


async def polled(source: Source, kind: str, query: Any) -> Observation:
    [unit] = source.plan([Ask(kind, query, int(query.period), 3, Priority.P3)], [Place("home", REGION)])
    result = await source.poll(Poll(unit, TICK, None, from_epoch(TICK + unit.delay)))
    [seen] = result.answers[0].observations
    return seen


async def test_hosts_are_weighed_against_each_other(clients: AwsClients) -> None:
    data = [
        {"MetricName": "Load", "Dimensions": [{"Name": "Host", "Value": host}], "Timestamp": at, "Value": value}
        for host, value in (("web-1", 30.0), ("web-2", 10.0))
        for at in (from_epoch(TICK - 60),)
    ]
    await clients.call("home", REGION, "cloudwatch", "put_metric_data", Namespace="Shop", MetricData=data)
    query = {"namespace": "Shop", "metric": "Load", "statistic": "Average", "dimensions": {"Host": "*"}}
    source = BalanceSource(CloudWatchSource(clients, AwsConfig()), AwsConfig())
    seen = await polled(source, "balance", BalanceQuery.model_validate(query))
    assert seen.context["hottest"] == "web-1"
    assert seen.points == ((TICK - 60, 20 / 30),)
