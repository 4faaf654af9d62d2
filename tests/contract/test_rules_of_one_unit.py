"""Rules that share a unit: each is answered as if it were alone, whatever the others ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.place import World, open_world
from tests.support.registries import WEB, Hurried, flaws, pushed
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
from watchtower.demo.databases import Database, DatabaseCluster, Databases
from watchtower.demo.images import Flaw, Registry, Repository, Scanned, Task
from watchtower.demo.logs import LogFilter, LogGroup
from watchtower.demo.shapes import steady
from watchtower.sources.table import SOURCES

if TYPE_CHECKING:
    from watchtower.demo.estate import Estate
    from watchtower.model import Answer

HOUR = 3600.0
PLACE = (ACCOUNT, REGION)
#: Of each source queries of one unit that are answered differently.
METRIC: dict[str, Any] = {"namespace": "Shop", "metric": "Load", "statistic": "Average"}
RULES: dict[str, list[dict[str, Any]]] = {
    "cloudwatch": [{**METRIC, "dimensions": {"Host": glob}} for glob in ("*", "a*", "b1")],
    "balance": [
        {**METRIC, "dimensions": {"Host": "*"}},
        {**METRIC, "dimensions": {"Host": "a*"}},
        {**METRIC, "dimensions": {"Host": "*"}, "value": "jain"},
        {**METRIC, "dimensions": {"Host": "*"}, "k": 1},
    ],
    "logs": [
        {"log_group": "/shop/*", "pattern": "CRITICAL"},
        {"log_group": "/shop/web", "pattern": "CRITICAL"},
        {"log_group": "/shop/*", "filter": "slow"},
    ],
    "rds_balance": [
        {},
        {"clusters": "blog"},
        {"readers": {"not": ["shop-2"]}},
        {"value": "jain"},
        {"measure": "DatabaseConnections"},
        {"grace": "1d"},
    ],
    "rds_topology": [{}, {"clusters": "blog"}],
    "ecr": [
        {"severity": ["CRITICAL"]},
        {"severity": ["LOW"]},
        {"repositories": "akai/jobs"},
        {"images": "in_use"},
        {"images": {"tags": ["1.*"]}, "severity": ["CRITICAL", "LOW"]},
        {"value": "unscanned"},
    ],
    "inspector": [
        {"severity": ["CRITICAL"]},
        {"severity": ["LOW"]},
        {"fix_available": False},
        {"exploit_available": True},
        {"in_use": True},
        {"resources": ["AWS_EC2_INSTANCE"]},
        {"new_only": True},
        {"value": "uncovered"},
    ],
    "ec2_events": [{}, {"instances": "i-2"}, {"kinds": ["system-reboot"]}, {"value": "impaired"}],
    "asg": [{}, {"grace": "0s"}, {"groups": "web", "grace": "0s"}, {"value": "suspended", "grace": "0s"}],
    "quota": [{"services": ["ec2", "lambda"]}, {"services": ["lambda"]}, {"services": ["ec2"], "quotas": "L-1"}],
    "health": [{}, {"services": "EC2"}, {"categories": ["accountNotification"]}],
    "ecs": [
        {},
        {"value": "missing", "grace": "0s"},
        {"value": "missing", "grace": "1d"},
        {"services": "web", "value": "missing", "grace": "0s"},
        {"clusters": "shop"},
        {"value": "exits"},
        {"value": "exits", "families": "report"},
    ],
    "ses": [{}, {"value": "quota_percent"}],
}


def _databases() -> Databases:
    created = (-86_400.0, -86_400.0, -86_400.0, -HOUR)
    members = [
        Database(f"{name}-{number}", name, created=at) for name in ("shop", "blog") for number, at in enumerate(created)
    ]
    return Databases(tuple(DatabaseCluster(name, f"{name}-0") for name in ("shop", "blog")), tuple(members))


def _registry() -> Registry:
    worst = (*flaws("CRITICAL", 2), *flaws("LOW", 3), Flaw("CVE-open", "HIGH", fixed=""))
    web = pushed("akai/web", "1.0", flaws=worst, scans=((0, "ACTIVE"),))
    jobs = pushed("akai/jobs", "2.0", flaws=flaws("HIGH", 1, exploit=True), scans=((0, "ACTIVE"),))
    failed = pushed("akai/old", "3.0", flaws=flaws("HIGH", 4), scans=((0, "FAILED"),))
    hosts = (
        Scanned("AWS_EC2_INSTANCE", "i-1", (Flaw("CVE-host"),)),
        Scanned("AWS_EC2_INSTANCE", "i-2", reason="UNMANAGED_EC2_INSTANCE"),
    )
    names = (WEB, Repository("akai/jobs"), Repository("akai/old"))
    return Registry(names, (web, jobs, failed), (Task(web), Task(jobs)), hosts, enhanced=True)


def _announced() -> Announced:
    failing = Workload("blog", "jobs", running=0, rollouts=(Rollout("FAILED", "circuit breaker"),))
    machines = (
        Machine("i-1", events=(Planned(),)),
        Machine("i-2", events=(Planned("system-reboot"),), impaired=("system", "instance")),
    )
    return Announced(
        machines=machines,
        groups=(ScalingGroup("web", 3, 1), ScalingGroup("jobs", 2, 1, suspended=("Launch",))),
        quotas=(
            ServiceQuota("ec2", "L-1", "Instances", 100, {"Resource": "vCPU"}),
            ServiceQuota("ec2", "L-2", "Addresses", 10, {"Resource": "IP"}),
            ServiceQuota("lambda", "L-3", "Concurrency", 50, {"Resource": "C"}),
        ),
        health=(
            Notice("EC2", "AWS_EC2_ISSUE"),
            Notice("RDS", "AWS_RDS_CHANGE", "scheduledChange"),
            Notice("RDS", "AWS_RDS_NOTE", "accountNotification"),
        ),
        workloads=(Workload("shop", "web", running=1), Workload("blog", "web"), failing),
        tasks=(OneOff("shop", "report", "1", HOUR, {"app": 1}), OneOff("blog", "backup", "2", HOUR, {"app": 1})),
        mail=(Mail(sent=100.0),),
    )


def _estate() -> Estate:
    hosts = [series("Load", steady(load), {"Host": name}) for name, load in {"a1": 10, "a2": 40, "b1": 90}.items()]
    readers = [
        series(metric, steady(10.0 * number + bias), {"DBInstanceIdentifier": f"{name}-{number}"}, namespace="AWS/RDS")
        for name, bias in {"shop": 0, "blog": 7}.items()
        for number in range(4)
        for metric in ("CPUUtilization", "DatabaseConnections")
    ]
    usage = [
        series(
            "ResourceCount", steady(5), {"Service": "X", "Type": "Resource", "Class": "None", "Resource": name},
            namespace="AWS/Usage",
        )
        for name in ("vCPU", "IP", "C")
    ]  # fmt: skip
    filters = (LogFilter("critical", "CRITICAL", "Critical"), LogFilter("slow", "SLOW", "Slow"))
    groups = tuple(LogGroup(f"/shop/{name}", lambda _: ("CRITICAL no rooms",), filters) for name in ("web", "jobs"))
    return estate(
        *hosts, *readers, *usage,
        databases={PLACE: _databases()}, registries={PLACE: _registry()}, announced={PLACE: _announced()},
        log_groups={PLACE: groups},
    )  # fmt: skip


async def _answers(world: World, kind: str, queries: dict[str, dict[str, Any]]) -> dict[str, list[Answer]]:
    """Of two polls by a process that remembers nothing, so that what one rule remembers is another's no less."""
    world.memory.clear()
    world.restart()
    polls = [(await world.poll_all(queries, kind)).answers for _ in range(2)]
    return {each.rule: [answer for poll in polls for answer in poll if answer.rule == each.rule] for each in polls[0]}


def test_every_source_that_answers_several_rules_at_once_is_here() -> None:
    assert RULES.keys() == {name for name, spec in SOURCES.items() if spec.placed}


@pytest.mark.parametrize("kind", RULES)
async def test_rules_of_one_unit_are_answered_as_each_alone(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    clock = Hurried()
    clock.advance(HOUR)
    queries = {f"Rule{number}": query for number, query in enumerate(RULES[kind])}
    async with open_world(monkeypatch, _estate(), clock) as world:
        together = await _answers(world, kind, queries)
        alone = {name: (await _answers(world, kind, {name: query}))[name] for name, query in queries.items()}
    for name, query in queries.items():
        assert together[name] == alone[name], query
        assert together[name][0].observations or query == {"new_only": True}, query
    said = {
        str([(each.identity, each.points, each.truth) for each in found[0].observations]) for found in alone.values()
    }
    assert len(said) == len(queries), "filters that change nothing would prove nothing"
