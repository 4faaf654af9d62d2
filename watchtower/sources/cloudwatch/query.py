"""What a rule writes under ``cloudwatch:``: a metric, or metric math over several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from watchtower.inventory.patterns import Pattern
from watchtower.inventory.tags import taggable
from watchtower.schema import Duration, Model
from watchtower.sources.base import Query
from watchtower.sources.cloudwatch.expression import METRIC_ID, check_expression
from watchtower.sources.cloudwatch.statistics import check_statistic

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    metrics: Annotated[dict[str, MetricQuery], Field(max_length=MAX_METRICS)] = Field(default_factory=dict)
    period: Period = 60.0
    tags: dict[str, Pattern] = Field(default_factory=dict)
    band: float | None = Field(default=None, gt=0)
    value: Literal["result"] = "result"

    @field_validator("metrics")
    @classmethod
    def _ids_start_lower_case(cls, metrics: dict[str, MetricQuery]) -> dict[str, MetricQuery]:
        for name in metrics:
            if not METRIC_ID.fullmatch(name):
                raise ValueError(
                    f"{name!r} cannot be a metric's id; it starts with a small letter and goes on with "
                    "letters, digits and underscores"
                )
        return metrics

    @model_validator(mode="after")
    def _one_form_of_two(self) -> CloudWatchQuery:
        if self.expression is not None or self.metrics:
            self._check_math()
        else:
            self._check_metric()
        self._check_tags()
        return self

    def _check_metric(self) -> None:
        for name in ("namespace", "metric", "statistic"):
            if getattr(self, name) is None:
                raise ValueError(f"`{name}` is missing (a query has namespace, metric and statistic, or an expression)")

    def _check_math(self) -> None:
        plain = [name for name in ("namespace", "metric", "statistic", "dimensions", "band") if getattr(self, name)]
        if plain == ["band"]:
            raise ValueError("`band` is for one metric; CloudWatch learns it from the metric's own past")
        if plain:
            raise ValueError(f"`{plain[0]}` and an expression exclude each other; it belongs under `metrics:`")
        if self.expression is None:
            raise ValueError("`metrics` needs an `expression` over them")
        if not self.metrics:
            raise ValueError("`expression` needs `metrics: {id: {namespace, metric, statistic}}` to read")
        check_expression(self.expression, frozenset(self.metrics))
        self._check_join()

    def _check_join(self) -> None:
        shapes = {member.open_names: name for name, member in self.metrics.items() if member.open_names}
        if len(shapes) > 1:
            (first, one), (second, other), *_ = shapes.items()
            raise ValueError(
                f"metrics join on equal dimensions, but {one!r} leaves {', '.join(first)} open and {other!r} "
                f"{', '.join(second)}; leave the same ones open, or give exact values"
            )

    def _check_tags(self) -> None:
        for namespace in self.namespaces if self.tags else ():
            if not taggable(namespace):
                raise ValueError(
                    f"`tags` cannot be used with {namespace}: how its dimensions name resources is unknown"
                )

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
