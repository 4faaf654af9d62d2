"""A rule as the pipeline uses it: parsed once at load, frozen afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.model import Priority
    from watchtower.rulebook.conditions import Condition
    from watchtower.templates import Template


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


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule.

    ``levels`` are most urgent first. ``period`` is in seconds; ``slots`` is the evaluation range in datapoints
    (``evaluation_range``, by default N + 2 of the longest N). ``labels`` includes the group's. ``query`` is the
    source's own model. ``line`` is where ``- alert:`` stands.
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
