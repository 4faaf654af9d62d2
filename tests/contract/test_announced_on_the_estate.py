"""The sources that look at resources against the simulated AWS: what is announced, gone, or cannot be seen."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.clock import ManualClock
from tests.support.place import World, open_world
from tests.support.simulated_aws import ACCOUNT, REGION, estate, series
from watchtower.demo.announced import (
    Announced,
    Machine,
    Mail,
    Notice,
    OneOff,
    Planned,
    Rollout,
    ScalingGroup,
    ServiceQuota,
    Workload,
)
from watchtower.demo.aws import Fault, Kind
from watchtower.demo.shapes import steady
from watchtower.errors import SourceError
from watchtower.model import Labels, TroubleReason, Truth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from watchtower.demo.estate import Series

HOUR = 3600.0


@asynccontextmanager
async def _world(monkeypatch: pytest.MonkeyPatch, *members: Series, **announced: Any) -> AsyncIterator[World]:
    clock = ManualClock()
    clock.advance(HOUR)
    there = estate(*members, announced={(ACCOUNT, REGION): Announced(**announced)})
    async with open_world(monkeypatch, there, clock, label_tags=["tenant"]) as world:
        yield world


# -- ec2_events --------------------------------------------------------------------------------------------------------


async def test_an_event_that_waits_for_an_instance_is_told_with_its_kind_and_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machines = (Machine("i-1", events=(Planned(),)), Machine("i-2"), Machine("i-3", state="terminated"))
    async with _world(monkeypatch, machines=machines) as world:
        seen = await world.seen("ec2_events")
        assert await world.values("ec2_events", kinds=["system-reboot"]) == {"i-1": 0.0, "i-2": 0.0}
    assert {name: one.points[-1][1] for name, one in seen.items()} == {"i-1": 1.0, "i-2": 0.0}
    assert seen["i-1"].identity == Labels({"account": "main", "region": REGION, "resource": "i-1"})
    assert seen["i-1"].context["kind"] == "instance-retirement"
    when = seen["i-1"].context["not_before"]
    assert seen["i-1"].evidence == (
        f"instance-retirement not before {when}: The instance is running on degraded hardware",
    )


async def test_an_event_that_is_over_is_no_event_though_aws_lists_it_for_a_week(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machines = (Machine("i-1", events=(Planned(completed=HOUR + 300),)),)
    async with _world(monkeypatch, machines=machines) as world:
        assert await world.values("ec2_events") == {"i-1": 1.0}
        world.clock.advance(300)
        [seen] = (await world.seen("ec2_events")).values()
    assert [value for _, value in seen.points] == [1.0, 0.0]


async def test_checks_that_fail_are_counted_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = (Machine("i-1", impaired=("system", "instance")), Machine("i-2", state="stopped"))
    async with _world(monkeypatch, machines=machines) as world:
        seen = await world.seen("ec2_events", value="impaired")
    assert {name: one.points[-1][1] for name, one in seen.items()} == {"i-1": 2.0, "i-2": 0.0}
    assert seen["i-1"].reason == "system check is impaired, instance check is impaired"


async def test_an_instance_that_is_terminated_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = (Machine("i-1", until=HOUR + 300), Machine("i-2"), Machine("i-3"))
    async with _world(monkeypatch, machines=machines) as world:
        await world.poll("ec2_events")
        world.clock.advance(300)
        answer = await world.answer("ec2_events")
    assert [one["resource"] for one in answer.gone] == ["i-1"]
    assert answer.complete


async def test_a_listing_that_suddenly_loses_half_is_believed_only_the_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machines = (Machine("i-1", until=HOUR + 300), Machine("i-2"))
    async with _world(monkeypatch, machines=machines) as world:
        await world.poll("ec2_events")
        world.clock.advance(300)
        result = await world.poll("ec2_events")
        doubted = {one.identity["resource"]: one.truth for one in result.answers[0].observations}
        assert doubted == {"i-1": Truth.NOT_FETCHED, "i-2": Truth.VALUE}
        assert [one.reason for one in result.troubles] == [TroubleReason.PARTIAL]
        assert not result.answers[0].complete
        world.clock.advance(300)
        answer = await world.answer("ec2_events")
    assert [one["resource"] for one in answer.gone] == ["i-1"]


async def test_many_pages_and_an_empty_one_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = tuple(Machine(f"i-{number}") for number in range(5))
    async with _world(monkeypatch, machines=machines) as world:
        world.faults.add(Fault(Kind.PAGE_SIZE, operation="DescribeInstanceStatus", pages=2))
        world.faults.add(Fault(Kind.EMPTY_PAGE, operation="DescribeInstanceStatus", pages=1))
        assert len(await world.seen("ec2_events")) == 5


# -- every one of them -------------------------------------------------------------------------------------------------

ALL: list[tuple[str, dict[str, Any], str]] = [
    ("ec2_events", {}, "DescribeInstanceStatus"),
    ("asg", {}, "DescribeAutoScalingGroups"),
    ("quota", {"services": ["ec2"]}, "ListServiceQuotas"),
    ("health", {}, "DescribeEvents"),
    ("ecs", {}, "ListClusters"),
    ("ecs", {"value": "exits"}, "ListTasks"),
    ("ses", {}, "GetAccount"),
]
VCPUS = {"Class": "Standard/OnDemand", "Resource": "vCPU", "Service": "EC2", "Type": "Resource"}
EVERYTHING: dict[str, Any] = {
    "machines": (Machine("i-1"),),
    "groups": (ScalingGroup("web"),),
    "quotas": (ServiceQuota("ec2", "L-1216C47A", "Standard instances", 64, VCPUS),),
    "health": (Notice("RDS", "AWS_RDS_OPERATIONAL_ISSUE"),),
    "workloads": (Workload("main", "web"),),
    "tasks": (OneOff("main", "report", "1", HOUR - 30),),
}


def usage(value: float) -> Series:
    return series("ResourceCount", steady(value), VCPUS, namespace="AWS/Usage")


@pytest.mark.parametrize(("kind", "query", "operation"), ALL)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Kind.ACCESS_DENIED, TroubleReason.FORBIDDEN),
        (Kind.THROTTLE, TroubleReason.THROTTLED),
        (Kind.HTML_500, TroubleReason.INTERNAL),
        (Kind.RESET, TroubleReason.UNREACHABLE),
    ],
)
async def test_a_look_that_fails_fails_as_a_whole_and_the_next_one_sees_again(
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    query: dict[str, Any],
    operation: str,
    fault: Kind,
    reason: TroubleReason,
) -> None:
    async with _world(monkeypatch, usage(32), **EVERYTHING) as world:
        world.faults.add(Fault(fault, operation=operation))
        with pytest.raises(SourceError) as caught:
            await world.poll(kind, **query)
        assert caught.value.reason == reason
        world.faults.clear()
        world.clock.advance(60)
        answer = await world.answer(kind, **query)
    assert (len(answer.observations), answer.complete) == (1, True)


@pytest.mark.parametrize(("kind", "query", "operation"), ALL)
async def test_another_region_without_anything_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch, kind: str, query: dict[str, Any], operation: str
) -> None:
    async with _world(monkeypatch, **EVERYTHING) as world:
        result = await world.poll(kind, region="us-east-1", **query)
    assert result.troubles == ()
    assert len(result.answers[0].observations) == (kind == "ses"), operation


# -- asg ---------------------------------------------------------------------------------------------------------------


async def test_a_group_that_lacks_instances_is_told_after_its_grace_with_its_tags(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups = (
        ScalingGroup("web", until=HOUR),
        ScalingGroup("web", desired=6, tags={"tenant": "acme"}, since=HOUR),
        ScalingGroup("db"),
    )
    async with _world(monkeypatch, groups=groups) as world:
        scaling = await world.seen("asg", groups="web")
        assert [one.points[-1][1] for one in scaling.values()] == [0.0]
        assert scaling["web"].reason == "2 of 6 are in service, just now; 10m are allowed"
        world.clock.advance(600)
        world.restart()
        stuck = await world.seen("asg", groups="web")
    assert stuck["web"].points[-1][1] == 4.0
    assert stuck["web"].reason == "2 of 6 are in service, for 10m"
    assert dict(stuck["web"].context) == {"tenant": "acme"}


async def test_a_group_that_goes_on_growing_is_scaling_and_not_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = (
        ScalingGroup("web", desired=4, until=HOUR + 300),
        ScalingGroup("web", desired=8, in_service=4, since=HOUR + 300),
    )
    async with _world(monkeypatch, groups=groups) as world:
        await world.poll("asg")
        world.clock.advance(300)
        await world.poll("asg")
        world.clock.advance(300)
        assert await world.values("asg") == {"web": 0.0}
        world.clock.advance(300)
        assert await world.values("asg") == {"web": 4.0}


async def test_processes_that_are_left_suspended_are_told_when_a_deployment_would_be_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with _world(monkeypatch, groups=(ScalingGroup("web", suspended=("Launch", "AZRebalance")),)) as world:
        assert await world.values("asg", value="suspended") == {"web": 0.0}
        world.clock.advance(HOUR)
        [seen] = (await world.seen("asg", value="suspended")).values()
    assert seen.points[-1][1] == 2.0
    assert seen.reason == "AZRebalance suspended for 1h, Launch suspended for 1h"


# -- quota -------------------------------------------------------------------------------------------------------------


async def test_the_used_share_of_a_quota_is_counted_from_its_usage_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    uncounted = ServiceQuota("ec2", "L-0", "Dedicated hosts", 2)
    async with _world(monkeypatch, usage(48), quotas=(*EVERYTHING["quotas"], uncounted)) as world:
        result = await world.poll("quota", services=["ec2"])
        [none] = (await world.poll("quota", services=["ec2"], quotas="L-9*")).answers
    [seen] = result.answers[0].observations
    assert seen.identity["resource"] == "ec2/L-1216C47A"
    assert [value for _, value in seen.points] == [75.0] * 3
    assert dict(seen.context) == {"service": "ec2", "quota": "Standard instances"}
    assert seen.reason == "Standard instances: 75 % of 64 used"
    assert dict(result.billed) == {"Rule": 1}
    assert none.observations == ()


async def test_a_quota_that_is_a_rate_is_compared_second_by_second(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {"Service": "EC2", "Type": "API", "Resource": "DescribeInstances", "Class": "None"}
    rate = ServiceQuota("ec2", "L-R", "DescribeInstances rate", 10, calls, "CallCount", per_second=True)
    busy = series("CallCount", steady(300.0), calls, namespace="AWS/Usage")
    async with _world(monkeypatch, busy, quotas=(rate,)) as world:
        assert await world.values("quota", services=["ec2"]) == {"ec2/L-R": 50.0}


async def test_a_quota_of_which_nothing_is_used_has_no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, quotas=EVERYTHING["quotas"]) as world:
        [seen] = (await world.seen("quota", services=["ec2"])).values()
    assert (seen.truth, seen.reason) == (Truth.NO_DATA, "Standard instances: AWS counts no use")


async def test_one_service_whose_quotas_may_not_be_listed_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, usage(48), quotas=EVERYTHING["quotas"]) as world:
        result = await world.poll("quota", services=["ec2", "nosuch"])
    assert len(result.answers[0].observations) == 1
    assert not result.answers[0].complete
    assert [one.reason for one in result.troubles] == [TroubleReason.INVALID]


# -- health ------------------------------------------------------------------------------------------------------------


async def test_open_events_are_counted_by_service_and_their_end_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    events = (
        Notice("RDS", "AWS_RDS_OPERATIONAL_ISSUE", until=HOUR + 300),
        Notice("IAM", "AWS_IAM_OPERATIONAL_ISSUE", region="global"),
        Notice("EC2", "AWS_EC2_NEWS", category="accountNotification"),
    )
    async with _world(monkeypatch, health=events) as world:
        seen = await world.seen("health")
        assert {name: one.points[-1][1] for name, one in seen.items()} == {"RDS": 1.0, "IAM": 1.0}
        assert seen["RDS"].context["kind"] == "AWS_RDS_OPERATIONAL_ISSUE"
        world.clock.advance(300)
        assert await world.values("health") == {"RDS": 0.0, "IAM": 1.0}
        assert await world.seen("health", region="us-east-1") == {}, "events of no region are told once"


async def test_an_account_without_the_support_plan_is_no_trouble_and_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with _world(monkeypatch) as world:
        result = await world.poll("health")
    assert result.troubles == ()
    assert (result.answers[0].observations, result.answers[0].complete) == ((), False)


# -- ecs ---------------------------------------------------------------------------------------------------------------


async def test_a_deployment_that_fails_is_told_until_the_circuit_breaker_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back = "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."
    rollouts = (
        Rollout("FAILED", "ECS deployment circuit breaker: tasks failed to start.", until=HOUR + 60),
        Rollout("IN_PROGRESS", back, since=HOUR + 60, until=HOUR + 120),
        Rollout(since=HOUR + 120),
    )
    async with _world(
        monkeypatch, workloads=(Workload("main", "web", rollouts=rollouts, tags={"tenant": "acme"}),)
    ) as world:
        failed = (await world.seen("ecs"))["main/web"]
        world.clock.advance(60)
        rolling = (await world.seen("ecs"))["main/web"]
        world.clock.advance(60)
        well = (await world.seen("ecs"))["main/web"]
    assert [value for _, value in well.points] == [1.0, 1.0, 0.0]
    assert failed.reason == "ECS deployment circuit breaker: tasks failed to start."
    assert rolling.reason == back
    assert dict(well.context) == {"cluster": "main", "service": "web", "tenant": "acme"}


async def test_a_service_that_runs_too_few_tasks_is_told_after_its_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, workloads=(Workload("main", "web", 3, 1), Workload("main", "api"))) as world:
        assert await world.values("ecs", value="missing") == {"main/web": 0.0, "main/api": 0.0}
        world.clock.advance(600)
        assert await world.values("ecs", value="missing", services="web") == {"main/web": 2.0}


async def test_twelve_services_are_described_in_two_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _world(monkeypatch, workloads=tuple(Workload("main", f"s-{n}") for n in range(12))) as world:
        assert len(await world.values("ecs")) == 12
        assert world.server.calls["DescribeServices"] == 2


async def test_a_one_off_task_that_ends_badly_is_told_once_and_then_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = (
        OneOff("main", "report", "old", HOUR - 600, {"app": 1}),
        OneOff("main", "report", "new", HOUR + 30, {"app": 1, "proxy": 143}),
        OneOff("main", "report", "fine", HOUR + 40, {"app": 0, "proxy": 137}, side=frozenset({"proxy"})),
        OneOff("main", "mail", "killed", HOUR + 40, {"app": 137, "logs": 0}, side=frozenset({"logs"})),
        OneOff("main", "web", "replaced", HOUR + 40, {"app": 1}, group="service:web"),
    )
    async with _world(monkeypatch, tasks=tasks, workloads=(Workload("main", "web"),)) as world:
        assert await world.values("ecs", value="exits") == {"main/report": 0.0}, "what is history is not told"
        world.clock.advance(60)
        failed = await world.seen("ecs", value="exits")
        again = await world.values("ecs", value="exits")
        world.restart()
        world.clock.advance(60)
        later = await world.values("ecs", value="exits")
    assert failed["main/report"].points[-1][1] == 1.0
    assert failed["main/mail"].evidence == ("task killed: container app ended with 137",)
    assert failed["main/report"].evidence == ("task new: container app ended with 1, container proxy ended with 143",)
    assert dict(failed["main/report"].context) == {"cluster": "main", "family": "report"}
    assert again["main/report"] == 1.0, "a second look at the same slot adds to it, and there is nothing to add"
    assert later == {"main/mail": 0.0, "main/report": 0.0}, "the task of a service is the service's business"


async def test_a_killed_container_is_told_where_the_task_definition_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks = (OneOff("main", "report", "1", HOUR - 30, {"app": 0, "proxy": 143}, side=frozenset({"proxy"})),)
    async with _world(monkeypatch, tasks=tasks) as world:
        world.server.faults.add(Fault(Kind.ACCESS_DENIED, operation="DescribeTaskDefinition"))
        with capture_logs() as said:
            failed = await world.seen("ecs", value="exits")
    assert failed["main/report"].evidence == ("task 1: container proxy ended with 143",)
    assert [one["event"] for one in said if one["log_level"] == "warning"] == ["ecs.definition_unread"]


# -- ses ---------------------------------------------------------------------------------------------------------------


async def test_the_standing_of_the_sending_account_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    mail = (
        Mail(until=HOUR + 300),
        Mail("PROBATION", sent=40_000, since=HOUR + 300, until=HOUR + 600),
        Mail(sending=False, since=HOUR + 600),
    )
    async with _world(monkeypatch, mail=mail) as world:
        await world.poll("ses")
        world.clock.advance(300)
        await world.poll("ses")
        share = (await world.seen("ses", value="quota_percent"))["account"]
        assert (share.points[-1][1], share.reason) == (80.0, "40000 of 50000 messages were sent in 24 hours")
        world.clock.advance(300)
        seen = (await world.seen("ses"))["account"]
    assert seen.points[-1][1] == 2.0
    assert seen.reason == "sending is paused (enforcement status HEALTHY)"
