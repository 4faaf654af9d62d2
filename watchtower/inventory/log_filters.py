"""Which log groups and metric filters there are: DescribeLogGroups and DescribeMetricFilters, paged, paced, cached.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeMetricFilters.html
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.inventory.paging import pages
from watchtower.inventory.patterns import exact_value
from watchtower.inventory.steady import Known, Steady

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from watchtower.aws.clients import AwsClients
    from watchtower.clock import Clock
    from watchtower.inventory.patterns import ValuePattern

#: Records one page holds at most, of both calls.
_PAGE = 50
#: Seconds between two pages: DescribeMetricFilters may be called 5 times a second
#: (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html).
_PAUSE = 0.22


@dataclass(frozen=True, slots=True, order=True)
class MetricFilter:
    """A metric filter of a log group, and the metric it feeds; ``dimensions`` are the names of the metric's."""

    log_group: str
    name: str
    pattern: str
    namespace: str
    metric: str
    dimensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupsKey:
    """The log groups of an account and region whose names begin with ``prefix``."""

    account: str
    region: str
    prefix: str


FiltersKey = tuple[str, str]


class LogInventory:
    """Lists log groups and their filters, each once per ``interval`` seconds, however many rules ask."""

    def __init__(self, clients: AwsClients, clock: Clock, interval: float) -> None:
        self._clients = clients
        self._clock = clock
        self._groups: Steady[GroupsKey, str] = Steady(self._list_groups, clock, interval)
        self._filters: Steady[FiltersKey, MetricFilter] = Steady(self._list_filters, clock, interval)

    async def groups(self, account: str, region: str, wanted: ValuePattern) -> Known[str]:
        """The names of the log groups that fit; what is named exactly is not asked for. Never raises."""
        if wanted.exact is not None:
            return Known(frozenset({wanted.exact}), True)
        keys = [GroupsKey(account, region, prefix) for prefix in sorted(set(map(literal_prefix, wanted.like)))]
        return _together(await asyncio.gather(*map(self._groups.get, keys)), wanted)

    async def filters(self, account: str, region: str) -> Known[MetricFilter]:
        """Every metric filter of an account and region; the old ones, flagged, when the listing failed."""
        return await self._filters.get((account, region))

    def seed(self, account: str, region: str, filters: Iterable[MetricFilter]) -> None:
        """Filters that an earlier process found; used until the first listing succeeds."""
        self._filters.seed((account, region), frozenset(filters))

    async def _list_groups(self, key: GroupsKey) -> frozenset[str]:
        narrowed = {"logGroupNamePrefix": key.prefix} if key.prefix else {}
        found = self._pages(key.account, key.region, "describe_log_groups", **narrowed)
        return frozenset([group["logGroupName"] async for page in found for group in page["logGroups"]])

    async def _list_filters(self, key: FiltersKey) -> frozenset[MetricFilter]:
        found = self._pages(*key, "describe_metric_filters")
        return frozenset([_filter(one) async for page in found for one in page["metricFilters"]])

    async def _pages(self, account: str, region: str, operation: str, **request: Any) -> AsyncIterator[dict[str, Any]]:
        async for page in pages(self._clients, account, region, "logs", operation, "nextToken", limit=_PAGE, **request):
            yield page
            if page.get("nextToken"):
                await self._clock.sleep(_PAUSE)


def literal_prefix(glob: str) -> str:
    """What every name that fits a glob begins with."""
    exact = exact_value(glob)
    if exact is not None:
        return exact
    end = min(glob.find(special) for special in "*?\\" if special in glob)
    return glob[:end]


def _together(parts: Iterable[Known[str]], wanted: ValuePattern) -> Known[str]:
    parts = list(parts)
    listed = [part.items for part in parts if part.items is not None]
    items = frozenset(name for names in listed for name in names if wanted.matches(name))
    stale = next((part for part in parts if not part.fresh), None)
    if stale is None:
        return Known(items, True)
    return Known(items if listed else None, False, stale.detail, stale.reason)


def _filter(found: dict[str, Any]) -> MetricFilter:
    transformation = (found.get("metricTransformations") or [{}])[0]
    return MetricFilter(
        found["logGroupName"],
        found["filterName"],
        found.get("filterPattern", ""),
        transformation.get("metricNamespace", ""),
        transformation.get("metricName", ""),
        tuple(sorted(transformation.get("dimensions") or ())),
    )
