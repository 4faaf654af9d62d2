"""The packs through the real source, on an estate that publishes every lookalike AWS publishes beside a series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support.clock import ManualClock
from tests.support.nights import metric_rules
from tests.support.place import signed_in
from tests.support.simulated_aws import REGION, estate, series
from tests.unit.packs.published import PUBLISHED
from watchtower.clock import epoch
from watchtower.demo.aws.server import EstateServer
from watchtower.demo.shapes import steady
from watchtower.evaluation.judge import judge
from watchtower.model import Answer, Truth
from watchtower.sources.base import Ask, Place, Poll
from watchtower.sources.cloudwatch.source import CloudWatchSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import pytest

    from watchtower.demo.estate import Series

#: What a healthy estate shows where zero would be trouble; everything else is zero, or not published at all.
HEALTHY = {"HealthyHostCount": 4.0, "FreeStorageSpace": 9e10, "FreeLocalStorage": 9e10, "RequestCount": 900.0}
HEALTHY |= {"HealthCheckStatus": 1.0, "BurstCreditBalance": 2e12}
#: What every lookalike shows: beyond any limit.
TERRIBLE = 9e9

DATABASE, INSTANCE, CLASSIC = {"DBInstanceIdentifier": "db"}, {"InstanceId": "i-1"}, {"LoadBalancerName": "old"}
BALANCER = {"LoadBalancer": "app/shop/1"}
GROUP = {**BALANCER, "TargetGroup": "targetgroup/web/1"}
DISK = {**INSTANCE, "path": "/", "device": "nvme0n1p1", "fstype": "xfs"}
SNAP = {**INSTANCE, "path": "/snap/core/1", "device": "loop0", "fstype": "squashfs"}
NAMED = [{name: "one"} for name in ("FunctionName", "ScheduleGroup", "HealthCheckId", "FileSystemId")]
PLACE: dict[str, str] = {}
REAL = (
    *(DATABASE, INSTANCE, CLASSIC, BALANCER, GROUP, DISK, *NAMED, PLACE),
    {"DistributionId": "E1", "Region": "Global"},
)


def published() -> Iterator[Series]:
    for (namespace, metric), known in PUBLISHED.items():
        for names in known.dimensions if known.always else ():
            real = next((one for one in REAL if one.keys() == names), None)
            value = TERRIBLE if real is None else HEALTHY.get(metric, 0.0)
            yield series(
                metric, steady(value), dict.fromkeys(names, "all") if real is None else real, namespace=namespace
            )
    yield series("disk_used_percent", steady(100.0), SNAP, namespace="CWAgent")
    yield series("disk_used_percent", steady(100.0), INSTANCE, namespace="CWAgent")


@pytest_asyncio.fixture
async def answers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, Answer]]:
    """What every rule of every pack sees, an hour into the estate's life."""
    clock = ManualClock()
    clock.advance(3600)
    async with (
        EstateServer(estate(*published()), clock) as server,
        signed_in(monkeypatch, server) as (config, clients),
    ):
        yield await polled(CloudWatchSource(clients, config, clock), clock)


async def polled(source: CloudWatchSource, clock: ManualClock) -> dict[str, Answer]:
    asks = [Ask(rule.name, rule.query, rule.period, rule.slots, rule.levels[0].priority) for rule in metric_rules()]
    tick = int(epoch(clock.now()))
    found: dict[str, Answer] = {}
    for unit in source.plan(asks, [Place("main", REGION)]):
        result = await source.poll(Poll(unit, tick, None, clock.now()))
        assert result.troubles == ()
        found |= {answer.rule: answer for answer in result.answers}
    return found


async def test_each_rule_sees_its_resource_once_and_no_lookalike(answers: dict[str, Answer]) -> None:
    for rule in metric_rules():
        [seen] = answers[rule.name].observations
        dimensions = {name: value for name, value in seen.identity.items() if name not in ("account", "region")}
        assert dimensions in REAL, rule.name
        assert seen.truth is Truth.VALUE, f"{rule.name} knows no value of a healthy resource"


async def test_an_ordinary_hour_of_the_whole_estate_tells_nobody(answers: dict[str, Answer]) -> None:
    clock = ManualClock()
    clock.advance(3600)
    tick = int(epoch(clock.now()))
    for rule in metric_rules():
        answer = answers[rule.name]
        judged = judge(rule, answer, {}, tick=tick, period=rule.period, now=clock.now(), environment="test")
        assert (judged.alarms, judged.insufficient, judged.transitions) == (0, 0, ()), rule.name
