"""ECS as far as it says which images run: clusters and the tasks in them.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.demo.aws import fields
from watchtower.demo.images import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.aws.faults import Fault
    from watchtower.demo.aws.wire import Call
    from watchtower.demo.estate import Estate
    from watchtower.demo.images import Task

_NONE = Registry()


class Tasks:
    """The simulated service."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def list_clusters(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """The clusters."""
        return {"clusterArns": [_arn(call, f"cluster/{name}") for name in self._registry(call).clusters]}

    def list_tasks(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """The tasks of a cluster that run."""
        return {"taskArns": list(self._tasks(call))}

    def describe_tasks(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """What the tasks run, with the digest that the agent pulled."""
        there = self._tasks(call)
        return {"tasks": [_task(call, arn, there[arn]) for arn in fields.items(call.params, "tasks") if arn in there]}

    def _registry(self, call: Call) -> Registry:
        return self._estate.registries.get((call.account, call.region), _NONE)

    def _tasks(self, call: Call) -> dict[str, Task]:
        cluster = (fields.text(call.params, "cluster") or "default").rpartition("/")[2]
        running = enumerate(self._registry(call).running(call.at - self._estate.start))
        return {_arn(call, f"task/{cluster}/{number}"): one for number, one in running if one.cluster == cluster}


def _task(call: Call, arn: str, task: Task) -> dict[str, Any]:
    image = task.image
    tag = next(iter(image.tags), "latest")
    address = f"{task.registry or call.account}.dkr.ecr.{call.region}.amazonaws.com/{image.repository}:{tag}"
    container = {"name": "app", "image": address, "imageDigest": image.digest, "lastStatus": "RUNNING"}
    sidecar = {"name": "log-router", "image": "public.ecr.aws/example/router:1", "lastStatus": "RUNNING"}
    group = f"service:{task.service}" if task.service else "family:one-off"
    return {"taskArn": arn, "group": group, "lastStatus": "RUNNING", "containers": [container, sidecar]}


def _arn(call: Call, resource: str) -> str:
    return f"arn:aws:ecs:{call.region}:{call.account}:{resource}"
