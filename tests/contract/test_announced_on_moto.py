"""The sources that look at resources against an AWS that we did not write, where moto has the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.moto import HOME_REGION as REGION
from tests.support.moto import home
from watchtower.clock import SystemClock, from_epoch
from watchtower.errors import SourceError
from watchtower.model import Priority
from watchtower.rulebook.schema import RuleModel
from watchtower.sources.announced.table import make_resource_sources
from watchtower.sources.base import Ask, Place, Poll

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig
    from watchtower.model import Observation

TICK = int(SystemClock().now().timestamp()) // 300 * 300


@pytest.fixture
def config(moto_url: str) -> AwsConfig:
    return home(moto_url, label_tags=["tenant"])


async def call(clients: AwsClients, service: str, operation: str, **request: Any) -> dict[str, Any]:
    return await clients.call("home", REGION, service, operation, **request)


async def seen(clients: AwsClients, config: AwsConfig, kind: str, **query: Any) -> dict[str, Observation]:
    sources = {source.name: source for source in make_resource_sources(clients, config, SystemClock())}
    parsed = getattr(RuleModel.model_validate({kind: query}), kind)
    [unit] = sources[kind].plan([Ask(kind, parsed, int(parsed.period), 3, Priority.P3)], [Place("home", REGION)])
    result = await sources[kind].poll(Poll(unit, TICK, None, from_epoch(TICK)))
    return {one.identity["resource"]: one for one in result.answers[0].observations}


async def instance(clients: AwsClients) -> str:
    images = await call(clients, "ec2", "describe_images", Owners=["amazon"])
    made = await call(clients, "ec2", "run_instances", ImageId=images["Images"][0]["ImageId"], MinCount=1, MaxCount=1)
    return str(made["Instances"][0]["InstanceId"])


async def test_instances_that_run_and_that_are_stopped_are_seen_and_terminated_ones_are_not(
    clients: AwsClients, config: AwsConfig
) -> None:
    """moto schedules nothing, ever."""
    running, stopped, terminated = [await instance(clients) for _ in range(3)]
    await call(clients, "ec2", "stop_instances", InstanceIds=[stopped])
    await call(clients, "ec2", "terminate_instances", InstanceIds=[terminated])
    for value in ("events", "impaired"):
        found = await seen(clients, config, "ec2_events", value=value)
        assert set(found) == {running, stopped}
        assert {one.points[-1][1] for one in found.values()} == {0.0}


async def test_a_group_with_its_instances_suspended_processes_and_tags(clients: AwsClients, config: AwsConfig) -> None:
    images = await call(clients, "ec2", "describe_images", Owners=["amazon"])
    launch = {"LaunchConfigurationName": "web", "ImageId": images["Images"][0]["ImageId"], "InstanceType": "t3.micro"}
    await call(clients, "autoscaling", "create_launch_configuration", **launch)
    own = {"ResourceId": "web", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
    await call(
        clients,
        "autoscaling",
        "create_auto_scaling_group",
        AutoScalingGroupName="web",
        LaunchConfigurationName="web",
        MinSize=0,
        MaxSize=5,
        DesiredCapacity=2,
        AvailabilityZones=[f"{REGION}a"],
        Tags=[{**own, "Key": "tenant", "Value": "acme"}],
    )
    await call(clients, "autoscaling", "suspend_processes", AutoScalingGroupName="web", ScalingProcesses=["Launch"])
    short = await seen(clients, config, "asg")
    assert (short["web"].points[-1][1], short["web"].reason) == (0.0, "2 of 2 are in service")
    assert dict(short["web"].context) == {"tenant": "acme"}
    suspended = await seen(clients, config, "asg", value="suspended", grace=0)
    assert suspended["web"].points[-1][1] == 1.0


async def test_a_service_none_of_whose_tasks_runs_lacks_them_all(clients: AwsClients, config: AwsConfig) -> None:
    """moto starts no tasks of a service."""
    await call(clients, "ecs", "create_cluster", clusterName="shop")
    containers = [{"name": "app", "image": "app:1", "memory": 128}]
    await call(clients, "ecs", "register_task_definition", family="web", containerDefinitions=containers)
    service = {"cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2}
    await call(clients, "ecs", "create_service", **service)
    missing = await seen(clients, config, "ecs", value="missing", grace=0)
    assert (missing["shop/web"].points[-1][1], missing["shop/web"].context["service"]) == (2.0, "web")
    assert (await seen(clients, config, "ecs"))["shop/web"].points[-1][1] == 0.0
    assert await seen(clients, config, "ecs", value="exits") == {}


@pytest.mark.parametrize(("kind", "query"), [("health", {}), ("quota", {"services": ["ec2"]}), ("ses", {})])
async def test_what_moto_does_not_have_fails_as_a_poll_and_not_as_a_bug(
    clients: AwsClients, config: AwsConfig, kind: str, query: dict[str, Any]
) -> None:
    with pytest.raises(SourceError):
        await seen(clients, config, kind, **query)
