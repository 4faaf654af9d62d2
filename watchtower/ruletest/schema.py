"""The grammar of a rule test file (design section 7)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, PlainValidator, WithJsonSchema, field_validator, model_validator

from watchtower.incidents.config import MatcherText
from watchtower.model import Event, State
from watchtower.rulebook.schema import PriorityName
from watchtower.ruletest.band import Band
from watchtower.ruletest.values import Values
from watchtower.schema import Duration, Model

#: Virtual 0s where a file does not say: a Monday.
DEFAULT_START = datetime(2026, 1, 5, tzinfo=UTC)


def _values(value: object) -> Values:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Values.parse(str(value))
    if not isinstance(value, str):
        raise ValueError('values are text, like "50 85x2 _ ! 60"')  # noqa: TRY004 - pydantic's way
    return Values.parse(value)


ValuesText = Annotated[
    Values,
    PlainValidator(_values),
    WithJsonSchema({"type": ["string", "number"], "examples": ["50 85x2 _ ! 60", "10+5x3", "up down"]}),
]


def _band(value: object) -> Band:
    if not isinstance(value, str):
        raise ValueError("a band is text, like 80..120")  # noqa: TRY004 - pydantic's way
    return Band.parse(value)


BandText = Annotated[
    Band, PlainValidator(_band), WithJsonSchema({"type": "string", "examples": ["80..120", "_x3 80..120x2 90..130"]})
]


class SeriesModel(Model):
    """One series of one rule: what its source answers, period by period."""

    rule: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    values: ValuesText
    band: BandText | None = None
    initial_state: State = State.INSUFFICIENT_DATA


class SilenceModel(Model):
    """A silence that somebody sets during the test."""

    at: Duration = 0.0
    until: Duration
    matchers: Annotated[tuple[MatcherText, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until <= self.at:
            raise ValueError("a silence's until lies after its at")
        return self


class ExpectModel(Model):
    """What the newest evaluation says at a moment, of every series whose labels include these."""

    at: Duration
    rule: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    state: State
    priority: PriorityName | None = None


class NotificationModel(Model):
    """One delivery."""

    at: Duration
    channel: str
    event: Event


class RuleTestModel(Model):
    """One entry under ``tests:``."""

    name: Annotated[str, Field(min_length=1)]
    rule: str | None = None
    period: Duration | None = None
    series: tuple[SeriesModel, ...]
    silences: tuple[SilenceModel, ...] = ()
    expect: tuple[ExpectModel, ...] = ()
    notifications: tuple[NotificationModel, ...] | None = None

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        if not self.expect and self.notifications is None:
            raise ValueError("the test expects nothing: give `expect`, or `notifications` (an empty list for none)")
        return self


class RuleTestFileModel(Model):
    """A rule test file; its tests are read one by one, so that each is checked whatever the others are."""

    rules: Annotated[tuple[Path, ...], Field(min_length=1)] = ()
    groups: Annotated[list[Any] | None, Field(min_length=1)] = None
    config: Path | None = None
    start: AwareDatetime = DEFAULT_START
    tests: list[Any] = Field(default_factory=list)

    @field_validator("start")
    @classmethod
    def _whole_second(cls, start: datetime) -> datetime:
        if start.microsecond:
            raise ValueError("start is a whole second")
        return start
