"""A part of a place that cannot be seen, against the simulated AWS: it holds its own alerts, and those of no other."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.support.clock import ManualClock
from tests.support.place import World, open_world
from tests.support.simulated_aws import ACCOUNT, REGION, estate
from watchtower.demo.announced import Announced, OneOff, ServiceQuota, Workload
from watchtower.errors import SourceError
from watchtower.model import TroubleReason, Truth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

HOUR = 3600.0
VCPUS = {"Class": "Standard/OnDemand", "Resource": "vCPU", "Service": "EC2", "Type": "Resource"}


@asynccontextmanager
async def _world(monkeypatch: pytest.MonkeyPatch, **announced: Any) -> AsyncIterator[World]:
    clock = ManualClock()
    clock.advance(HOUR)
    there = estate(announced={(ACCOUNT, REGION): Announced(**announced)})
    async with open_world(monkeypatch, there, clock) as world:
        yield world


def lock(world: World, monkeypatch: pytest.MonkeyPatch, cluster: str, *operations: str) -> None:
    """Nobody may use these operations on the cluster."""
    real = world.clients.call

    async def call(account: str, region: str, service: str, operation: str, **request: Any) -> Any:
        if operation in operations and request.get("cluster") == cluster:
            raise SourceError(TroubleReason.FORBIDDEN, f"not authorized on cluster/{cluster}")
        return await real(account, region, service, operation, **request)

    monkeypatch.setattr(world.clients, "call", call)


async def test_a_cluster_that_may_not_be_read_keeps_no_alert_of_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = (
        OneOff("main", "report", "bad", HOUR + 30, {"app": 1}),
        OneOff("locked", "job", "x", HOUR + 30, {"app": 1}),
    )
    async with _world(monkeypatch, tasks=tasks) as world:
        await world.poll("ecs", value="exits")
        world.clock.advance(60)
        assert await world.values("ecs", value="exits") == {"main/report": 1.0, "locked/job": 1.0}
        lock(world, monkeypatch, "locked", "list_tasks")
        for _ in range(3):
            world.clock.advance(60)
            seen = await world.seen("ecs", value="exits")
    assert [value for _, value in seen["main/report"].points] == [0.0, 0.0, 0.0]
    assert (seen["locked/job"].truth, seen["locked/job"].reason) == (
        Truth.FORBIDDEN,
        "not authorized on cluster/locked",
    )


async def test_a_service_is_gone_though_another_cluster_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    there = (Workload("main", "web", until=HOUR + 60), Workload("main", "a"), Workload("main", "b"))
    async with _world(monkeypatch, workloads=(*there, Workload("locked", "x"))) as world:
        assert len(await world.values("ecs")) == 4
        lock(world, monkeypatch, "locked", "list_services")
        world.clock.advance(60)
        answer = await world.answer("ecs")
    assert [one["resource"] for one in answer.gone] == ["main/web"]
    held = {one.identity["resource"] for one in answer.observations if one.truth is Truth.FORBIDDEN}
    assert held == {"locked/x"}
    assert not answer.complete


async def test_a_rule_lacks_only_the_clusters_and_the_listing_that_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = {"Here": {"clusters": "main"}, "There": {"clusters": "lo*"}, "Exits": {"value": "exits"}}
    async with _world(monkeypatch, workloads=(Workload("main", "web"), Workload("locked", "x"))) as world:
        lock(world, monkeypatch, "locked", "list_services")
        result = await world.poll_all(rules, "ecs")
    assert {one.rule: one.complete for one in result.answers} == {"Here": True, "There": False, "Exits": True}
    assert [one.reason for one in result.troubles] == [TroubleReason.FORBIDDEN]


async def test_a_service_whose_quotas_may_not_be_listed_is_nothing_that_a_rule_about_another_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = {"Both": {"services": ["ec2", "nosuch"]}, "Ec2": {"services": ["ec2"]}}
    async with _world(
        monkeypatch, quotas=(ServiceQuota("ec2", "L-1216C47A", "Standard instances", 64, VCPUS),)
    ) as world:
        result = await world.poll_all(rules, "quota")
    assert {one.rule: one.complete for one in result.answers} == {"Both": False, "Ec2": True}
