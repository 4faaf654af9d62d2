"""Which series a metric has: ListMetrics, paged and cached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.inventory.paging import pages
from watchtower.inventory.steady import Known, Steady

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.aws.clients import AwsClients
    from watchtower.clock import Clock

#: Dimension filters ListMetrics takes
#: (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html).
_MAX_FILTERS = 10


@dataclass(frozen=True, slots=True)
class MetricKey:
    """The series of one metric that have exactly the dimensions ``names`` (sorted)."""

    account: str
    region: str
    namespace: str
    metric: str
    names: tuple[str, ...]


#: The values of a series' dimensions, in the order of the key's names.
Values = tuple[str, ...]

#: What is known of a metric's series.
Discovery = Known[Values]


class MetricDiscovery:
    """Finds the series of metrics; every key is listed once per ``interval`` seconds, however many rules ask."""

    def __init__(self, clients: AwsClients, clock: Clock, interval: float) -> None:
        self._clients = clients
        self._known: Steady[MetricKey, Values] = Steady(self._list, clock, interval)

    async def series(self, key: MetricKey) -> Discovery:
        """The series of a key; the old ones, flagged, when the listing failed or suddenly halved. Never raises."""
        return await self._known.get(key)

    def seed(self, key: MetricKey, series: Iterable[Values]) -> None:
        """What an earlier process found; used until the first listing succeeds."""
        self._known.seed(key, frozenset(series))

    async def _list(self, key: MetricKey) -> frozenset[Values]:
        filters = [{"Name": name} for name in key.names[:_MAX_FILTERS]]
        request = {"Namespace": key.namespace, "MetricName": key.metric, "Dimensions": filters}
        found: set[Values] = set()
        async for page in pages(
            self._clients, key.account, key.region, "cloudwatch", "list_metrics", "NextToken", **request
        ):
            found.update(values for metric in page["Metrics"] if (values := _values(metric, key.names)))
        return frozenset(found)


def _values(metric: dict[str, Any], names: tuple[str, ...]) -> Values | None:
    """The values of exactly these dimensions; None for a metric that has others."""
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", ())}
    if dimensions.keys() != set(names):
        return None
    return tuple(dimensions[name] for name in names)
