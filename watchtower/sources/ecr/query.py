"""What a rule writes under ``ecr:``: which images, and what of their scans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from watchtower.durations import format_duration
from watchtower.inventory.patterns import Pattern, parse_pattern
from watchtower.schema import Duration, Model
from watchtower.sources.base import Query
from watchtower.sources.vulnerabilities.finding import Severity
from watchtower.yamlfile import did_you_mean, told_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydantic_core import InitErrorDetails

#: The longest period, in seconds: one day.
LONGEST_PERIOD = 86_400

_ALL = parse_pattern(["*"])


def whole_minutes(seconds: float) -> float:
    """A period of scans, in seconds; raises ValueError."""
    if 60 <= seconds <= LONGEST_PERIOD and seconds % 60 == 0:
        return seconds
    raise ValueError(f"{format_duration(seconds)} is no period of scans; give whole minutes, up to 1d")


#: How often scans are looked at, in seconds.
ScanPeriod = Annotated[Duration, AfterValidator(whole_minutes)]
Severities = Annotated[tuple[Severity, ...], Field(min_length=1)]


class Tagged(Model):
    """Images by their tags, each tag a series of its own."""

    tags: Pattern


def _images(value: object) -> object:
    if value in ("latest", "in_use") or isinstance(value, Mapping | Tagged):
        return value
    hint = did_you_mean(value, ("latest", "in_use")) if isinstance(value, str) else ""
    raise ValueError(f"{value!r} chooses no images{hint}; write latest, in_use or {{tags: [globs]}}")


class EcrQuery(Query):
    """How many findings the chosen images of each repository have, or how many of them have no scan."""

    source: ClassVar[str] = "ecr"

    repositories: Pattern = _ALL
    images: Annotated[Literal["latest", "in_use"] | Tagged, BeforeValidator(_images)] = "latest"
    severity: Severities = ("CRITICAL", "HIGH")
    value: Literal["findings", "unscanned"] = "findings"
    period: ScanPeriod = 900.0

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        """What the keys of a query ask of each other."""
        if self.value == "unscanned" and "value" not in unread and "severity" in self.model_fields_set:
            yield told_at(("severity",), "an image without a scan has no severity; leave `severity` out")

    @property
    def tags(self) -> Any:
        """The tags it looks for; None where it chooses images otherwise."""
        return self.images.tags if isinstance(self.images, Tagged) else None

    @property
    def namespaces(self) -> tuple[str, ...]:
        """It reads no metrics."""
        return ()
