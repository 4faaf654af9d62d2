"""What a rule writes under ``cloudwatch:``: a metric, or metric math over several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from watchtower.inventory.arns import misspelt
from watchtower.inventory.patterns import Pattern
from watchtower.inventory.tags import taggable
from watchtower.schema import Duration, Model
from watchtower.sources.base import Query
from watchtower.sources.cloudwatch.expression import METRIC_ID, expression_faults
from watchtower.sources.cloudwatch.statistics import check_statistic
from watchtower.yamlfile import told_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pydantic_core import InitErrorDetails

#: Periods below a minute that CloudWatch takes, in seconds
#: (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html).
SHORT_PERIODS = (1, 5, 10, 20, 30)
#: The longest period we ask for, in seconds: one day, as CloudWatch's own alarms.
LONGEST_PERIOD = 86_400
#: Dimensions a CloudWatch metric can have.
MAX_DIMENSIONS = 30
#: Metrics in one expression; far below the 500 queries of a call that has to carry them together.
MAX_METRICS = 50


def _period(seconds: float) -> float:
    minutes = seconds >= 60 and seconds % 60 == 0 and seconds <= LONGEST_PERIOD
    if seconds in SHORT_PERIODS or minutes:
        return seconds
    raise ValueError("CloudWatch has periods of 1s, 5s, 10s, 20s, 30s and whole minutes up to 1d")


Period = Annotated[Duration, AfterValidator(_period)]
Statistic = Annotated[str, AfterValidator(check_statistic)]
Namespace = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^:]")]
MetricName = Annotated[str, Field(min_length=1, max_length=255)]
Dimensions = Annotated[dict[str, Pattern], Field(max_length=MAX_DIMENSIONS)]


def _metric_id(name: str) -> str:
    if not METRIC_ID.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be a metric's id; it starts with a small letter and goes on with "
            "letters, digits and underscores"
        )
    return name


MetricId = Annotated[str, AfterValidator(_metric_id)]


class MetricQuery(Model):
    """One metric of an expression: a statistic of the series that have exactly these dimensions."""

    namespace: Namespace
    metric: MetricName
    statistic: Statistic
    dimensions: Dimensions = Field(default_factory=dict)

    @property
    def exact(self) -> dict[str, str]:
        """The dimensions whose value is known without asking."""
        found = {name: pattern.exact for name, pattern in self.dimensions.items()}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def open_names(self) -> tuple[str, ...]:
        """The dimensions whose values discovery must find, in order of their names."""
        return tuple(sorted(set(self.dimensions) - set(self.exact)))


class CloudWatchQuery(Query):
    """A metric of CloudWatch, or metric math over several; one series per set of dimensions.

    ``period`` is in seconds. ``band`` is the width of CloudWatch's anomaly band in standard deviations.
    """

    source: ClassVar[str] = "cloudwatch"

    namespace: Namespace | None = None
    metric: MetricName | None = None
    statistic: Statistic | None = None
    dimensions: Dimensions = Field(default_factory=dict)
    expression: str | None = None
    metrics: Annotated[dict[MetricId, MetricQuery], Field(max_length=MAX_METRICS)] = Field(default_factory=dict)
    period: Period = 60.0
    tags: dict[str, Pattern] = Field(default_factory=dict)
    band: float | None = Field(default=None, gt=0)
    value: Literal["result"] = "result"

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        """What the keys of a query ask of each other."""
        if self.expression is not None or self.metrics or {"expression", "metrics"} & set(unread):
            yield from self._math_faults(unread)
        else:
            yield from self._metric_faults(unread)
        yield from _dimension_faults((), self.namespace, self.dimensions)
        for name, member in self.metrics.items():
            yield from _dimension_faults(("metrics", name), member.namespace, member.dimensions)
        yield from self._tag_faults()

    def _metric_faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        for name in ("namespace", "metric", "statistic"):
            if getattr(self, name) is None and name not in unread:
                message = f"`{name}` is missing (a query has namespace, metric and statistic, or an expression)"
                yield told_at((), message)

    def _math_faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        for name in (name for name in ("namespace", "metric", "statistic", "dimensions") if getattr(self, name)):
            yield told_at((name,), f"`{name}` and an expression exclude each other; it belongs under `metrics:`")
        if self.band:
            yield told_at(("band",), "`band` is for one metric; CloudWatch learns it from the metric's own past")
        if self.expression is None and "expression" not in unread:
            yield told_at((), "`metrics` needs an `expression` over them")
        if not self.metrics and "metrics" not in unread:
            yield told_at((), "`expression` needs `metrics: {id: {namespace, metric, statistic}}` to read")
        if self.expression is not None:
            declared = frozenset(self.metrics) if self.metrics and "metrics" not in unread else None
            for message in expression_faults(self.expression, declared):
                yield told_at(("expression",), message)
        yield from self._join_faults()

    def _join_faults(self) -> Iterator[InitErrorDetails]:
        shapes = {member.open_names: name for name, member in self.metrics.items() if member.open_names}
        if len(shapes) > 1:
            (first, one), (second, other), *_ = shapes.items()
            message = (
                f"metrics join on equal dimensions, but {one!r} leaves {', '.join(first)} open and {other!r} "
                f"{', '.join(second)}; leave the same ones open, or give exact values"
            )
            yield told_at(("metrics",), message)

    def _tag_faults(self) -> Iterator[InitErrorDetails]:
        asked = {self.namespace, *(member.namespace for member in self.metrics.values())}
        for namespace in sorted(filter(None, asked)) if self.tags else ():
            if not taggable(namespace):
                message = f"`tags` cannot be used with {namespace}: how its dimensions name resources is unknown"
                yield told_at(("tags",), message)

    @property
    def members(self) -> Mapping[str, MetricQuery]:
        """The metrics of the expression by id; of a plain query, itself under ``m``."""
        if self.metrics:
            return self.metrics
        plain = self.model_dump(include={"namespace", "metric", "statistic"}) | {"dimensions": self.dimensions}
        return {"m": MetricQuery.model_construct(**plain)}

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces it reads, each once, in order."""
        return tuple(sorted({member.namespace for member in self.members.values()}))


def _dimension_faults(
    loc: tuple[str, ...], namespace: str | None, dimensions: Collection[str]
) -> Iterator[InitErrorDetails]:
    for name in dimensions:
        hint = misspelt(namespace or "", name)
        if hint:
            yield told_at((*loc, "dimensions", name), f"{namespace} has no dimension `{name}`{hint}")
