"""What a rule writes under ``balance:``: one metric, and which of its series are peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from watchtower.inventory.arns import misspelt
from watchtower.inventory.patterns import Pattern
from watchtower.inventory.tags import taggable
from watchtower.sources.balance.score import Value
from watchtower.sources.base import Query
from watchtower.sources.cloudwatch.query import (
    CloudWatchQuery,
    Dimensions,
    MetricName,
    Namespace,
    Period,
    Statistic,
)
from watchtower.yamlfile import did_you_mean, told_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydantic_core import InitErrorDetails

#: ``k`` where the rule says nothing: of a percentage, and of anything that is counted.
K_PERCENT, K_COUNT = 10.0, 20.0


class BalanceQuery(Query):
    """Series with equal values of the dimensions in ``by`` are peers; the other dimensions tell them apart.

    ``period`` is in seconds, ``k`` in the unit of the metric.
    """

    source: ClassVar[str] = "balance"

    namespace: Namespace | None = None
    metric: MetricName | None = None
    statistic: Statistic | None = None
    dimensions: Dimensions = Field(default_factory=dict)
    tags: dict[str, Pattern] = Field(default_factory=dict)
    by: tuple[str, ...] = ()
    member: str | None = None
    value: Value = "excess"
    k: Annotated[float, Field(gt=0)] | None = None
    period: Period = 60.0

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        """What the keys ask of each other."""
        for name in ("namespace", "metric", "statistic", "dimensions"):
            if not getattr(self, name) and name not in unread:
                yield told_at((), f"`{name}` is missing (peers are the series of one metric)")
        for name in self.dimensions:
            if hint := misspelt(self.namespace or "", name):
                yield told_at(("dimensions", name), f"{self.namespace} has no dimension `{name}`{hint}")
        if self.tags and self.namespace and not taggable(self.namespace):
            message = f"`tags` cannot be used with {self.namespace}: how its dimensions name resources is unknown"
            yield told_at(("tags",), message)
        if self.dimensions and not {"dimensions", "by"} & set(unread):
            yield from self._peer_faults(unread)

    def _peer_faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        for number, name in enumerate(self.by):
            if name not in self.dimensions:
                yield told_at(("by", number), f"`{name}` is no dimension of this metric{self._hint(name)}")
        if not self._telling:
            yield told_at(
                ("dimensions",), "nothing tells the members apart: leave a dimension open that is not in `by`"
            )
        elif self.member is not None and "member" not in unread and self.member not in self._telling:
            message = f"`{self.member}` does not tell members apart{self._hint(self.member)}"
            yield told_at(("member",), message)

    def _hint(self, name: str) -> str:
        return did_you_mean(name, list(self.dimensions))

    @property
    def _telling(self) -> tuple[str, ...]:
        """The dimensions that tell members apart."""
        opened = (name for name, pattern in self.dimensions.items() if pattern.exact is None)
        return tuple(name for name in opened if name not in self.by)

    @property
    def member_names(self) -> tuple[str, ...]:
        """The dimensions whose values name a member."""
        return self._telling if self.member is None else (self.member,)

    @property
    def damping(self) -> float:
        """``k``, given or by the kind of the metric."""
        if self.k is not None:
            return self.k
        name = (self.metric or "").lower()
        return K_PERCENT if "utilization" in name or "percent" in name else K_COUNT

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where its metric is."""
        return (self.namespace or "",)

    @property
    def metric_query(self) -> CloudWatchQuery:
        """The series of all members."""
        return CloudWatchQuery.model_construct(
            namespace=self.namespace,
            metric=self.metric,
            statistic=self.statistic,
            dimensions=self.dimensions,
            period=self.period,
            tags=self.tags,
        )
