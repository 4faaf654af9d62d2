"""What the rules about announcements have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from watchtower.durations import format_duration
from watchtower.inventory.patterns import ValuePattern, parse_pattern
from watchtower.schema import Duration
from watchtower.sources.base import Query

#: Seconds: the longest time between two looks.
_LONGEST_PERIOD = 86_400

ALL = parse_pattern(["*"])


def _whole_minutes(seconds: float) -> float:
    if 60 <= seconds <= _LONGEST_PERIOD and seconds % 60 == 0:
        return seconds
    raise ValueError(f"{format_duration(seconds)} is no time between two looks: whole minutes, from 1m to 1d")


#: Seconds between two looks.
Period = Annotated[Duration, AfterValidator(_whole_minutes)]
Grace = Annotated[Duration, Field(ge=0)]


class ResourceQuery(Query):
    """A value for each resource of a place. ``period`` is in seconds."""

    period: Period = 300.0

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where its metrics are; most of these sources read none."""
        return ()

    @property
    def resources(self) -> ValuePattern:
        """What the names of its resources look like, where they are themselves asked for."""
        return ALL

    @property
    def patience(self) -> float:
        """Seconds for which what is found is not yet counted."""
        return 0.0
