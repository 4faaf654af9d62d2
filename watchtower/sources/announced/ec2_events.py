"""``ec2_events``: what AWS will do to an instance, and whether its checks fail.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from watchtower.inventory.paging import pages
from watchtower.inventory.patterns import Pattern
from watchtower.model import Labels
from watchtower.sources.announced.query import ALL, ResourceQuery
from watchtower.sources.snapshot import Look, Reader, Seen, Visit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchtower.aws.clients import AwsClients
    from watchtower.inventory.patterns import ValuePattern
    from watchtower.sources.base import Ask

NAME = "ec2_events"

#: Instances one page holds at most.
_PAGE = 1000

#: A description begins with one of these when the event is over; it stays in the list for a week
#: (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_scheduled_events.html).
_OVER = ("[Completed]", "[Canceled]")

_ENDING = ("shutting-down", "terminated")

Kind = Literal["instance-reboot", "system-reboot", "system-maintenance", "instance-retirement", "instance-stop"]


class Ec2EventsQuery(ResourceQuery):
    """The scheduled events of each instance, or its failing status checks. Without ``kinds`` every kind counts."""

    source: ClassVar[str] = NAME

    instances: Pattern = ALL
    kinds: tuple[Kind, ...] = ()
    value: Literal["events", "impaired"] = "events"

    @property
    def resources(self) -> ValuePattern:
        """The instances."""
        return self.instances


@dataclass(frozen=True, slots=True)
class ScheduledEvent:
    """One event that is not over; ``not_before`` is empty where AWS gives no date."""

    kind: str
    not_before: str
    description: str

    def __str__(self) -> str:
        when = f" not before {self.not_before}" if self.not_before else ""
        return f"{self.kind}{when}: {self.description}"


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance with what waits for it and the names of its checks that fail."""

    id: str
    zone: str
    events: tuple[ScheduledEvent, ...]
    impaired: tuple[str, ...]


class Ec2Events(Reader["tuple[Instance, ...]"]):
    """Looks at every instance that is not being terminated; see :class:`watchtower.sources.snapshot.Reader`."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    async def look(self, visit: Visit) -> Look[tuple[Instance, ...]]:
        """Stopped instances too: retirement waits for them as well."""
        following = pages(
            self._clients, visit.account, visit.region, "ec2", "describe_instance_status", "NextToken",
            IncludeAllInstances=True, MaxResults=_PAGE,
        )  # fmt: skip
        statuses = [status async for page in following for status in page.get("InstanceStatuses", ())]
        there = [one for one in statuses if one.get("InstanceState", {}).get("Name") not in _ENDING]
        return Look(tuple(map(_instance, there)))

    def judge(self, ask: Ask, facts: tuple[Instance, ...], _now: int) -> Iterator[Seen]:
        """The number of what the rule asks for, of each instance."""
        query: Ec2EventsQuery = ask.query
        for one in facts:
            if query.instances.matches(one.id):
                yield _events(one, query) if query.value == "events" else _impaired(one)


def _events(one: Instance, query: Ec2EventsQuery) -> Seen:
    events = [event for event in one.events if not query.kinds or event.kind in query.kinds]
    context = {"zone": one.zone}
    if events:
        context |= {"kind": events[0].kind, "not_before": events[0].not_before}
    told = tuple(map(str, events))
    return Seen(one.id, len(events), Labels(context), "; ".join(told) or "no event is scheduled", told)


def _impaired(one: Instance) -> Seen:
    reason = ", ".join(f"{name} check is impaired" for name in one.impaired) or "no check is impaired"
    return Seen(one.id, len(one.impaired), Labels({"zone": one.zone}), reason)


def _instance(status: Mapping[str, Any]) -> Instance:
    open_events = [event for event in status.get("Events", ()) if not _is_over(event)]
    checks = (("system", "SystemStatus"), ("instance", "InstanceStatus"), ("EBS", "AttachedEbsStatus"))
    return Instance(
        status["InstanceId"],
        status.get("AvailabilityZone", ""),
        tuple(sorted(map(_event, open_events), key=lambda event: (event.not_before, event.kind))),
        tuple(name for name, key in checks if status.get(key, {}).get("Status") == "impaired"),
    )


def _is_over(event: Mapping[str, Any]) -> bool:
    return str(event.get("Description", "")).startswith(_OVER)


def _event(event: Mapping[str, Any]) -> ScheduledEvent:
    starts = event.get("NotBefore")
    when = f"{starts:%Y-%m-%dT%H:%MZ}" if starts else ""
    return ScheduledEvent(str(event.get("Code", "")), when, str(event.get("Description", "")))
