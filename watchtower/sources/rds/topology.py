"""What is wrong with how a cluster is built: pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchtower.inventory.databases import DbMember, Pending
    from watchtower.sources.rds.clusters import Cluster


def faults(cluster: Cluster, pending: Iterable[Pending]) -> tuple[str, ...]:
    """Each fault in words, in the order in which they matter."""
    return (*_failover_target(cluster), *_classes(cluster), *_zones(cluster), *_maintenance(cluster, pending))


def _failover_target(cluster: Cluster) -> Iterator[str]:
    """Aurora promotes the lowest tier, and within it the largest instance.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.AuroraHighAvailability.html
    """
    writer = cluster.writer
    heirs = sorted(cluster.readers, key=lambda one: (one.tier, -(one.size or 0.0), one.id))
    if writer is None or not heirs:
        return
    heir = heirs[0]
    if heir.size is not None and writer.size is not None and heir.size < writer.size:
        yield (
            f"a failover would promote {heir.id} ({heir.instance_class}, tier {heir.tier}), smaller than the writer "
            f"{writer.id} ({writer.instance_class})"
        )


def _classes(cluster: Cluster) -> Iterator[str]:
    classes = _by(cluster.members, "instance_class")
    if len(classes) > 1:
        yield f"instance classes differ: {'; '.join(f'{name} ({ids})' for name, ids in classes.items())}"


def _zones(cluster: Cluster) -> Iterator[str]:
    zones = _by(cluster.members, "zone")
    if len(zones) == 1 and len(cluster.members) > 1 and all(member.zone for member in cluster.members):
        yield f"all {len(cluster.members)} members are in {next(iter(zones))}"


def _by(members: Iterable[DbMember], what: str) -> dict[str, str]:
    """The members' names by one of their properties, those without it left out."""
    grouped: defaultdict[str, list[str]] = defaultdict(list)
    for member in members:
        if value := getattr(member, what):
            grouped[value].append(member.id)
    return {value: ", ".join(ids) for value, ids in sorted(grouped.items())}


def _maintenance(cluster: Cluster, pending: Iterable[Pending]) -> Iterator[str]:
    own = {cluster.name, *(member.id for member in cluster.members)}
    for each in sorted(pending, key=lambda one: (one.resource, one.action, one.when)):
        if each.resource in own:
            yield f"maintenance of {each.resource} is pending: {each.action}{f' by {each.when}' if each.when else ''}"
