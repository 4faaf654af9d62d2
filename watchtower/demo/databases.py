"""The estate's databases: instances, the clusters that join them, and the failovers that change who writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Database:
    """One instance; ``cluster`` is empty where it stands alone, ``pending`` names the maintenance that waits for it.

    ``created`` is in seconds after the estate's start, negative for what was there before; it is listed from then on,
    until it is taken away at ``until``.
    """

    id: str
    cluster: str = ""
    instance_class: str = "db.r6g.large"
    zone: str = "eu-west-1a"
    tier: int = 1
    insights: bool = False
    created: float = -86_400.0
    pending: tuple[str, ...] = ()
    until: float = float("inf")


@dataclass(frozen=True, slots=True)
class DatabaseCluster:
    """A cluster: ``writer`` writes until a failover; ``tags`` are its own."""

    id: str
    writer: str
    engine: str = "aurora-mysql"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failover:
    """At ``at`` seconds after the estate's start another member of the cluster becomes the writer."""

    cluster: str
    writer: str
    at: float


@dataclass(frozen=True, slots=True)
class Databases:
    """All databases of one account and region."""

    clusters: tuple[DatabaseCluster, ...] = ()
    instances: tuple[Database, ...] = ()
    failovers: tuple[Failover, ...] = ()

    def there(self, since: float) -> list[Database]:
        """The instances that exist so many seconds after the estate's start."""
        return [one for one in self.instances if one.created <= since < one.until]

    def writer(self, cluster: DatabaseCluster, since: float) -> str:
        """Who writes then: after the newest failover, else as it began."""
        past = [one for one in self.failovers if one.cluster == cluster.id and one.at <= since]
        return max(past, key=lambda one: one.at).writer if past else cluster.writer
