"""How routes, inhibition and mute windows are written: the whole grammar of design section 6."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from watchtower.durations import format_duration
from watchtower.incidents.windows import Window, moment_of, zone
from watchtower.matchers import parse_matchers
from watchtower.schema import Duration, Model


def _matcher(text: str) -> str:
    parse_matchers([text])
    return text


#: One matcher as Alertmanager writes it; a faulty one is refused where it stands.
MatcherText = Annotated[str, AfterValidator(_matcher)]

ChannelNames = Annotated[tuple[str, ...], Field(min_length=1)]

DEFAULT_GROUP_BY = ("alert", "account", "region")


def _time_zone(name: str) -> str:
    zone(name)
    return name


def _one_text(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _weekly(texts: tuple[str, ...]) -> tuple[str, ...]:
    Window.parse(texts)
    return texts


#: ``Sun 02:00-04:00``, ``Mon-Fri 08:00-20:00, Sat 09:00-12:00``, or a list of these.
Weekly = Annotated[
    tuple[str, ...],
    BeforeValidator(_one_text),
    AfterValidator(_weekly),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]


class WindowConfig(Model):
    """A time that recurs every week, or one with a beginning and an end.

    A beginning or end that names no offset is read on the clocks of ``timezone``.
    """

    weekly: Weekly | None = None
    from_: datetime | None = Field(default=None, alias="from")
    to: datetime | None = None
    timezone: Annotated[str, AfterValidator(_time_zone)] = "UTC"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        dated = self.from_ is not None or self.to is not None
        if (self.weekly is not None) == dated:
            raise ValueError("a window has either `weekly`, or `from` and `to`")
        if dated and (self.from_ is None or self.to is None):
            raise ValueError("a dated window has both `from` and `to`")
        if self.from_ is not None and self.to is not None:
            begin, end = self._ends(self.from_, self.to)
            if end <= begin:
                jumped = self.from_.tzinfo is self.to.tzinfo is None and self.from_ < self.to
                jump = f"the clocks of {self.timezone} jump over it at {begin:%Y-%m-%dT%H:%M:%SZ}"
                raise ValueError(f"this window never holds: {jump if jumped else '`to` does not lie after `from`'}")
        return self

    @property
    def window(self) -> Window:
        """The window, ready to be asked."""
        if self.weekly is not None:
            return Window.parse(self.weekly, self.timezone)
        if self.from_ is None or self.to is None:
            raise AssertionError("a window without weekly has from and to")
        return Window.between(*self._ends(self.from_, self.to))

    def _ends(self, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Like a weekly window: a time that comes twice begins it with its first and ends it with its second coming."""
        return self._aware(begin, late=False), self._aware(end, late=True)

    def _aware(self, moment: datetime, *, late: bool) -> datetime:
        return moment.astimezone(UTC) if moment.tzinfo else moment_of(moment, zone(self.timezone), late=late)


#: Seconds between two reminders of one incident.
LEAST_REPEAT = 60.0


def _seldom(repeat: float) -> float:
    if repeat < LEAST_REPEAT:
        raise ValueError(f"`repeat` {format_duration(repeat)} is too often; at least {format_duration(LEAST_REPEAT)}")
    return repeat


class EscalateConfig(Model):
    """Whom to tell when nobody acknowledged in time."""

    after: Annotated[Duration, Field(gt=0)]
    channels: ChannelNames


class RouteConfig(Model):
    """One way from alerts to channels; an empty name becomes ``route-<n>``."""

    name: str = ""
    match: tuple[MatcherText, ...] = ()
    channels: ChannelNames
    group_by: tuple[str, ...] = DEFAULT_GROUP_BY
    group_wait: Duration = 0.0
    group_interval: Duration = 60.0
    repeat: Annotated[Duration, AfterValidator(_seldom)] | None = None
    acknowledge_for: Annotated[Duration, Field(gt=0)] | None = None
    escalate: EscalateConfig | None = None
    during: WindowConfig | None = None
    continue_: bool = Field(default=False, alias="continue")


class InhibitConfig(Model):
    """While a ``source`` alert fires, ``target`` alerts with the same ``equal`` labels are held back."""

    source: Annotated[tuple[MatcherText, ...], Field(min_length=1)]
    target: Annotated[tuple[MatcherText, ...], Field(min_length=1)]
    equal: tuple[str, ...] = ()
    wait: Duration = 0.0
    extension: Duration = 0.0


class MuteConfig(WindowConfig):
    """A window in which the alerts that ``match`` chooses page nobody."""

    name: Annotated[str, Field(min_length=1)]
    match: tuple[MatcherText, ...] = ()
    maintenance: bool = False
