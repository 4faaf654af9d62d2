"""The clusters of a place at one poll: listed or remembered, and those that are gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.aws.config import label_of_tag
from watchtower.errors import SourceError
from watchtower.model import Labels, Trouble
from watchtower.sources.rds.clusters import Cluster, clusters_of
from watchtower.sources.rds.memory import Memory, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.inventory.databases import DatabaseInventory, DbMember
    from watchtower.inventory.patterns import ValuePattern
    from watchtower.sources.base import Poll


@dataclass(frozen=True, slots=True)
class Census:
    """What is known of the clusters; ``fresh`` false: the newest listing failed, these are an earlier one's.

    ``gone`` are clusters that were there at the poll before and that a fresh listing does not have.
    """

    poll: Poll
    members: frozenset[DbMember]
    clusters: dict[str, Cluster]
    fresh: bool
    remembered: Memory
    troubles: tuple[Trouble, ...]
    gone: frozenset[str]

    def chosen(self, pattern: ValuePattern) -> list[Cluster]:
        """The clusters a rule asks for."""
        return [cluster for name, cluster in self.clusters.items() if pattern.matches(name)]

    def farewells(self, pattern: ValuePattern) -> tuple[Labels, ...]:
        """The identities of those it asked for that are gone."""
        return tuple(self.identity(name) for name in sorted(self.gone) if pattern.matches(name))

    def identity(self, cluster: str) -> Labels:
        """The identity labels of a cluster's alerts."""
        unit = self.poll.unit
        return Labels([("account", unit.account), ("region", unit.region), ("cluster", cluster)])


async def take_census(inventory: DatabaseInventory, poll: Poll) -> Census:
    """Ask the inventory; raises SourceError when nothing was ever listed."""
    unit, remembered = poll.unit, decode(poll.memory)
    if remembered.members:
        inventory.seed(unit.account, unit.region, remembered.members)
    known = await inventory.members(unit.account, unit.region, poll.told_at)
    if known.items is None:
        raise SourceError(known.reason, known.detail)
    clusters = clusters_of(known.items)
    troubles = () if known.fresh else (Trouble(unit.source, unit.account, unit.region, known.reason, known.detail),)
    gone = remembered.clusters - set(clusters) if known.fresh else frozenset()
    return Census(poll, known.items, clusters, known.fresh, remembered, troubles, gone)


def context_of(cluster: Cluster, label_tags: Sequence[str]) -> Labels:
    """The labels that the cluster's tags bring."""
    tags = cluster.members[0].tags
    return Labels([(label_of_tag(key), tags[key]) for key in label_tags if key in tags])
