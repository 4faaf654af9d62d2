"""ECS: clusters, services with their deployments, and tasks that stopped.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from watchtower.demo.announced import OneOff, Workload, at
from watchtower.demo.aws import fields
from watchtower.demo.aws.wire import Call, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.demo.aws.announced import Announcements
    from watchtower.demo.aws.faults import Fault

#: Services and tasks that one call may describe.
_MOST_SERVICES, _MOST_TASKS = 10, 100


class Running(Protocol):
    """Who knows the tasks that run."""

    def list_clusters(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """The clusters in which they do."""
        ...

    def list_tasks(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """Those of a cluster."""
        ...

    def describe_tasks(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """What they run."""
        ...


class Ecs:
    """The simulated service; ``running`` tasks are another's."""

    def __init__(self, announcements: Announcements, running: Running | None = None) -> None:
        self._announced = announcements
        self._running = running

    def list_clusters(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """The clusters that have services or tasks."""
        found = [_arn(call, f"cluster/{name}") for name in self._clusters(call)]
        return self._arns(call, faults, "clusterArns", found)

    def list_services(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """The services of a cluster."""
        cluster = self._cluster(call)
        found = [_arn(call, f"service/{cluster}/{one.name}") for one in self._services(call, cluster)]
        return self._arns(call, faults, "serviceArns", found)

    def list_tasks(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """The tasks of a cluster that stopped within an hour, or those that run."""
        cluster = self._cluster(call)
        if fields.text(call.params, "desiredStatus") == "STOPPED":
            found = [_arn(call, f"task/{cluster}/{one.id}") for one in self._tasks(call, cluster)]
        else:
            found = list(self._running.list_tasks(call, faults)["taskArns"]) if self._running else []
        return self._arns(call, faults, "taskArns", found)

    def describe_services(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """Up to ten services; those that are not there are failures, not errors."""
        cluster, wanted = self._cluster(call), _wanted(call, "services", _MOST_SERVICES)
        known = {one.name: one for one in self._services(call, cluster)}
        return {
            "services": [self._service(call, known[name]) for name in wanted if name in known],
            "failures": [{"arn": name, "reason": "MISSING"} for name in wanted if name not in known],
        }

    def describe_tasks(self, call: Call, faults: Sequence[Fault]) -> Mapping[str, Any]:
        """Up to a hundred tasks, whether they run or have stopped."""
        cluster, wanted = self._cluster(call), _wanted(call, "tasks", _MOST_TASKS)
        running = self._running.describe_tasks(call, faults)["tasks"] if self._running else []
        found = {str(one["taskArn"]).rpartition("/")[2]: one for one in running}
        found |= {one.id: self._task(call, one) for one in self._tasks(call, cluster)}
        return {
            "tasks": [found[name] for name in wanted if name in found],
            "failures": [{"arn": name, "reason": "MISSING"} for name in wanted if name not in found],
        }

    def describe_task_definition(self, call: Call, _faults: Sequence[Fault]) -> Mapping[str, Any]:
        """The containers of a family's revision, as its tasks have them."""
        arn = fields.text(call.params, "taskDefinition") or ""
        family = arn.rpartition("/")[2].partition(":")[0]
        tasks = [one for one in self._announced.place(call).tasks if one.family == family]
        if not tasks:
            raise Refusal("ClientException", "Unable to describe task definition.")
        essential = {name: all(name not in one.side for one in tasks) for one in tasks for name in one.codes}
        containers = [{"name": name, "essential": told} for name, told in essential.items()]
        return {"taskDefinition": {"taskDefinitionArn": arn, "family": family, "containerDefinitions": containers}}

    def _arns(self, call: Call, faults: Sequence[Fault], name: str, found: Sequence[str]) -> Mapping[str, Any]:
        size = fields.integer(call.params, "maxResults") or 100
        if not 1 <= size <= 100:
            raise Refusal("InvalidParameterException", "maxResults must be between 1 and 100.")
        page, more = self._announced.page(call, faults, found, size)
        return {name: page, **more}

    def _clusters(self, call: Call) -> list[str]:
        place = self._announced.place(call)
        running = self._running.list_clusters(call, ())["clusterArns"] if self._running else []
        own = {one.cluster for one in place.workloads} | {one.cluster for one in place.tasks}
        return sorted(own | {str(arn).rpartition("/")[2] for arn in running})

    def _cluster(self, call: Call) -> str:
        name = (fields.text(call.params, "cluster") or "default").rpartition("/")[2]
        if name not in self._clusters(call):
            raise Refusal("ClusterNotFoundException", "Cluster not found.")
        return name

    def _services(self, call: Call, cluster: str) -> list[Workload]:
        there = at(self._announced.place(call).workloads, self._announced.since(call))
        return [one for one in there if one.cluster == cluster]

    def _tasks(self, call: Call, cluster: str) -> list[OneOff]:
        there = at(self._announced.place(call).tasks, self._announced.since(call))
        return [one for one in there if one.cluster == cluster]

    def _service(self, call: Call, one: Workload) -> dict[str, Any]:
        arn = _arn(call, f"service/{one.cluster}/{one.name}")
        rollouts = [
            {
                "id": f"ecs-svc/{number}",
                "status": "PRIMARY" if number == 0 else "ACTIVE",
                "rolloutState": rollout.state,
                "rolloutStateReason": rollout.reason,
                "createdAt": self._announced.epoch(rollout.since),
            }
            for number, rollout in enumerate(at(one.rollouts, self._announced.since(call)))
        ]
        message = f"(service {one.name}) has reached a steady state."
        return {
            "serviceArn": arn,
            "serviceName": one.name,
            "clusterArn": _arn(call, f"cluster/{one.cluster}"),
            "status": "ACTIVE",
            "desiredCount": one.desired,
            "runningCount": one.running,
            "pendingCount": one.desired - one.running,
            "deployments": rollouts,
            "events": [{"id": "1", "createdAt": call.at, "message": message}],
            "tags": [{"key": key, "value": value} for key, value in one.tags.items()],
        }

    def _task(self, call: Call, one: OneOff) -> dict[str, Any]:
        return {
            "taskArn": _arn(call, f"task/{one.cluster}/{one.id}"),
            "clusterArn": _arn(call, f"cluster/{one.cluster}"),
            "taskDefinitionArn": _arn(call, f"task-definition/{one.family}:3"),
            "group": one.group or f"family:{one.family}",
            "lastStatus": "STOPPED",
            "desiredStatus": "STOPPED",
            "stopCode": one.stop_code,
            "stoppedReason": "Essential container in task exited",
            "stoppedAt": self._announced.epoch(one.since),
            "containers": [{"name": name, "exitCode": code} for name, code in one.codes.items()],
        }


def _wanted(call: Call, name: str, most: int) -> list[str]:
    given = [str(item).rpartition("/")[2] for item in fields.items(call.params, name)]
    if not 1 <= len(given) <= most:
        raise Refusal("InvalidParameterException", f"{name} must have 1 to {most} items.")
    return given


def _arn(call: Call, resource: str) -> str:
    return f"arn:aws:ecs:{call.region}:{call.account}:{resource}"
