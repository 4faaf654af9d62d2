"""The values that travel inside the CloudWatch source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.sources.cloudwatch.owners import NOBODY, Owners

if TYPE_CHECKING:
    from watchtower.model import Labels
    from watchtower.sources.base import Ask


@dataclass(frozen=True, slots=True)
class Stat:
    """A statistic of one CloudWatch metric; what one query of GetMetricData asks for."""

    namespace: str
    metric: str
    statistic: str
    dimensions: Labels

    @property
    def billed_as(self) -> tuple[str, str, Labels]:
        """The metric AWS bills: up to five statistics of it in one call are one."""
        return self.namespace, self.metric, self.dimensions


@dataclass(frozen=True, slots=True)
class Wanted:
    """One result we want: a statistic (``expression`` None, one stat), or an expression over stats by their ids.

    ``pair``: the expression gives two series, the lower and the upper end of a band.
    """

    stats: tuple[tuple[str, Stat], ...]
    expression: str | None = None
    pair: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One series of one rule; ``sample`` is its name and labels for the scrape, None for metric math.

    ``band`` is what gives the values that are expected of it, where the rule asks for that.
    """

    identity: Labels
    context: Labels
    wanted: Wanted
    sample: tuple[str, Labels] | None
    band: Wanted | None = None

    @property
    def wants(self) -> tuple[Wanted, ...]:
        """Every result the series is made of."""
        return (self.wanted,) if self.band is None else (self.wanted, self.band)


@dataclass(frozen=True, slots=True)
class Expansion:
    """The series of one ask, and the values of its open dimensions.

    ``complete`` false: some series may be missing, and none that is absent has vanished. ``gone`` are series that are
    listed but not asked for, because their resource does not exist any more.
    """

    ask: Ask
    values: tuple[tuple[str, ...], ...]
    series: tuple[Series, ...]
    complete: bool
    gone: tuple[Labels, ...] = ()
    owners: Owners = NOBODY
