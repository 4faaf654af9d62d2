"""One-off tasks that ended badly: which of those that stopped, told once each. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from watchtower.clock import epoch
from watchtower.model import Labels, stable_hash
from watchtower.sources.snapshot import Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

#: Seconds for which a stopped task is remembered: AWS lists it for an hour at least, and little longer.
_REMEMBERED = 4 * 3600
#: Tasks that are remembered of one unit.
_MOST = 20_000
#: Tasks named in one alert, and characters of AWS's own words.
_TOLD, _LONGEST = 5, 200

#: Exit codes of containers that were killed: 128 and SIGKILL or SIGTERM. The task's end does that, and so may others.
_KILLED = (137, 143)
#: Why ECS ended a task that might have gone on (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html).
_INTERRUPTED = ("SpotInterruption", "TerminationNotice")

_WELL = "no task ended badly"


@dataclass(frozen=True, slots=True)
class Ended:
    """One task that stopped; ``failure`` is empty where it ended well. A service's task is no ``one_off``."""

    arn: str
    cluster: str
    family: str
    stopped_at: int
    failure: str
    one_off: bool = True

    @property
    def id(self) -> str:
        """How it is remembered."""
        return _id(self.arn)


def _id(arn: str) -> str:
    return stable_hash(arn)


def read(task: Mapping[str, Any], cluster: str, essential: Mapping[str, bool]) -> Ended | None:
    """The task; None while it has not stopped yet, which a listing of stopping tasks allows.

    ``essential`` says so of each container by its name; who is not in it may be.
    """
    if task.get("lastStatus") != "STOPPED":
        return None
    stopped = task.get("stoppedAt") or task.get("stoppingAt") or task.get("createdAt")
    family = str(task.get("taskDefinitionArn", "")).rpartition("/")[2].partition(":")[0]
    at = int(epoch(stopped)) if stopped else 0
    return Ended(task["taskArn"], cluster, family, at, _failure(task, essential), not _of_a_service(task))


def _of_a_service(task: Mapping[str, Any]) -> bool:
    """A service replaces its tasks by itself; its shortfall is another value."""
    return str(task.get("group", "")).startswith("service:") or str(task.get("startedBy", "")).startswith("ecs-svc/")


def unclear(task: Mapping[str, Any]) -> bool:
    """Whether only the task definition can say who was killed as a side container, and who was the task."""
    codes = _codes(task).values()
    return 0 in codes and any(code in _KILLED for code in codes)


def _codes(task: Mapping[str, Any]) -> dict[str, int | None]:
    return {str(one.get("name", "")): one.get("exitCode") for one in task.get("containers", ())}


def _failure(task: Mapping[str, Any], essential: Mapping[str, bool]) -> str:
    """Why a task ended badly.

    1. Somebody stopped it: that is no failure.
    2. It never started, its machine was taken away before it was done, or a container ran out of memory.
    3. A container ended with a code that is not 0. Only a side container, one that is not essential, may be killed:
       ECS ends it together with the task. Who came first ECS does not say, so one that may be essential counts.
    """
    if task.get("stopCode") == "UserInitiated":
        return ""
    said = str(task.get("stoppedReason", ""))[:_LONGEST]
    codes = _codes(task)
    if task.get("stopCode") == "TaskFailedToStart":
        return f"did not start: {said}"
    if task.get("stopCode") in _INTERRUPTED and any(code != 0 for code in codes.values()):
        return f"was interrupted: {said}"
    containers = task.get("containers", ())
    memory = [str(one.get("name", "")) for one in containers if "OutOfMemory" in str(one.get("reason", ""))]
    if memory:
        return f"container {memory[0]} ran out of memory"
    wrong = {name: code for name, code in codes.items() if code not in (None, 0)}
    if 0 in codes.values():
        side = [name for name, code in wrong.items() if code in _KILLED and not essential.get(name, True)]
        wrong = {name: code for name, code in wrong.items() if name not in side}
    return ", ".join(f"container {name} ended with {code}" for name, code in sorted(wrong.items()))


def not_known(memory: Mapping[str, Any], arns: Iterable[str]) -> list[str]:
    """The tasks that no look has described."""
    known = memory.get("ids", {})
    return [arn for arn in arns if _id(arn) not in known]


def news(
    memory: Mapping[str, Any], ended: Mapping[str, Sequence[Ended]], now: int, period: int
) -> tuple[tuple[Ended, ...], dict[str, Any]]:
    """The one-off tasks to count, and the memory for the next look; ``ended`` has every cluster that could be read.

    A cluster's first look counts what stopped within the last period; what is older is history, and well by now.
    """
    known: dict[str, int] = dict(memory.get("ids", {}))
    before = frozenset(memory.get("clusters", ()))
    oldest = {name: now - (_REMEMBERED if name in before else period) for name in ended}
    new = [one for tasks in ended.values() for one in tasks if one.id not in known]
    known |= {one.id: one.stopped_at or now for one in new}
    newest = sorted(known.items(), key=lambda pair: -pair[1])[:_MOST]
    kept = {name: at for name, at in newest if at > now - _REMEMBERED}
    one_off = [one for one in new if one.one_off]
    told = tuple(one if one.stopped_at >= oldest[one.cluster] else replace(one, failure="") for one in one_off)
    return told, {"ids": kept, "clusters": sorted(before | ended.keys())}


def judge(ended: Sequence[Ended]) -> Iterator[Seen]:
    """How many of each family ended badly; a family all of whose tasks ended well is well."""
    families: defaultdict[tuple[str, str], list[Ended]] = defaultdict(list)
    for one in ended:
        families[one.cluster, one.family].append(one)
    for (cluster, family), tasks in families.items():
        failed = [one for one in tasks if one.failure]
        told = tuple(f"task {one.arn.rpartition('/')[2]}: {one.failure}" for one in failed[:_TOLD])
        yield replace(well(f"{cluster}/{family}"), value=len(failed), reason="; ".join(told) or _WELL, evidence=told)


def well(resource: str) -> Seen:
    """A family of which no task ended badly."""
    cluster, _, family = resource.partition("/")
    return Seen(resource, 0.0, Labels({"cluster": cluster, "family": family}), _WELL)
