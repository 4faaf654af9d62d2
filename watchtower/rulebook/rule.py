"""A rule as the pipeline uses it: parsed once at load, frozen afterwards."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchtower.matchers import Matcher
    from watchtower.model import Priority
    from watchtower.rulebook.conditions import Condition
    from watchtower.sources.uptime.query import SloModel
    from watchtower.templates import Template


#: Labels every alert carries by itself.
AUTOMATIC = frozenset({"alert", "alertname", "group", "source", "priority", "environment"})


class Missing(StrEnum):
    """CloudWatch's four treatments of missing data."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


@dataclass(frozen=True, slots=True)
class Level:
    """One priority's own alarm over the shared query: M (``needed``) of N (``of``) datapoints."""

    priority: Priority
    condition: Condition
    needed: int
    of: int
    labels: Mapping[str, Template]


@dataclass(frozen=True, slots=True)
class Recover:
    """What must hold before a firing alert is OK; ``condition`` None: no level's condition holds."""

    condition: Condition | None
    needed: int
    of: int


class Farewell(StrEnum):
    """What becomes of the alert of a series that is no longer there."""

    HOLD = "hold"
    RESOLVE = "resolve"
    FIRE = "fire"


@dataclass(frozen=True, slots=True)
class Vanished:
    """``do`` it once a series was absent from ``after`` complete answers in a row."""

    after: int = 2
    do: Farewell = Farewell.HOLD


@dataclass(frozen=True, slots=True)
class Flapping:
    """Per cent of change at which an alert begins (``high``) and ceases (``low``) to flap."""

    high: float = 30.0
    low: float = 20.0


@dataclass(frozen=True, slots=True)
class Override:
    """Other levels for the series whose labels all ``matchers`` accept; ``levels`` stand in place of the rule's."""

    matchers: tuple[Matcher, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Peak:
    """A named event, and what the rule is from its ``start`` until its ``end``, which is exclusive."""

    name: str
    start: datetime
    end: datetime
    rule: Rule


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule.

    ``levels`` are most urgent first. ``period`` is in seconds; ``slots`` is the evaluation range in datapoints
    (``evaluation_range``, by default N + 2 of the longest N). ``labels`` includes the group's. ``query`` is the
    source's own model. ``line`` is where ``- alert:`` stands. ``step`` is the seconds between two evaluations (0: a
    period). ``max_page_age`` is in seconds: what breached longer ago pages nobody. Of ``overrides`` the first that
    matches a series counts.
    """

    name: str
    group: str
    source: str
    query: Any
    period: int
    levels: tuple[Level, ...]
    missing: Missing
    recover: Recover | None
    slots: int
    labels: Mapping[str, Template]
    annotations: Mapping[str, Template]
    summary: Template | None
    runbook: Template | None
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    enabled: bool
    notify: bool
    file: str
    line: int
    step: int = 0
    max_page_age: float = math.inf
    overrides: tuple[Override, ...] = ()
    vanished: Vanished = Vanished()
    flapping: Flapping | None = None
    expect_series: int | None = None
    slo: SloModel | None = None
    peaks: tuple[Peak, ...] = ()

    @property
    def every(self) -> int:
        """Seconds between two evaluations."""
        return self.step or self.period
