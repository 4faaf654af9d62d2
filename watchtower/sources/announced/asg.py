"""``asg``: Auto Scaling groups that do not get the instances they want, and processes that somebody left suspended.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from watchtower.aws.config import label_of_tag
from watchtower.durations import format_duration
from watchtower.inventory.paging import pages
from watchtower.inventory.patterns import Pattern
from watchtower.model import EMPTY, Labels
from watchtower.sources.announced.query import ALL, Grace, Period, ResourceQuery
from watchtower.sources.announced.since import Shortfall, shortfall, since_of
from watchtower.sources.snapshot import Look, Reader, Seen, Visit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.inventory.patterns import ValuePattern
    from watchtower.sources.base import Ask

NAME = "asg"

#: Groups one page holds at most.
_PAGE = 100
#: Seconds: a launch with its health check, and a deployment that suspends processes while it lasts.
_SCALING, _DEPLOYING = 600.0, 3600.0


class AsgQuery(ResourceQuery):
    """What each group lacks, or its suspended processes. ``grace`` (seconds) None is by ``value``."""

    source: ClassVar[str] = NAME

    groups: Pattern = ALL
    value: Literal["missing", "suspended"] = "missing"
    period: Period = 60.0
    grace: Grace | None = None

    @property
    def resources(self) -> ValuePattern:
        """The groups."""
        return self.groups

    @property
    def patience(self) -> float:
        """Seconds that a shortfall or a suspension may last."""
        if self.grace is not None:
            return self.grace
        return _SCALING if self.value == "missing" else _DEPLOYING


@dataclass(frozen=True, slots=True)
class Group:
    """One group; ``suspended`` are processes with the moment (epoch seconds) at which they were first seen so."""

    name: str
    desired: int
    in_service: int
    short: Shortfall | None
    suspended: Mapping[str, int]
    tags: Labels = EMPTY

    @property
    def noted(self) -> bool:
        """Whether there is something whose beginning must be remembered."""
        return self.short is not None or bool(self.suspended)


class Asg(Reader["tuple[Group, ...]"]):
    """Looks at every group; see :class:`watchtower.sources.snapshot.Reader`."""

    def __init__(self, clients: AwsClients, label_tags: Sequence[str]) -> None:
        self._clients = clients
        self._label_tags = label_tags

    async def look(self, visit: Visit) -> Look[tuple[Group, ...]]:
        """The groups with their instances; one that is being deleted is none any more."""
        following = pages(
            self._clients, visit.account, visit.region, "autoscaling", "describe_auto_scaling_groups", "NextToken",
            MaxRecords=_PAGE,
        )  # fmt: skip
        records = [record async for page in following for record in page.get("AutoScalingGroups", ())]
        groups = tuple(self._group(record, visit) for record in records if "Status" not in record)
        return Look(groups, {one.name: [one.short and [*one.short], one.suspended] for one in groups if one.noted})

    def judge(self, ask: Ask, facts: tuple[Group, ...], now: int) -> Iterator[Seen]:
        """What counts after the grace period."""
        query: AsgQuery = ask.query
        for one in facts:
            if query.groups.matches(one.name):
                yield _missing(one, query, now) if query.value == "missing" else _suspended(one, query, now)

    def _group(self, record: Mapping[str, Any], visit: Visit) -> Group:
        name, desired = record["AutoScalingGroupName"], int(record.get("DesiredCapacity") or 0)
        serving = [one for one in record.get("Instances", ()) if one.get("LifecycleState") == "InService"]
        there = sum(int(one.get("WeightedCapacity") or 1) for one in serving)
        before, suspended_before = visit.own.get(name, (None, {}))
        suspended = {one["ProcessName"] for one in record.get("SuspendedProcesses", ())}
        return Group(
            name,
            desired,
            there,
            shortfall(before, desired, there, visit.now) if _in_units(record) else None,
            since_of(suspended_before, suspended, visit.now),
            _tags(record, self._label_tags),
        )


def _in_units(record: Mapping[str, Any]) -> bool:
    """Whether capacity is counted in instances (or their weights), not in processors or memory."""
    return str(record.get("DesiredCapacityType", "units")) == "units"


def _tags(record: Mapping[str, Any], label_tags: Sequence[str]) -> Labels:
    tags = {tag["Key"]: tag.get("Value", "") for tag in record.get("Tags", ())}
    return Labels([(label_of_tag(key), tags[key]) for key in label_tags if key in tags])


def _missing(one: Group, query: AsgQuery, now: int) -> Seen:
    said = f"{one.in_service} of {one.desired} are in service"
    if one.short is None:
        return Seen(one.name, 0.0, one.tags, said)
    return Seen(one.name, one.short.counted(query.patience, now), one.tags, one.short.told(said, query.patience, now))


def _suspended(one: Group, query: AsgQuery, now: int) -> Seen:
    old = {name: now - since for name, since in one.suspended.items() if now - since >= query.patience}
    reason = ", ".join(f"{name} suspended for {format_duration(age // 60 * 60)}" for name, age in sorted(old.items()))
    return Seen(one.name, len(old), one.tags, reason or "no process is left suspended")
