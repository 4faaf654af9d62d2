"""``ecs``: deployments that fail, services that run fewer tasks than they should, one-off tasks that end badly.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

import structlog

from watchtower.aws.config import label_of_tag
from watchtower.errors import SourceError
from watchtower.inventory.paging import pages
from watchtower.inventory.patterns import Pattern
from watchtower.model import EMPTY, Labels
from watchtower.sources.announced import ecs_tasks
from watchtower.sources.announced.query import ALL, Grace, Period, ResourceQuery
from watchtower.sources.announced.since import Shortfall, shortfall
from watchtower.sources.snapshot import Look, Reader, Seen, Unseen, Visit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.sources.announced.ecs_tasks import Ended
    from watchtower.sources.base import Ask

T = TypeVar("T")

log = structlog.get_logger("watchtower.ecs")

NAME = "ecs"

#: Entries of one page of a listing, services and tasks of one call.
_PAGE, _SERVICES, _TASKS = 100, 10, 100
#: Revisions of task definitions that are kept in memory.
_DEFINITIONS = 1_000
#: Lines of evidence, and characters of each.
_TOLD, _LONGEST = 5, 300


class EcsQuery(ResourceQuery):
    """The failed deployments or missing tasks of services, or one-off tasks that ended badly, by their family."""

    source: ClassVar[str] = NAME

    clusters: Pattern = ALL
    services: Pattern = ALL
    families: Pattern = ALL
    value: Literal["deployment", "missing", "exits"] = "deployment"
    period: Period = 60.0
    grace: Grace = 600.0

    @property
    def patience(self) -> float:
        """Seconds that a shortfall may last."""
        return self.grace if self.value == "missing" else 0.0


@dataclass(frozen=True, slots=True)
class Service:
    """One service with the reasons of its failed deployments and its newest events."""

    cluster: str
    name: str
    desired: int
    running: int
    failed: tuple[str, ...]
    events: tuple[str, ...]
    short: Shortfall | None
    tags: Labels = EMPTY

    @property
    def resource(self) -> str:
        """``cluster/service``."""
        return f"{self.cluster}/{self.name}"


@dataclass(frozen=True, slots=True)
class Found:
    """What one look saw of all clusters."""

    services: tuple[Service, ...]
    ended: tuple[Ended, ...]


class Ecs(Reader[Found]):
    """Looks at services and at tasks that stopped; see :class:`watchtower.sources.snapshot.Reader`."""

    def __init__(self, clients: AwsClients, label_tags: Sequence[str]) -> None:
        self._clients = clients
        self._label_tags = label_tags
        self._essential: dict[str, Mapping[str, bool]] = {}

    async def look(self, visit: Visit) -> Look[Found]:
        """Cluster by cluster, at once; a cluster that cannot be read leaves the others to be judged."""
        listed = [_name(one) async for one in self._listed(visit, "list_clusters", "clusterArns")]
        clusters = [one for one in listed if any(query.clusters.matches(one) for query in visit.queries)]
        asked = {query.value for query in visit.queries}
        services = await _each(clusters if asked - {"exits"} else (), lambda one: self._services(visit, one))
        stopped = await _each(clusters if "exits" in asked else (), lambda one: self._stopped(visit, one))
        unseen = (*services.unseen("services"), *stopped.unseen("exits"))
        if unseen and not services.read and not stopped.read:
            raise unseen[0].cause
        known = tuple(service for some in services.read.values() for service in some)
        ended, memory = ecs_tasks.news(visit.own.get("tasks", {}), stopped.read, visit.now, visit.poll.unit.period)
        short = {one.resource: [*one.short] for one in known if one.short}
        return Look(Found(known, ended), {"short": short, "tasks": memory}, unseen)

    def judge(self, ask: Ask, facts: Found, now: int) -> Iterator[Seen]:
        """One value for each service, or for each family of one-off tasks."""
        query: EcsQuery = ask.query
        if query.value == "exits":
            ended = [one for one in facts.ended if query.clusters.matches(one.cluster)]
            yield from ecs_tasks.judge([one for one in ended if query.families.matches(one.family)])
            return
        for one in facts.services:
            if query.clusters.matches(one.cluster) and query.services.matches(one.name):
                yield _deployment(one) if query.value == "deployment" else _missing(one, query, now)

    def absent(self, query: EcsQuery, resource: str) -> Seen | None:
        """Tasks of a family that did not end are well; a service that is not listed was deleted."""
        return ecs_tasks.well(resource) if query.value == "exits" else None

    def lacks(self, query: EcsQuery, unseen: Unseen) -> bool:
        """Services and tasks of a cluster are listed apart."""
        return query.clusters.matches(unseen.part) and (query.value == "exits") == (unseen.kind == "exits")

    def counts(self, query: EcsQuery) -> bool:
        """Exits are counted since the last look."""
        return query.value == "exits"

    async def _listed(self, visit: Visit, operation: str, name: str, **request: Any) -> AsyncIterator[str]:
        following = pages(
            self._clients, visit.account, visit.region, "ecs", operation, "nextToken", maxResults=_PAGE, **request
        )
        async for page in following:
            for arn in page.get(name, ()):
                yield arn

    async def _described(
        self, visit: Visit, operation: str, name: str, arns: Sequence[str], size: int, **request: Any
    ) -> list[Mapping[str, Any]]:
        calls = [
            self._clients.call(
                visit.account,
                visit.region,
                "ecs",
                operation,
                **{name: arns[at : at + size]},
                include=["TAGS"],
                **request,
            )
            for at in range(0, len(arns), size)
        ]
        return [record for answer in await asyncio.gather(*calls) for record in answer.get(name, ())]

    async def _services(self, visit: Visit, cluster: str) -> list[Service]:
        arns = [one async for one in self._listed(visit, "list_services", "serviceArns", cluster=cluster)]
        arns = [arn for arn in arns if any(query.services.matches(_name(arn)) for query in visit.queries)]
        records = await self._described(visit, "describe_services", "services", arns, _SERVICES, cluster=cluster)
        return [self._service(record, visit) for record in records if record.get("status") == "ACTIVE"]

    async def _stopped(self, visit: Visit, cluster: str) -> list[Ended]:
        """Those that were not described before; each is described once."""
        listing = self._listed(visit, "list_tasks", "taskArns", cluster=cluster, desiredStatus="STOPPED")
        arns = [one async for one in listing]
        new = ecs_tasks.not_known(visit.own.get("tasks", {}), arns)
        records = await self._described(visit, "describe_tasks", "tasks", new, _TASKS, cluster=cluster)
        unclear = {str(record.get("taskDefinitionArn")) for record in records if ecs_tasks.unclear(record)}
        await asyncio.gather(*(self._read_definition(visit, arn) for arn in unclear - self._essential.keys()))
        read = (
            ecs_tasks.read(one, cluster, self._essential.get(str(one.get("taskDefinitionArn")), {})) for one in records
        )
        return [ended for ended in read if ended is not None]

    async def _read_definition(self, visit: Visit, arn: str) -> None:
        """Which containers are essential. A revision never changes; one that cannot be read leaves all suspected."""
        try:
            answer = await self._clients.call(
                visit.account, visit.region, "ecs", "describe_task_definition", taskDefinition=arn
            )
        except SourceError as error:
            log.warning("ecs.definition_unread", definition=arn, detail=error.detail)
            return
        if len(self._essential) >= _DEFINITIONS:
            self._essential.clear()
        containers = answer.get("taskDefinition", {}).get("containerDefinitions", ())
        self._essential[arn] = {str(one.get("name", "")): one.get("essential") is not False for one in containers}

    def _service(self, record: Mapping[str, Any], visit: Visit) -> Service:
        cluster, name = _name(record["clusterArn"]), record["serviceName"]
        desired, running = int(record.get("desiredCount") or 0), int(record.get("runningCount") or 0)
        before = visit.own.get("short", {}).get(f"{cluster}/{name}")
        tags = {tag["key"]: tag.get("value", "") for tag in record.get("tags", ())}
        return Service(
            cluster,
            name,
            desired,
            running,
            tuple(_failures(record.get("deployments", ()))),
            tuple(str(event.get("message", ""))[:_LONGEST] for event in record.get("events", ())[:_TOLD]),
            shortfall(before, desired, running, visit.now),
            Labels([(label_of_tag(key), tags[key]) for key in self._label_tags if key in tags]),
        )


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What was read of each cluster, and why some could not be."""

    read: Mapping[str, Sequence[T]]
    failed: Mapping[str, SourceError]

    def unseen(self, kind: str) -> list[Unseen]:
        """The clusters that are missing."""
        return [Unseen(error, cluster, kind) for cluster, error in self.failed.items()]


async def _each(clusters: Sequence[str], reading: Callable[[str], Awaitable[Sequence[T]]]) -> Read[T]:
    found = await asyncio.gather(*map(reading, clusters), return_exceptions=True)
    read: dict[str, Sequence[T]] = {}
    failed: dict[str, SourceError] = {}
    for cluster, one in zip(clusters, found, strict=True):
        if isinstance(one, SourceError):
            failed[cluster] = one
        elif isinstance(one, BaseException):
            raise one
        else:
            read[cluster] = one
    return Read(read, failed)


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _failures(deployments: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Why deployments failed: those that did, and the one to which the circuit breaker goes back.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    for one in deployments:
        reason = str(one.get("rolloutStateReason", ""))[:_LONGEST]
        rolls_back = one.get("rolloutState") == "IN_PROGRESS" and "rolling back" in reason
        if one.get("rolloutState") == "FAILED" or rolls_back:
            yield reason or f"deployment {one.get('id', '')} failed"


def _deployment(one: Service) -> Seen:
    reason = "; ".join(one.failed) or "no deployment failed"
    return Seen(one.resource, len(one.failed), _context(one), reason, one.events if one.failed else ())


def _missing(one: Service, query: EcsQuery, now: int) -> Seen:
    said = f"{one.running} of {one.desired} tasks run"
    if one.short is None:
        return Seen(one.resource, 0.0, _context(one), said)
    value, reason = one.short.counted(query.grace, now), one.short.told(said, query.grace, now)
    return Seen(one.resource, value, _context(one), reason, one.events)


def _context(one: Service) -> Labels:
    return one.tags.merged({"cluster": one.cluster, "service": one.name})
