"""What a poll must know before it can ask: listed series, tags, the account's number, and what was remembered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.inventory.discovery import MetricKey
from watchtower.inventory.tags import taggable
from watchtower.model import Trouble
from watchtower.sources.base import Place
from watchtower.sources.cloudwatch.join import listed_names
from watchtower.sources.cloudwatch.memory import Memory, decode
from watchtower.sources.cloudwatch.plan import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchtower.aws.clients import AwsClients
    from watchtower.inventory.discovery import Discovery, MetricDiscovery
    from watchtower.inventory.tags import Tagging, TagInventory
    from watchtower.model import TroubleReason
    from watchtower.sources.base import Poll
    from watchtower.sources.cloudwatch.query import CloudWatchQuery, MetricQuery


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything an ask is expanded from; ``taggings`` holds the namespaces whose tags somebody wants."""

    place: Place
    account_id: str | None
    listed: Mapping[MetricKey, Discovery]
    taggings: Mapping[str, Tagging]
    remembered: Memory

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What could not be listed, once per cause."""
        listed = [(found.reason, found.detail) for found in self.listed.values() if not found.fresh]
        tagged = [(found.reason, found.detail) for found in self.taggings.values() if not found.fresh]
        return tuple(dict.fromkeys(trouble(self.place, *cause) for cause in listed + tagged))


def trouble(place: Place, reason: TroubleReason, detail: str) -> Trouble:
    """A trouble of this source at a place."""
    return Trouble(NAME, place.account, place.region, reason, detail)


def metric_key(place: Place, member: MetricQuery) -> MetricKey:
    """Where the series of a metric are listed."""
    return MetricKey(place.account, place.region, member.namespace, member.metric, listed_names(member))


class FactFinder:
    """Gathers the facts of a poll, everything at once."""

    def __init__(
        self, clients: AwsClients, discovery: MetricDiscovery, tags: TagInventory, *, wants_labels: bool
    ) -> None:
        self._clients = clients
        self._discovery = discovery
        self._tags = tags
        self._wants_labels = wants_labels
        self._seeded: set[str] = set()

    async def find(self, poll: Poll) -> Facts:
        """The facts of a poll; listings that failed are in them, nothing is raised."""
        place = Place(poll.unit.account, poll.unit.region)
        queries: list[CloudWatchQuery] = [ask.query for ask in poll.unit.asks]
        remembered = self._remembered(poll, place, tagged=any(query.tags for query in queries))
        keys = list(dict.fromkeys(key for query in queries for key in open_keys(place, query)))
        namespaces = sorted({name for query in queries for name in self._tagged_namespaces(query)})
        listed, taggings, account_id = await asyncio.gather(
            asyncio.gather(*(self._discovery.series(key) for key in keys)),
            asyncio.gather(*(self._tags.tagging(place.account, place.region, name) for name in namespaces)),
            self._clients.account_id(place.account),
        )
        return Facts(
            place,
            account_id,
            dict(zip(keys, listed, strict=True)),
            dict(zip(namespaces, taggings, strict=True)),
            remembered,
        )

    def _remembered(self, poll: Poll, place: Place, *, tagged: bool) -> Memory:
        """The memory, read at a unit's first poll; later its listings are known better, and only tags need it."""
        if poll.unit.id in self._seeded and not tagged:
            return Memory()
        remembered = decode(poll.memory, place.account, place.region)
        self._seeded.add(poll.unit.id)
        for key, series in remembered.listed.items():
            self._discovery.seed(key, series)
        return remembered

    def _tagged_namespaces(self, query: CloudWatchQuery) -> Iterable[str]:
        wanted = bool(query.tags) or self._wants_labels
        return [name for name in query.namespaces if wanted and taggable(name)]


def open_keys(place: Place, query: CloudWatchQuery) -> list[MetricKey]:
    """What must be listed for a query: the metrics that leave a dimension open."""
    return [metric_key(place, member) for member in query.members.values() if member.open_names]
