"""What rules write under ``rds_balance:`` and ``rds_topology:``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from watchtower.durations import format_duration
from watchtower.inventory.patterns import Pattern, parse_pattern
from watchtower.schema import Duration
from watchtower.sources.balance.score import Value
from watchtower.sources.base import Query
from watchtower.sources.cloudwatch.query import LONGEST_PERIOD

Measure = Literal["CPUUtilization", "DatabaseConnections", "DBLoad"]

_ALL = parse_pattern(["*"])


def _whole_minutes(seconds: float) -> float:
    if 60 <= seconds <= LONGEST_PERIOD and seconds % 60 == 0:
        return seconds
    raise ValueError(f"{format_duration(seconds)} is no period of RDS; it publishes whole minutes, up to 1d")


Period = Annotated[Duration, AfterValidator(_whole_minutes)]


class RdsBalanceQuery(Query):
    """The readers of each cluster, weighed against each other by one measure. Times are in seconds."""

    source: ClassVar[str] = "rds_balance"

    clusters: Pattern = _ALL
    readers: Pattern = _ALL
    measure: Measure = "CPUUtilization"
    value: Value = "excess"
    period: Period = 60.0
    grace: Annotated[Duration, Field(ge=0)] = 600.0

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where its metrics are."""
        return ("AWS/RDS",)


class RdsTopologyQuery(Query):
    """How each cluster is built: the number of its faults."""

    source: ClassVar[str] = "rds_topology"

    clusters: Pattern = _ALL
    value: Literal["faults"] = "faults"
    period: Period = 300.0

    @property
    def namespaces(self) -> tuple[str, ...]:
        """It reads no metrics."""
        return ()
