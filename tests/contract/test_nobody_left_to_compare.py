"""What ends an imbalance besides balance: nobody is left to compare, and that is known. Against the simulated AWS."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any

from tests.support.clock import START, ManualClock
from tests.support.nights import rule_named
from tests.support.place import World, open_world
from tests.support.simulated_aws import ACCOUNT, REGION, estate, series
from watchtower.clock import epoch
from watchtower.demo.aws import Fault, Kind
from watchtower.demo.databases import Database, DatabaseCluster, Databases, Failover
from watchtower.demo.shapes import steady
from watchtower.errors import SourceError
from watchtower.evaluation.judge import judge
from watchtower.model import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from watchtower.demo.estate import Series
    from watchtower.model import AlertKey, AlertState
    from watchtower.rulebook.rule import Rule

HOUR = 3600.0
MEMBERS = tuple(Database(f"shop-{number}", "shop", zone=f"eu-west-1{zone}") for number, zone in enumerate("abc", 1))
UNEVEN = {"shop-1": 50.0, "shop-2": 5.0, "shop-3": 60.0}
LEFT = "cluster shop has 1 reader: nothing to compare"


@asynccontextmanager
async def _world(
    monkeypatch: pytest.MonkeyPatch, *members: Series, instances: tuple[Database, ...] = MEMBERS, **databases: Any
) -> AsyncIterator[World]:
    clock = ManualClock()
    clock.advance(HOUR)
    cpu = [
        series("CPUUtilization", steady(value), {"DBInstanceIdentifier": name}, namespace="AWS/RDS")
        for name, value in UNEVEN.items()
    ]
    known = Databases((DatabaseCluster("shop", "shop-1"),), instances, **databases)
    there = estate(*cpu, *members, databases={(ACCOUNT, REGION): known})
    async with open_world(monkeypatch, there, clock, kind="rds_balance", discovery_interval="1m") as world:
        yield world


@dataclass
class Watch:
    """A rule's alerts while the time goes on; ``states`` are those that it remembers."""

    world: World
    rule: Rule
    query: dict[str, Any]
    kind: str = "rds_balance"
    states: dict[AlertKey, AlertState] = field(default_factory=dict)
    ends: list[str] = field(default_factory=list)

    async def minutes(self, count: int) -> None:
        for _ in range(count):
            self.world.clock.advance(60)
            try:
                answer = await self.world.answer(self.kind, slots=15, **self.query)
            except SourceError:
                continue
            answer = replace(answer, rule=self.rule.name)
            now, tick = self.world.clock.now(), int(epoch(self.world.clock.now())) - 120
            outcome = judge(self.rule, answer, self.states, tick=tick, period=60, now=now, environment="test")
            self.states |= {state.key: state for state in outcome.states}
            self.ends += [one.reason for one in outcome.transitions if one.to_state is State.OK]

    @property
    def firing(self) -> bool:
        return any(state.firing for state in self.states.values())


def imbalance(world: World) -> Watch:
    return Watch(world, rule_named("ReaderImbalance"), {})


async def test_an_imbalance_ends_when_scaling_in_leaves_one_reader_for_longer_than_the_grace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leaving = replace(MEMBERS[2], until=HOUR + 1200)
    async with _world(monkeypatch, instances=(*MEMBERS[:2], leaving)) as world:
        watch = imbalance(world)
        await watch.minutes(29)
        assert watch.firing
        assert watch.ends == [], "a failover or a restart could bring it back within the grace period"
        await watch.minutes(2)
        assert (watch.firing, watch.ends) == (False, [LEFT])
        await watch.minutes(30)
        assert len(watch.ends) == 1


async def test_a_reader_that_is_missing_from_a_listing_or_restarts_ends_no_imbalance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = (replace(MEMBERS[2], until=HOUR + 1200), replace(MEMBERS[2], created=HOUR + 1500))
    async with _world(monkeypatch, instances=(*MEMBERS[:2], *away)) as world:
        watch = imbalance(world)
        await watch.minutes(60)
        assert (watch.firing, watch.ends) == (True, [])


async def test_a_listing_that_fails_ends_no_imbalance_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = replace(MEMBERS[2], until=HOUR + 1200)
    async with _world(monkeypatch, instances=(*MEMBERS[:2], leaving)) as world:
        watch = imbalance(world)
        await watch.minutes(22)
        world.faults.add(Fault(Kind.THROTTLE, operation="DescribeDBClusters"))
        await watch.minutes(60)
        assert (watch.firing, watch.ends) == (True, [])
        world.faults.clear()
        await watch.minutes(2)
        assert watch.ends == [LEFT]


async def test_a_failover_ends_an_imbalance_only_by_what_the_readers_carry_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failover = Failover("shop", "shop-3", HOUR + 1200)
    async with _world(monkeypatch, failovers=(failover,)) as world:
        watch = imbalance(world)
        await watch.minutes(60)
    assert (watch.firing, watch.ends) == (True, []), "shop-1 reads now, and is as uneven"


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


async def test_an_imbalance_ends_when_the_others_of_its_group_have_been_silent_for_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ListMetrics names them for two weeks more."""
    silence = epoch(START) + HOUR + 25 * 60
    busy, idle = node("sessions", "0001", 900), node("sessions", "0002", 80)
    left = replace(idle, value=lambda at: 80.0 if at < silence else None)
    rule = replace(rule_named("ReaderImbalance"), name="Uneven")
    async with _world(monkeypatch, busy, left) as world:
        watch = Watch(world, rule, NODES, kind="balance")
        await watch.minutes(20)
        assert watch.firing
        await watch.minutes(70)
        assert (watch.firing, watch.ends) == (True, [])
        await watch.minutes(20)
        assert watch.ends == ["of 2 members 1 have data: nothing to compare"]


async def test_a_group_of_one_is_believed_when_another_listing_may_have_said_so_and_not_while_none_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with _world(monkeypatch, node("pages", "0001", 5)) as world:
        assert (await world.one("balance", **NODES)).moot == 60
        world.faults.add(Fault(Kind.THROTTLE, operation="ListMetrics"))
        world.clock.advance(60)
        assert (await world.one("balance", **NODES)).moot == inf
