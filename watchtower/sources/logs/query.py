"""What a rule writes under ``logs:``: which log groups, and the metric filter whose metric is polled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from watchtower.inventory.patterns import Pattern, ValuePattern
from watchtower.logpattern import PatternError, compile_pattern, normalised
from watchtower.schema import Duration
from watchtower.sources.base import Query
from watchtower.yamlfile import told_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydantic_core import InitErrorDetails

    from watchtower.inventory.log_filters import MetricFilter

#: The longest period, in seconds: one day, as CloudWatch's own alarms.
LONGEST_PERIOD = 86_400
#: Lines that one page may carry.
MOST_EVIDENCE = 50
#: Characters of the name of a log group, and of a filter's.
_LONGEST_NAME = 512
#: What a name may be made of, with our wildcards and what these are escaped with, from the beginning.
_GLOB = re.compile(r"^(?:\\?[.\-_/#A-Za-z0-9]|[*?])*")


_NONE = ValuePattern(())


def _period(seconds: float) -> float:
    if seconds >= 60 and seconds % 60 == 0 and seconds <= LONGEST_PERIOD:
        return seconds
    raise ValueError("a metric filter counts by the minute: a period is whole minutes, from 1m up to 1d")


def _filter_pattern(text: str) -> str:
    try:
        compile_pattern(text)
    except PatternError as error:
        raise ValueError(f"CloudWatch would refuse the pattern at its {error}") from None
    return text


def _log_group(pattern: ValuePattern) -> ValuePattern:
    """Refuse globs that no log group can fit; raises ValueError.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    """
    for glob in (*pattern.like, *pattern.unlike):
        end = _GLOB.findall(glob)[0]
        if len(end) < len(glob):
            made = "they are made of letters, digits and . - _ / #"
            raise ValueError(f"{glob!r} is no log group: {glob[len(end)]!r} stands in no name of one; {made}")
        if (length := len(re.sub(r"[*\\]", "", glob))) > _LONGEST_NAME:
            raise ValueError(f"a log group's name has at most {_LONGEST_NAME} characters, this one {length}")
    return pattern


def _filter_name(name: str) -> str:
    if ":" in name or "*" in name:
        raise ValueError(f"{name!r} is no metric filter: `:` and `*` stand in no name of one")
    return name


class LogsQuery(Query):
    """The sum of the metric that a log group's metric filter feeds; one series for each log group.

    ``period`` is in seconds. ``evidence`` is how many matching lines travel with an alert that fires.
    """

    source: ClassVar[str] = "logs"

    log_group: Annotated[Pattern, AfterValidator(_log_group)] | None = None
    pattern: Annotated[str, AfterValidator(_filter_pattern)] | None = None
    filter: Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME), AfterValidator(_filter_name)] | None = None
    period: Annotated[Duration, AfterValidator(_period)] = 60.0
    evidence: int = Field(default=10, ge=0, le=MOST_EVIDENCE)

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        """What the keys of a query ask of each other."""
        if self.log_group is None and "log_group" not in unread:
            yield told_at((), "`log_group` is missing: a name, or a glob like /ecs/*")
        if self.pattern is not None and self.filter is not None:
            yield told_at(("filter",), "`filter` and `pattern` exclude each other: both find the metric filter")
        if self.pattern is None and self.filter is None and not {"pattern", "filter"} & set(unread):
            yield told_at((), "`pattern` or `filter` is missing: one of them finds the metric filter")

    @property
    def groups(self) -> ValuePattern:
        """The log groups it looks at."""
        return self.log_group or _NONE

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Where its metric is: any namespace of one's own, which are all published alike."""
        return ("LogMetrics",)

    def means(self, found: MetricFilter) -> bool:
        """Whether this is the filter: by its name, or by its pattern, however that is spaced."""
        if self.pattern is None:
            return found.name == self.filter
        return normalised(found.pattern) == normalised(self.pattern)
