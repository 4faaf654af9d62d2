"""The simulated RDS: members, roles and pages as the clock has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.simulated_aws import ACCOUNT, REGION, client, estate
from watchtower.demo.aws import EstateServer
from watchtower.demo.databases import Database, DatabaseCluster, Databases, Failover

if TYPE_CHECKING:
    from tests.support.clock import ManualClock

MEMBERS = (Database("a-1", "a"), Database("a-2", "a", tier=0), Database("a-3", "a", created=3700, pending=("reboot",)))
WORLD = estate(
    databases={
        (ACCOUNT, REGION): Databases(
            (DatabaseCluster("a", "a-1", tags={"env": "production"}),),
            (*MEMBERS, Database("alone")),
            (Failover("a", "a-2", 3660), Failover("a", "a-1", 7200)),
        )
    }
)


def roles(answer: dict[str, Any]) -> dict[str, bool]:
    [cluster] = answer["DBClusters"]
    return {member["DBInstanceIdentifier"]: member["IsClusterWriter"] for member in cluster["DBClusterMembers"]}


async def test_a_failover_moves_the_role_at_its_moment_and_a_reader_joins_at_its_own(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server, client("rds", server) as rds:
        assert roles(await rds.describe_db_clusters()) == {"a-1": True, "a-2": False}
        clock.advance(60)
        assert roles(await rds.describe_db_clusters()) == {"a-1": False, "a-2": True}
        clock.advance(3600)
        assert roles(await rds.describe_db_clusters()) == {"a-1": True, "a-2": False, "a-3": False}


async def test_instances_say_to_which_cluster_they_belong_and_what_waits_for_them(clock: ManualClock) -> None:
    clock.advance(100)
    async with EstateServer(WORLD, clock) as server, client("rds", server) as rds:
        instances = (await rds.describe_db_instances())["DBInstances"]
        [waiting] = (await rds.describe_pending_maintenance_actions())["PendingMaintenanceActions"]
    assert {one["DBInstanceIdentifier"]: one.get("DBClusterIdentifier") for one in instances} == {
        **dict.fromkeys(("a-1", "a-2", "a-3"), "a"),
        "alone": None,
    }
    assert waiting["ResourceIdentifier"] == f"arn:aws:rds:{REGION}:{ACCOUNT}:db:a-3"
    assert [each["Action"] for each in waiting["PendingMaintenanceActionDetails"]] == ["reboot"]


async def test_another_region_has_no_databases(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server, client("rds", server, region="us-east-1") as rds:
        assert (await rds.describe_db_clusters())["DBClusters"] == []
