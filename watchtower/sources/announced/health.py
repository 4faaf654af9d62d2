"""``health``: what AWS Health tells an account, where its support plan lets it be asked.

https://docs.aws.amazon.com/health/latest/APIReference/API_DescribeEvents.html
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import structlog

from watchtower.aws.errors import NotSubscribed
from watchtower.inventory.paging import pages
from watchtower.inventory.patterns import Pattern
from watchtower.model import Labels
from watchtower.sources.announced.query import ALL, ResourceQuery
from watchtower.sources.snapshot import Look, Reader, Seen, Visit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AccountConfig
    from watchtower.inventory.patterns import ValuePattern
    from watchtower.sources.base import Ask

log = structlog.get_logger()

NAME = "health"

#: Where the API answers (https://docs.aws.amazon.com/health/latest/ug/health-api.html).
_HOME = "us-east-1"
#: Events one page holds at most.
_PAGE = 100
#: Lines of evidence.
_TOLD = 10

Category = Literal["issue", "scheduledChange", "accountNotification", "investigation"]


class HealthQuery(ResourceQuery):
    """The events of each AWS service that are open or to come."""

    source: ClassVar[str] = NAME

    services: Pattern = ALL
    categories: tuple[Category, ...] = ("issue", "scheduledChange")
    value: Literal["events"] = "events"

    @property
    def resources(self) -> ValuePattern:
        """The services."""
        return self.services


@dataclass(frozen=True, slots=True)
class HealthEvent:
    """One event that is not closed."""

    service: str
    kind: str
    category: str
    status: str
    starts: str
    arn: str

    def __str__(self) -> str:
        return f"{self.kind} ({self.category}, {self.status}{f', from {self.starts}' if self.starts else ''})"


class Health(Reader["tuple[HealthEvent, ...]"]):
    """Asks for the events of a region; see :class:`watchtower.sources.snapshot.Reader`."""

    def __init__(self, clients: AwsClients, accounts: Sequence[AccountConfig]) -> None:
        self._clients = clients
        self._homes = {account.name: account.regions[0] for account in accounts}
        self._told: set[str] = set()

    async def look(self, visit: Visit) -> Look[tuple[HealthEvent, ...]]:
        """The events of the region; those of no region belong to the account's first one."""
        regions = [visit.region, *(["global"] if self._homes.get(visit.account) == visit.region else [])]
        categories = sorted({category for query in visit.queries for category in query.categories})
        wanted = {"regions": regions, "eventStatusCodes": ["open", "upcoming"], "eventTypeCategories": categories}
        following = pages(
            self._clients, visit.account, _HOME, "health", "describe_events", "nextToken",
            filter=wanted, maxResults=_PAGE,
        )  # fmt: skip
        try:
            return Look(tuple([_event(record) async for page in following for record in page.get("events", ())]))
        except NotSubscribed:
            self._tell_once(visit.account)
            return Look((), complete=False)

    def judge(self, ask: Ask, facts: tuple[HealthEvent, ...], _now: int) -> Iterator[Seen]:
        """The number of events of each service."""
        query: HealthQuery = ask.query
        by_service: defaultdict[str, list[HealthEvent]] = defaultdict(list)
        for event in facts:
            if query.services.matches(event.service) and event.category in query.categories:
                by_service[event.service].append(event)
        for service, events in by_service.items():
            context = Labels({"kind": events[0].kind, "category": events[0].category})
            told = tuple(map(str, events[:_TOLD]))
            yield Seen(service, len(events), context, "; ".join(told), tuple(event.arn for event in events[:_TOLD]))

    def absent(self, query: Any, resource: str) -> Seen:  # noqa: ARG002
        """A service without events is well."""
        return Seen(resource, reason="no event is open")

    def _tell_once(self, account: str) -> None:
        if account not in self._told:
            self._told.add(account)
            log.info("health.not_subscribed", account=account)


def _event(record: Mapping[str, Any]) -> HealthEvent:
    starts = record.get("startTime")
    return HealthEvent(
        service=str(record.get("service", "")),
        kind=str(record.get("eventTypeCode", "")),
        category=str(record.get("eventTypeCategory", "")),
        status=str(record.get("statusCode", "")),
        starts=f"{starts:%Y-%m-%dT%H:%MZ}" if starts else "",
        arn=str(record.get("arn", "")),
    )
