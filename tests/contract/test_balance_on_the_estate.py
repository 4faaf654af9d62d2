"""The balance sources against the simulated AWS: readers come, go, fail over and publish nothing."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import ManualClock
from tests.support.nights import rule_named
from tests.support.place import World, open_world
from tests.support.simulated_aws import ACCOUNT, REGION, estate, series
from watchtower.clock import epoch
from watchtower.demo.aws import Fault, Kind
from watchtower.demo.databases import Database, DatabaseCluster, Databases, Failover
from watchtower.demo.estate import Resource, Selector
from watchtower.demo.shapes import steady
from watchtower.errors import SourceError
from watchtower.evaluation.judge import judge
from watchtower.model import Answer, Labels, State, TroubleReason, Truth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from watchtower.demo.estate import Series

HOUR = 3600.0
CLUSTER = DatabaseCluster("shop", "shop-1", tags={"tenant": "acme"})
MEMBERS = tuple(Database(f"shop-{number}", "shop", zone=f"eu-west-1{zone}") for number, zone in enumerate("abc", 1))
SHOP = Labels({"account": "main", "region": REGION, "cluster": "shop"})


def cpu(**members: float) -> list[Series]:
    """Steady CPU by instance; ``shop_2`` is shop-2."""
    return [
        series("CPUUtilization", steady(value), {"DBInstanceIdentifier": name.replace("_", "-")}, namespace="AWS/RDS")
        for name, value in members.items()
    ]


@asynccontextmanager
async def _world(
    monkeypatch: pytest.MonkeyPatch, members: list[Series], resources: list[Resource] | None = None, **databases: Any
) -> AsyncIterator[World]:
    clock = ManualClock()
    clock.advance(HOUR)
    known = Databases(**{"clusters": (CLUSTER,), "instances": MEMBERS, **databases})
    place = (ACCOUNT, REGION)
    there = estate(*members, databases={place: known}, resources={place: tuple(resources or ())})
    settings = {"label_tags": ["tenant"], "discovery_interval": "1m"}
    async with open_world(monkeypatch, there, clock, kind="rds_balance", **settings) as world:
        yield world


# -- readers ----------------------------------------------------------------------------------------------------------


async def test_readers_are_weighed_against_each_other_and_the_writer_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, cpu(shop_1=95, shop_2=4.99, shop_3=15.57)) as world:
        result = await world.poll()
    [seen] = result.answers[0].observations
    assert seen.identity == SHOP
    assert [value for _, value in seen.points] == [pytest.approx(0.7058, abs=1e-4)] * 3
    assert dict(seen.context) == {"tenant": "acme", "hottest": "shop-3", "idlest": "shop-2"}
    assert dict(result.billed) == {"Rule": 2}, "the writer's metric is not asked for"
    shares = {one.labels["member"]: one.value for one in result.samples if one.name == "watchtower_balance_share"}
    assert shares == {"shop-2": pytest.approx(0.2427, abs=1e-4), "shop-3": pytest.approx(0.7573, abs=1e-4)}


async def test_a_cluster_with_one_reader_says_so_and_is_not_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, cpu(shop_1=95, shop_2=50), instances=MEMBERS[:2]) as world:
        result = await world.poll()
    [seen] = result.answers[0].observations
    assert (seen.truth, seen.reason) == (Truth.NO_DATA, "cluster shop has 1 reader: nothing to compare")
    assert not result.billed
    rule = rule_named("ReaderImbalance")
    tick, now = int(epoch(world.clock.now())) - 120, world.clock.now()
    answer = Answer(rule.name, (seen,))
    [state] = judge(rule, answer, {}, tick=tick, period=60, now=now, environment="test").states
    assert (state.state, state.firing) == (State.INSUFFICIENT_DATA, False)
    assert state.reason.endswith(seen.reason), "and so `watchtower why` can say it"


async def test_only_the_readers_that_the_rule_means_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    analytics = Database("shop-reports", "shop", tier=15)
    members = cpu(shop_2=20, shop_3=20, shop_reports=99)
    async with _world(monkeypatch, members, instances=(*MEMBERS, analytics)) as world:
        assert (await world.one()).points[-1][1] > 2
        assert (await world.one(readers={"not": "*-reports"})).points[-1][1] == 0


async def test_a_cluster_of_another_name_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, cpu(shop_2=4, shop_3=9)) as world:
        assert (await world.answer(clusters="prod-*")).observations == ()


async def test_after_a_failover_the_readers_wait_out_the_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old writer's load is no reader's, and every pool opens its connections anew."""
    failover = Failover("shop", "shop-2", HOUR + 120)
    async with _world(monkeypatch, cpu(shop_1=80, shop_2=20, shop_3=20), failovers=(failover,)) as world:
        assert (await world.one()).points[-1][1] == 0
        world.clock.advance(180)
        fresh = await world.one(grace="10m")
        assert (fresh.truth, fresh.points) == (Truth.NO_DATA, ())
        assert fresh.reason == "cluster shop: 2 of 2 readers are new or follow a failover, within 10m"
        world.clock.advance(600)
        assert (await world.one()).truth is Truth.NO_DATA, "the newest slot began within the grace period"
        world.clock.advance(180)
        settled = await world.one()
        assert settled.context["hottest"] == "shop-1"
        assert [round(value, 1) for _, value in settled.points] == [2.0]


async def test_a_restart_within_the_grace_period_does_not_forget_it(monkeypatch: pytest.MonkeyPatch) -> None:
    failover = Failover("shop", "shop-2", HOUR + 120)
    async with _world(monkeypatch, cpu(shop_1=80, shop_2=20, shop_3=20), failovers=(failover,)) as world:
        await world.one()
        world.clock.advance(180)
        await world.one()
        world.restart()
        world.clock.advance(60)
        assert (await world.one()).truth is Truth.NO_DATA


async def test_a_new_reader_is_not_counted_until_its_caches_are_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Database("shop-4", "shop", created=HOUR + 60)
    async with _world(monkeypatch, cpu(shop_2=20, shop_3=20, shop_4=90), instances=(*MEMBERS, late)) as world:
        await world.one()
        world.clock.advance(240)
        assert (await world.one()).context["hottest"] != "shop-4"
        world.clock.advance(840)
        assert (await world.one()).context["hottest"] == "shop-4"


@pytest.mark.parametrize(("insights", "values"), [(True, [4.0, 4.0, 4.0]), (False, [])])
async def test_load_that_is_not_published_is_none_only_where_insights_are_on(
    monkeypatch: pytest.MonkeyPatch, insights: bool, values: list[float]
) -> None:
    """Two sessions on a reader of two processors against an idle one: one a processor, over nothing and a quarter."""
    busy = series("DBLoad", steady(2.0), {"DBInstanceIdentifier": "shop-3"}, namespace="AWS/RDS")
    members = tuple(Database(one.id, "shop", insights=insights) for one in MEMBERS)
    async with _world(monkeypatch, [busy], instances=members) as world:
        seen = await world.one(measure="DBLoad")
    assert [value for _, value in seen.points] == values


async def test_of_two_measures_one_missing_reader_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, cpu(shop_2=50)) as world:
        seen = await world.one()
    assert (seen.truth, seen.reason) == (Truth.NO_DATA, "of 2 members 1 have data: nothing to compare")


# -- failures ---------------------------------------------------------------------------------------------------------


async def test_a_reader_that_may_not_be_read_holds_the_state_of_its_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, cpu(shop_2=4, shop_3=90)) as world:
        world.faults.add(Fault(Kind.FORBIDDEN, series=Selector(dimensions={"DBInstanceIdentifier": "shop-2"})))
        result = await world.poll()
    [seen] = result.answers[0].observations
    assert (seen.truth, seen.points) == (Truth.FORBIDDEN, ())
    assert [(one.source, one.reason) for one in result.troubles] == [("rds_balance", TroubleReason.FORBIDDEN)]


@pytest.mark.parametrize(
    ("kind", "operation", "reason"),
    [
        (Kind.THROTTLE, "GetMetricData", TroubleReason.THROTTLED),
        (Kind.THROTTLE, "DescribeDBClusters", TroubleReason.THROTTLED),
        (Kind.ACCESS_DENIED, "DescribeDBInstances", TroubleReason.FORBIDDEN),
        (Kind.HTML_500, "DescribeDBClusters", TroubleReason.INTERNAL),
        (Kind.RESET, "DescribeDBClusters", TroubleReason.UNREACHABLE),
    ],
)
async def test_a_poll_that_can_see_nothing_fails_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, operation: str, reason: TroubleReason
) -> None:
    async with _world(monkeypatch, cpu(shop_2=4, shop_3=90)) as world:
        world.faults.add(Fault(kind, operation=operation))
        with pytest.raises(SourceError) as caught:
            await world.poll()
    assert caught.value.reason == reason


async def test_a_listing_that_fails_keeps_the_readers_that_were_known_even_over_a_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with _world(monkeypatch, cpu(shop_2=4, shop_3=90)) as world:
        await world.poll()
        world.faults.add(Fault(Kind.THROTTLE, operation="DescribeDB*"))
        world.restart()
        world.clock.advance(60)
        result = await world.poll()
    [answer] = result.answers
    assert answer.observations[0].context["hottest"] == "shop-3"
    assert not answer.complete
    assert [(one.source, one.reason) for one in result.troubles] == [("rds_balance", TroubleReason.THROTTLED)]


async def test_a_listing_of_many_pages_and_an_empty_one_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, cpu(shop_2=4, shop_3=90)) as world:
        world.faults.add(Fault(Kind.PAGE_SIZE, operation="DescribeDB*", pages=1))
        world.faults.add(Fault(Kind.EMPTY_PAGE, operation="DescribeDB*", pages=1))
        assert (await world.one()).context["hottest"] == "shop-3"


async def test_a_cluster_that_is_deleted_is_gone_once_two_listings_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, cpu(shop_2=4, shop_3=90)) as world:
        await world.poll()
        world.server.estate.databases.clear()  # type: ignore[attr-defined]
        world.clock.advance(60)
        doubted = await world.answer()
        assert (doubted.gone, doubted.complete, len(doubted.observations)) == ((), False, 1)
        world.clock.advance(60)
        answer = await world.answer()
    assert (answer.gone, answer.observations, answer.complete) == ((SHOP,), (), True)


# -- topology ---------------------------------------------------------------------------------------------------------

SMALL = Database("shop-2", "shop", "db.t4g.medium", zone="eu-west-1a", pending=("system-update",))


async def test_the_faults_of_a_cluster_are_counted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, [], instances=(MEMBERS[0], SMALL)) as world:
        result = await world.poll("rds_topology")
    [seen] = result.answers[0].observations
    assert seen.identity == SHOP
    assert [value for _, value in seen.points] == [4.0]
    assert seen.evidence == (
        "a failover would promote shop-2 (db.t4g.medium, tier 1), smaller than the writer shop-1 (db.r6g.large)",
        "instance classes differ: db.r6g.large (shop-1); db.t4g.medium (shop-2)",
        "all 2 members are in eu-west-1a",
        "maintenance of shop-2 is pending: system-update",
    )
    assert seen.reason == "; ".join(seen.evidence)
    assert seen.context == Labels({"tenant": "acme"})
    assert [(one.name, one.value) for one in result.samples] == [("watchtower_rule_value", 4.0)]


async def test_maintenance_that_may_not_be_read_is_neither_a_fault_nor_a_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with _world(monkeypatch, [], instances=(MEMBERS[0], SMALL)) as world:
        world.faults.add(Fault(Kind.ACCESS_DENIED, operation="DescribePendingMaintenanceActions"))
        result = await world.poll("rds_topology")
    assert result.troubles == ()
    assert result.answers[0].observations[0].points[0][1] == 3.0


async def test_earlier_counts_are_remembered_for_rules_that_look_at_several(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, []) as world:
        for _ in range(4):
            seen = await world.one("rds_topology")
            world.clock.advance(300)
            world.restart()
    assert [value for _, value in seen.points] == [0.0, 0.0, 0.0]
    assert seen.reason == "no fault in how it is built"


async def test_topology_that_was_not_listed_just_now_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, []) as world:
        await world.poll("rds_topology")
        world.faults.add(Fault(Kind.THROTTLE, operation="DescribeDBClusters"))
        world.clock.advance(300)
        result = await world.poll("rds_topology")
    assert result.answers[0].observations[0].truth is Truth.NOT_FETCHED
    assert [one.reason for one in result.troubles] == [TroubleReason.THROTTLED]


# -- any peers --------------------------------------------------------------------------------------------------------

NODES: dict[str, Any] = {
    "namespace": "AWS/ElastiCache",
    "metric": "CmdGet",
    "statistic": "Sum",
    "dimensions": {"CacheClusterId": "*", "CacheNodeId": "*"},
    "by": ["CacheClusterId"],
}


def node(cluster: str, number: str, gets: float) -> Series:
    where = {"CacheClusterId": cluster, "CacheNodeId": number}
    return series("CmdGet", steady(gets), where, namespace="AWS/ElastiCache")


async def test_nodes_of_one_cluster_are_peers_and_those_of_another_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    members = [node("sessions", "0001", 900), node("sessions", "0002", 80), node("pages", "0001", 5)]
    async with _world(monkeypatch, members) as world:
        result = await world.poll("balance", **NODES)
    seen = {one.identity["CacheClusterId"]: one for one in result.answers[0].observations}
    assert seen["sessions"].points[-1][1] == 8.2
    assert seen["sessions"].context["hottest"] == "0001"
    assert set(seen["sessions"].identity) == {"account", "region", "CacheClusterId"}
    assert (seen["pages"].truth, seen["pages"].reason) == (Truth.NO_DATA, "1 member: nothing to compare")
    names = {one.name for one in result.samples}
    assert names == {"aws_elasticache_cmd_get_sum", "watchtower_rule_value", "watchtower_balance_share"}
    assert dict(result.billed) == {"Rule": 3}


async def test_instances_that_share_a_tag_are_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No metric says which instances stand behind a target group; a tag does."""
    loads = {"i-1": 60.0, "i-2": 20.0, "i-3": 90.0}
    members = [series("CPUUtilization", steady(v), {"InstanceId": n}, namespace="AWS/EC2") for n, v in loads.items()]
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/"
    tagged = [Resource(f"{arn}{name}", {"service": "db" if name == "i-3" else "web"}) for name in loads]
    cpu = {"namespace": "AWS/EC2", "metric": "CPUUtilization", "statistic": "Average"}
    async with _world(monkeypatch, members, resources=tagged) as world:
        seen = await world.one("balance", **cpu, dimensions={"InstanceId": "*"}, tags={"service": "web"})
    assert seen.identity == Labels({"account": "main", "region": REGION})
    assert seen.context["hottest"] == "i-1"
    assert seen.points[-1][1] == pytest.approx(40 / 30)


async def test_the_troubles_of_peers_are_their_own_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, [node("sessions", "0001", 900), node("sessions", "0002", 80)]) as world:
        await world.poll("balance", **NODES)
        world.faults.add(Fault(Kind.THROTTLE, operation="ListMetrics"))
        world.clock.advance(60)
        result = await world.poll("balance", **NODES)
    assert [(one.source, one.reason) for one in result.troubles] == [("balance", TroubleReason.THROTTLED)]
    assert not result.answers[0].complete
