"""The grammar of a rule file (design section 5).

Every key of a rule is optional here and what must be there is checked afterwards: then one faulty key does not hide
what is wrong with the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from watchtower.matchers import parse_matchers
from watchtower.rulebook.conditions import Condition
from watchtower.rulebook.rule import Farewell, Missing
from watchtower.schema import Duration, Model, OrOne, OrText
from watchtower.sources.announced.asg import AsgQuery
from watchtower.sources.announced.ec2_events import Ec2EventsQuery
from watchtower.sources.announced.ecs import EcsQuery
from watchtower.sources.announced.health import HealthQuery
from watchtower.sources.announced.quota import QuotaQuery
from watchtower.sources.announced.ses import SesQuery
from watchtower.sources.balance.query import BalanceQuery
from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.composite import CompositeQuery, Suppressor
from watchtower.sources.ecr.query import EcrQuery
from watchtower.sources.heartbeat.query import HeartbeatQuery
from watchtower.sources.inspector.query import InspectorQuery
from watchtower.sources.logs.query import LogsQuery
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.rds.query import RdsBalanceQuery, RdsTopologyQuery
from watchtower.sources.uptime.query import SloModel
from watchtower.templates import Template

#: Datapoints one evaluation may look at: a day of minutes. Memory and the scrape of a tick grow with it.
MAX_SLOTS = 1440

PriorityName = Literal["P1", "P2", "P3", "P4", "P5"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_DATAPOINTS = re.compile(r"\s*(\d{1,6})\s+of\s+(\d{1,6})\s*")


@dataclass(frozen=True, slots=True)
class Datapoints:
    """``needed`` (M) of the newest ``of`` (N) datapoints."""

    needed: int = 1
    of: int = 1

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read ``2 of 3``; raises ValueError."""
        found = _DATAPOINTS.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"{value!r} is not M of N datapoints; write it like `2 of 3`")
        needed, of = int(found[1]), int(found[2])
        if needed < 1:
            raise ValueError(f"`{value}` always holds; at least 1 datapoint must be needed")
        if needed > of:
            raise ValueError(f"`{value}` can never hold: {of} datapoints are looked at, {needed} needed")
        if of > MAX_SLOTS:
            raise ValueError(f"`{value}` looks at too many datapoints; {MAX_SLOTS} is the most")
        return cls(needed, of)


def _alert_name(value: str) -> str:
    if not _NAME.fullmatch(value) or len(value) > 200:
        raise ValueError(f"{value!r} is not an alert name; use a letter, then letters, digits and _ . : -")
    if value.startswith("Watchtower"):
        raise ValueError(f"{value!r}: names that begin with Watchtower belong to Watchtower's own alerts")
    return value


def _label_name(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise ValueError(f"{value!r} is not a label name; use letters, digits and _, not a digit first")
    return value


def _condition(value: object) -> Condition:
    if not isinstance(value, str):
        raise ValueError('a condition is text in quotes, like "> 80"')  # noqa: TRY004 - pydantic's way
    return Condition.parse(value)


def _level(value: object) -> object:
    return {"when": value} if isinstance(value, str) else value


def _level_or_refusal(value: object) -> object:
    if isinstance(value, str | Mapping):
        return _level(value)
    raise ValueError('a priority holds a condition in quotes, like "> 80", or {when, datapoints, labels}')


def _by_priority(value: object) -> object:
    if isinstance(value, Mapping):
        return value
    raise ValueError('`when` holds a condition per priority, like {P2: "> 80"}')


def _expression(value: object) -> object:
    return None if value is None else {"expression": value}


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None
    return name


def _several(value: object) -> object:
    """One event stands for a list of one."""
    return [value] if isinstance(value, Mapping) else value


def _matchers(value: str) -> str:
    parse_matchers([value])
    return value


AlertName = Annotated[str, AfterValidator(_alert_name)]
LabelName = Annotated[str, AfterValidator(_label_name)]
Templates = dict[LabelName, Template]
_CONDITION_SCHEMA = {
    "type": "string",
    "pattern": r"^\s*(([<>]|[<>=!]=)\s*[-+.\d]|(outside|above|below)\s|(down|no_data|ALARM)\s*$)",
    "examples": ["> 80", "<= 500ms", "outside 10..20", "above band", "down", "no_data", "ALARM"],
}
ConditionText = Annotated[Condition, PlainValidator(_condition), WithJsonSchema(_CONDITION_SCHEMA)]
DatapointsText = Annotated[
    Datapoints,
    PlainValidator(Datapoints.parse),
    WithJsonSchema({"type": "string", "pattern": r"^\d+ of \d+$", "examples": ["2 of 3"]}),
]


class LevelModel(Model):
    """What one priority holds."""

    when: ConditionText
    datapoints: DatapointsText | None = None
    labels: Templates = Field(default_factory=dict)


class RecoverModel(Model):
    """Hysteresis: what must hold before a firing alert is OK again."""

    when: ConditionText | None = None
    datapoints: DatapointsText = Datapoints()


class OverrideModel(Model):
    """Another threshold for some of the series; a priority it does not name keeps the rule's."""

    match: tuple[Annotated[str, AfterValidator(_matchers)], ...] = Field(min_length=1)
    when: Annotated[
        dict[PriorityName, Annotated[LevelModel, BeforeValidator(_level_or_refusal), OrText(_CONDITION_SCHEMA)]],
        BeforeValidator(_by_priority),
    ] = Field(default_factory=dict)
    datapoints: DatapointsText | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.when and self.datapoints is None:
            raise ValueError("an override changes `when`, `datapoints` or both")
        return self


class VanishedModel(Model):
    """What becomes of the alert of a series that is gone from ``after`` complete answers in a row."""

    after: int = Field(default=2, ge=1, le=MAX_SLOTS)
    do: Farewell = Farewell.HOLD


class FlappingModel(Model):
    """Per cent of change at which an alert begins (``high``) and ceases (``low``) to flap."""

    high: float = Field(default=30, gt=0, le=100)
    low: float = Field(default=20, ge=0, le=100)

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"`low` {self.low:g} is above `high` {self.high:g}: flapping would end as it begins")
        return self


def _off(value: object) -> object:
    if value is None:
        raise ValueError("`flapping` is empty: write `off`, or {high, low} in per cent")
    return None if value is False or value == "off" else value


class PeakModel(Model):
    """A named event in which the rule looks more often, or is stricter; times without an offset are ``timezone``'s."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    from_: datetime = Field(alias="from")
    to: datetime
    timezone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    interval: Duration | None = None
    when: Annotated[
        dict[PriorityName, Annotated[LevelModel, BeforeValidator(_level_or_refusal), OrText(_CONDITION_SCHEMA)]],
        BeforeValidator(_by_priority),
    ] = Field(default_factory=dict)
    datapoints: DatapointsText | None = None

    @property
    def start(self) -> datetime:
        """When it begins, in UTC."""
        return self._aware(self.from_)

    @property
    def end(self) -> datetime:
        """When it is over, in UTC."""
        return self._aware(self.to)

    def _aware(self, moment: datetime) -> datetime:
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.timezone))).astimezone(UTC)


class RuleModel(Model):
    """One entry under ``rules:``."""

    alert: AlertName | None = None
    cloudwatch: CloudWatchQuery | None = None
    probe: ProbeQuery | None = None
    logs: LogsQuery | None = None
    ecr: EcrQuery | None = None
    inspector: InspectorQuery | None = None
    rds_balance: RdsBalanceQuery | None = None
    balance: BalanceQuery | None = None
    rds_topology: RdsTopologyQuery | None = None
    ec2_events: Ec2EventsQuery | None = None
    asg: AsgQuery | None = None
    quota: QuotaQuery | None = None
    health: HealthQuery | None = None
    ecs: EcsQuery | None = None
    ses: SesQuery | None = None
    heartbeat: HeartbeatQuery | None = None
    composite: Annotated[
        CompositeQuery | None, BeforeValidator(_expression), WithJsonSchema({"type": ["string", "boolean"]})
    ] = None
    by: tuple[LabelName, ...] = ()
    suppressor: Suppressor | None = None
    when: Annotated[
        dict[PriorityName, Annotated[LevelModel, BeforeValidator(_level_or_refusal), OrText(_CONDITION_SCHEMA)]],
        BeforeValidator(_by_priority),
    ] = Field(default_factory=dict)
    datapoints: DatapointsText = Datapoints()
    missing: Missing = Missing.MISSING
    recover: RecoverModel | None = None
    summary: Template | None = None
    runbook: Template | None = None
    labels: Templates = Field(default_factory=dict)
    annotations: Templates = Field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    enabled: bool = True
    notify: bool = True
    evaluation_range: int | None = Field(default=None, ge=1, le=MAX_SLOTS)
    expect_series: Annotated[int, Field(ge=0)] | None = None
    slo: SloModel | None = None
    peak: Annotated[tuple[PeakModel, ...], BeforeValidator(_several), OrOne()] = ()
    overrides: tuple[OverrideModel, ...] = ()
    window: Literal["grid", "sliding"] = "grid"
    vanished: VanishedModel = VanishedModel()
    flapping: Annotated[
        FlappingModel | None,
        BeforeValidator(_off),
        WithJsonSchema({"anyOf": [{"enum": ["off", False]}, FlappingModel.model_json_schema()]}),
    ] = FlappingModel()
    max_page_age: Annotated[Duration, Field(gt=0)] | None = None


class RuleFileModel(Model):
    """A rule file; its rules are read one by one, so that each is checked whatever the others are."""

    group: Annotated[str, Field(min_length=1)] | None = None
    labels: Templates = Field(default_factory=dict)
    rules: list[Any] = Field(default_factory=list)
