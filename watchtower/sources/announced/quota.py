"""``quota``: how much of each service quota is used, as CloudWatch counts it under AWS/Usage.

https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping  # noqa: TC003 - a field's type
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from watchtower.errors import SourceError
from watchtower.inventory.paging import pages
from watchtower.inventory.patterns import Pattern
from watchtower.inventory.steady import Steady
from watchtower.model import Labels, Truth
from watchtower.sources.announced.query import ALL, ResourceQuery
from watchtower.sources.base import Place
from watchtower.sources.cloudwatch.answer import Polled
from watchtower.sources.cloudwatch.facts import Facts as MetricFacts
from watchtower.sources.cloudwatch.fetch import fetch_all
from watchtower.sources.cloudwatch.memory import Memory as NoListings
from watchtower.sources.cloudwatch.series import Expansion, Series, Stat, Wanted
from watchtower.sources.cloudwatch.truth import Seen as Fetched  # noqa: TC001 - a field's type
from watchtower.sources.snapshot import Look, Reader, Seen, Unseen, Visit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.clock import Clock
    from watchtower.sources.base import Ask

NAME = "quota"

#: Quotas one page holds at most, and seconds for which a listing is good: somebody must ask for more, and wait.
_PAGE, _LISTED_FOR = 100, 3600.0

#: What a quota that is a rate is counted in, in seconds.
_UNITS = {"MICROSECOND": 1e-6, "MILLISECOND": 1e-3, "SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}
_UNITS["WEEK"] = 7 * 86_400


class QuotaQuery(ResourceQuery):
    """The used share of each quota of some services, in per cent; ``quotas`` are codes or names."""

    source: ClassVar[str] = NAME

    services: tuple[str, ...] = Field(min_length=1)
    quotas: Pattern = ALL
    value: Literal["used_percent"] = "used_percent"

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where usage is counted."""
        return ("AWS/Usage",)


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota whose use is counted; ``per`` is the seconds of a quota that is a rate, 0 for one that is not."""

    service: str
    code: str
    name: str
    limit: float
    stat: Stat
    per: float

    @property
    def wanted(self) -> Wanted:
        """Its metric."""
        return Wanted((("m", self.stat),))


@dataclass(frozen=True, slots=True)
class Used:
    """The quotas of a place, and what CloudWatch answered of each."""

    quotas: tuple[Quota, ...]
    fetched: Mapping[Wanted, Fetched]


class Quotas(Reader[Used]):
    """Lists quotas once an hour and asks for their use; see :class:`watchtower.sources.snapshot.Reader`."""

    def __init__(self, clients: AwsClients, clock: Clock) -> None:
        self._clients = clients
        self._quotas: Steady[tuple[str, str, str], Quota] = Steady(self._list, clock, _LISTED_FOR)

    async def look(self, visit: Visit) -> Look[Used]:
        """The use of every quota that a rule asks for; raises SourceError when nothing is known."""
        services = sorted({service for query in visit.queries for service in query.services})
        listed = await asyncio.gather(*(self._quotas.get((visit.account, visit.region, name)) for name in services))
        quotas = tuple(sorted((q for one in listed for q in one.items or ()), key=lambda quota: quota.code))
        unseen = tuple(
            Unseen(SourceError(one.reason, one.detail), name)
            for name, one in zip(services, listed, strict=True)
            if not one.fresh
        )
        if unseen and not quotas:
            raise unseen[0].cause
        expansions = [_expansion(ask, quotas) for ask in visit.poll.unit.asks]
        facts = MetricFacts(Place(visit.account, visit.region), None, {}, {}, NoListings())
        polled = Polled(visit.poll, facts, expansions, await fetch_all(self._clients, visit.poll, expansions))
        polled.fail_if_nothing_succeeded()
        fetched = polled.seen()
        failed = tuple(SourceError(one.reason, one.detail) for one in polled.troubles(fetched.values()))
        return Look(Used(quotas, fetched), unseen=unseen, troubles=failed, billed=polled.billed())

    def lacks(self, query: QuotaQuery, unseen: Unseen) -> bool:
        """Each service has a listing of its own."""
        return unseen.part in query.services

    def judge(self, ask: Ask, facts: Used, _now: int) -> Iterator[Seen]:
        """The share of each quota in every slot."""
        for quota in _chosen(ask.query, facts.quotas):
            fetched = facts.fetched[quota.wanted]
            points = tuple((slot, used_percent(quota, used, ask.period)) for slot, used in fetched.points)
            context = Labels({"service": quota.service, "quota": quota.name})
            yield Seen(
                f"{quota.service}/{quota.code}",
                context=context,
                reason=fetched.reason or _told(quota, points, fetched.truth),
                points=points,
                truth=fetched.truth,
            )

    async def _list(self, key: tuple[str, str, str]) -> frozenset[Quota]:
        account, region, service = key
        following = pages(
            self._clients, account, region, "service-quotas", "list_service_quotas", "NextToken",
            ServiceCode=service, MaxResults=_PAGE,
        )  # fmt: skip
        found = [_quota(service, record) async for page in following for record in page.get("Quotas", ())]
        return frozenset(quota for quota in found if quota is not None)


def used_percent(quota: Quota, used: float, period: int) -> float:
    """Per cent of the quota; what was counted in a period of a rate is first brought to the rate's own time."""
    rate = used / period * quota.per if quota.per else used
    return 100.0 * rate / quota.limit


def _told(quota: Quota, points: Sequence[tuple[int, float]], truth: Truth) -> str:
    if truth is not Truth.VALUE or not points:
        return f"{quota.name}: AWS counts no use"
    return f"{quota.name}: {points[-1][1]:.3g} % of {quota.limit:g} used"


def _chosen(query: QuotaQuery, quotas: Sequence[Quota]) -> list[Quota]:
    wanted = [quota for quota in quotas if quota.service in query.services]
    return [quota for quota in wanted if query.quotas.matches(quota.code) or query.quotas.matches(quota.name)]


def _expansion(ask: Ask, quotas: Sequence[Quota]) -> Expansion:
    identities = [(Labels({"resource": f"{one.service}/{one.code}"}), one) for one in _chosen(ask.query, quotas)]
    return Expansion(ask, (), tuple(Series(name, Labels(), one.wanted, None) for name, one in identities), True)


def _quota(service: str, record: Mapping[str, Any]) -> Quota | None:
    """The quota; None for one whose use is not counted, or that is zero and cannot be used."""
    usage, limit, period = record.get("UsageMetric") or {}, float(record.get("Value") or 0.0), record.get("Period")
    if not usage.get("MetricName") or limit <= 0:
        return None
    statistic = usage.get("MetricStatisticRecommendation") or ("Sum" if period else "Maximum")
    stat = Stat(usage["MetricNamespace"], usage["MetricName"], statistic, Labels(usage.get("MetricDimensions", {})))
    per = float(period["PeriodValue"]) * _UNITS.get(period["PeriodUnit"], 1) if period else 0.0
    return Quota(service, record["QuotaCode"], record.get("QuotaName", ""), limit, stat, per)
