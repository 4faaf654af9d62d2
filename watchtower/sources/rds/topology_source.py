"""``rds_topology``: one value for each cluster and poll, the number of faults in how it is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.model import Answer, Observation, PollResult, Sample, Truth
from watchtower.sources.cloudwatch.naming import RULE_HELP, RULE_VALUE, rule_labels
from watchtower.sources.cloudwatch.plan import plan_units
from watchtower.sources.rds.census import Census, context_of, take_census
from watchtower.sources.rds.memory import Memory, Points, encode
from watchtower.sources.rds.topology import faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watchtower.aws.config import AwsConfig
    from watchtower.inventory.databases import DatabaseInventory
    from watchtower.model import Labels
    from watchtower.sources.base import Ask, Place, Poll, Unit
    from watchtower.sources.rds.clusters import Cluster
    from watchtower.sources.rds.query import RdsTopologyQuery

NAME = "rds_topology"

Found = tuple[str, ...]


class RdsTopologySource:
    """Judges how clusters are built; see :class:`watchtower.sources.base.Source`."""

    name = NAME

    def __init__(self, config: AwsConfig, inventory: DatabaseInventory) -> None:
        self._config = config
        self._inventory = inventory

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        """One unit per account, region and period; an inventory is published at once."""
        return plan_units(asks, places, self._config, NAME)

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """A cluster belongs to the unit of its account and region that has the rule."""
        return unit.covers(rule, identity)

    async def poll(self, poll: Poll) -> PollResult:
        """Count the faults; raises SourceError when the clusters were never listed.

        A listing that failed leaves every cluster unseen. Maintenance that may not be read is no fault, and no trouble.
        """
        census = await take_census(self._inventory, poll)
        pending = (await self._inventory.pending(poll.unit.account, poll.unit.region, poll.told_at)).items or ()
        found = {name: faults(cluster, pending) for name, cluster in census.clusters.items()}
        points = {name: _points(census, name, found[name]) for name in census.clusters}
        memory = encode(Memory(census.members, points=points))
        return PollResult(
            answers=tuple(_answer(census, ask, found, points, self._config.label_tags) for ask in poll.unit.asks),
            memory=memory if memory != poll.memory else None,
            troubles=census.troubles,
            samples=tuple(_samples(census, found)) if census.fresh else (),
        )

    async def close(self) -> None:
        """Nothing of its own: the clients belong to whoever made them."""


def _points(census: Census, cluster: str, found: Found) -> Points:
    """The counts of the newest slots, as many as any rule looks at; only what was seen is counted."""
    poll = census.poll
    newest = poll.tick - poll.unit.period
    first = poll.tick - max(ask.slots for ask in poll.unit.asks) * poll.unit.period
    kept = [point for point in census.remembered.points.get(cluster, ()) if first <= point[0] < newest]
    return (*kept, (newest, float(len(found)))) if census.fresh else tuple(kept)


def _answer(
    census: Census,
    ask: Ask,
    found: Mapping[str, Found],
    points: Mapping[str, Points],
    label_tags: Sequence[str],
) -> Answer:
    query: RdsTopologyQuery = ask.query
    observations = tuple(
        _observation(census, cluster, found[cluster.name], points[cluster.name], context_of(cluster, label_tags))
        for cluster in census.chosen(query.clusters)
    )
    return Answer(ask.rule, observations, census.fresh, census.farewells(query.clusters))


def _observation(census: Census, cluster: Cluster, found: Found, points: Points, context: Labels) -> Observation:
    identity = census.identity(cluster.name)
    if not census.fresh:
        return Observation(identity, (), Truth.NOT_FETCHED, context, census.troubles[0].detail)
    reason = "; ".join(found) or "no fault in how it is built"
    return Observation(identity, points, Truth.VALUE, context, reason, evidence=found)


def _samples(census: Census, found: Mapping[str, Found]) -> Iterator[Sample]:
    at = census.poll.tick - census.poll.unit.period
    for ask in census.poll.unit.asks:
        for cluster in census.chosen(ask.query.clusters):
            labels = rule_labels(ask.rule, census.identity(cluster.name))
            yield Sample("watchtower", RULE_VALUE, labels, float(len(found[cluster.name])), at, RULE_HELP)
