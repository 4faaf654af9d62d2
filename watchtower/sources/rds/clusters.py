"""Clusters as the inventory knows them, and since when each reader counts: pure.

A reader that is new has caches to warm and pools to fill; after a failover every pool opens its connections anew.
Neither is an imbalance that anybody could mend, so both wait out a grace period.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchtower.inventory.databases import DbMember


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster with its members, by name."""

    name: str
    members: tuple[DbMember, ...]

    @property
    def writer(self) -> DbMember | None:
        """The one that writes; nobody for moments of a failover."""
        return next((member for member in self.members if member.writer), None)

    @property
    def readers(self) -> tuple[DbMember, ...]:
        """Those that only read and can carry load."""
        return tuple(member for member in self.members if not member.writer and member.serving)


def clusters_of(members: Iterable[DbMember]) -> dict[str, Cluster]:
    """The members by their cluster."""
    grouped: defaultdict[str, list[DbMember]] = defaultdict(list)
    for member in sorted(members, key=lambda member: (member.cluster, member.id)):
        grouped[member.cluster].append(member)
    return {name: Cluster(name, tuple(group)) for name, group in grouped.items()}


@dataclass(frozen=True, slots=True)
class Standing:
    """Who wrote last, and since when (epoch seconds) each reader has been what it is."""

    writer: str
    since: Mapping[str, int]


def standing(before: Standing | None, cluster: Cluster, now: int) -> Standing:
    """The standing now.

    1. A cluster that was never seen: readers are as old as the inventory says.
    2. Another writer than before is a failover: every reader begins anew.
    3. Else readers keep their age; those that were not there, or could carry nothing, begin anew.
    """
    writer = cluster.writer.id if cluster.writer else before.writer if before else ""
    if before is None:
        return Standing(writer, {reader.id: reader.created for reader in cluster.readers})
    if writer != before.writer:
        return Standing(writer, {reader.id: now for reader in cluster.readers})
    return Standing(writer, {reader.id: before.since.get(reader.id, now) for reader in cluster.readers})
