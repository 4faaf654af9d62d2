"""The members of database clusters and what maintenance waits for them: DescribeDBClusters and its sisters, cached.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusters.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.clock import epoch
from watchtower.errors import SourceError
from watchtower.inventory.paging import pages
from watchtower.inventory.steady import Known, Steady
from watchtower.model import EMPTY, Labels, TroubleReason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from datetime import datetime

    from watchtower.aws.clients import AwsClients
    from watchtower.clock import Clock

#: Records one page holds at most, of each of the three calls.
_PAGE = 100

#: Engines of clusters that RDS runs; Neptune and DocumentDB answer the same call, but publish elsewhere.
_ENGINES = ("aurora", "mysql", "postgres")

#: A member in one of these states carries no load, whoever would be to blame for that.
_ABSENT = frozenset({"creating", "deleting", "failed", "rebooting", "starting", "stopped", "stopping", "restore-error"})

#: Each size's rank within a family, the larger the bigger; sizes up to large have two vCPUs
#: (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.html).
_SIZES = {"micro": 0.125, "small": 0.25, "medium": 0.5, "large": 1.0, "xlarge": 2.0}
_MULTIPLE = re.compile(r"(\d+)xlarge")


@dataclass(frozen=True, slots=True)
class DbMember:
    """One instance of a cluster; ``created`` in epoch seconds, 0 where it is not told; ``tags`` are the cluster's."""

    cluster: str
    id: str
    writer: bool
    tier: int = 1
    instance_class: str = ""
    zone: str = ""
    status: str = "available"
    insights: bool = False
    created: int = 0
    tags: Labels = EMPTY

    @property
    def serving(self) -> bool:
        """Whether it can carry load."""
        return self.status not in _ABSENT

    @property
    def size(self) -> float | None:
        """The rank of its size: large is 1, 2xlarge is 4; None for serverless and what is not known."""
        word = self.instance_class.rpartition(".")[2]
        multiple = _MULTIPLE.fullmatch(word)
        return 2.0 * int(multiple[1]) if multiple else _SIZES.get(word)

    @property
    def vcpus(self) -> float | None:
        """The processors of its class."""
        return None if self.size is None else max(2.0, 2 * self.size)


@dataclass(frozen=True, slots=True)
class Pending:
    """One maintenance action that waits for an instance or a cluster."""

    resource: str
    action: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class DbPlace:
    """One account in one region."""

    account: str
    region: str


class DatabaseInventory:
    """Lists clusters, once per ``interval`` seconds and place, however many rules ask."""

    def __init__(self, clients: AwsClients, clock: Clock, interval: float) -> None:
        self._clients = clients
        self._members: Steady[DbPlace, DbMember] = Steady(self._list, clock, interval)
        self._pending: Steady[DbPlace, Pending] = Steady(self._list_pending, clock, interval)

    async def members(self, account: str, region: str, told_at: datetime | None = None) -> Known[DbMember]:
        """Every member of every cluster; the old ones, flagged, when the listing failed or halved. Never raises.

        ``told_at``: something happened there then, so the listing must be newer.
        """
        return await self._members.get(DbPlace(account, region), told_at=told_at)

    async def pending(self, account: str, region: str, told_at: datetime | None = None) -> Known[Pending]:
        """The maintenance that waits; empty where it may not be read, because it is no reason to be blind."""
        return await self._pending.get(DbPlace(account, region), told_at=told_at)

    def seed(self, account: str, region: str, members: Iterable[DbMember]) -> None:
        """What an earlier process found; used until the first listing succeeds."""
        self._members.seed(DbPlace(account, region), frozenset(members))

    async def _list(self, place: DbPlace) -> frozenset[DbMember]:
        clusters = [
            cluster
            async for cluster in self._records(place, "describe_db_clusters", "DBClusters")
            if str(cluster.get("Engine", "")).startswith(_ENGINES)
        ]
        if not any(cluster.get("DBClusterMembers") for cluster in clusters):
            return frozenset()
        records = self._records(place, "describe_db_instances", "DBInstances")
        instances = {record["DBInstanceIdentifier"]: record async for record in records}
        return frozenset(
            _member(cluster, entry, instances.get(entry["DBInstanceIdentifier"], {}))
            for cluster in clusters
            for entry in cluster.get("DBClusterMembers", ())
        )

    async def _list_pending(self, place: DbPlace) -> frozenset[Pending]:
        try:
            records = self._records(place, "describe_pending_maintenance_actions", "PendingMaintenanceActions")
            return frozenset([pending async for record in records for pending in _pending(record)])
        except SourceError as error:
            if error.reason in (TroubleReason.FORBIDDEN, TroubleReason.INVALID):
                return frozenset()
            raise

    async def _records(self, place: DbPlace, operation: str, name: str) -> AsyncIterator[dict[str, Any]]:
        following = pages(self._clients, place.account, place.region, "rds", operation, "Marker", MaxRecords=_PAGE)
        async for page in following:
            for record in page.get(name, ()):
                yield record


def _member(cluster: Mapping[str, Any], entry: Mapping[str, Any], instance: Mapping[str, Any]) -> DbMember:
    created = instance.get("InstanceCreateTime")
    return DbMember(
        cluster=cluster["DBClusterIdentifier"],
        id=entry["DBInstanceIdentifier"],
        writer=bool(entry.get("IsClusterWriter")),
        tier=int(entry.get("PromotionTier") or 0),
        instance_class=instance.get("DBInstanceClass", ""),
        zone=instance.get("AvailabilityZone", ""),
        status=instance.get("DBInstanceStatus", "available"),
        insights=bool(instance.get("PerformanceInsightsEnabled")),
        created=int(epoch(created)) if created else 0,
        tags=Labels([(tag["Key"], tag.get("Value", "")) for tag in cluster.get("TagList", ())]),
    )


def _pending(record: Mapping[str, Any]) -> list[Pending]:
    resource = str(record.get("ResourceIdentifier", "")).rpartition(":")[2]
    return [
        Pending(resource, str(detail.get("Action", "")), _date(detail))
        for detail in record.get("PendingMaintenanceActionDetails", ())
    ]


def _date(detail: Mapping[str, Any]) -> str:
    """The day on which it happens by itself; empty while nobody forces it."""
    days = [detail[name] for name in ("AutoAppliedAfterDate", "ForcedApplyDate", "CurrentApplyDate") if name in detail]
    return f"{min(days):%Y-%m-%d}" if days else ""
