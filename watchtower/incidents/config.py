"""How routes, inhibition and mute windows are written: the whole grammar of design section 6."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from watchtower.matchers import parse_matchers
from watchtower.schema import Duration, Model


def _matcher(text: str) -> str:
    parse_matchers([text])
    return text


#: One matcher as Alertmanager writes it; a faulty one is refused where it stands.
MatcherText = Annotated[str, AfterValidator(_matcher)]

ChannelNames = Annotated[tuple[str, ...], Field(min_length=1)]

DEFAULT_GROUP_BY = ("alert", "account", "region")


class WindowConfig(Model):
    """A time that recurs every week, or one with a beginning and an end."""

    weekly: str | None = None
    from_: AwareDatetime | None = Field(default=None, alias="from")
    to: AwareDatetime | None = None
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        dated = self.from_ is not None or self.to is not None
        if (self.weekly is not None) == dated:
            raise ValueError("a window has either weekly, or from and to")
        if dated and (self.from_ is None or self.to is None):
            raise ValueError("a dated window has both from and to")
        if self.from_ is not None and self.to is not None and self.to <= self.from_:
            raise ValueError("a window's to lies after its from")
        return self


class EscalateConfig(Model):
    """Whom to tell when nobody acknowledged in time."""

    after: Duration
    channels: ChannelNames


class RouteConfig(Model):
    """One way from alerts to channels; an empty name becomes ``route-<n>``."""

    name: str = ""
    match: tuple[MatcherText, ...] = ()
    channels: ChannelNames
    group_by: tuple[str, ...] = DEFAULT_GROUP_BY
    group_wait: Duration = 0.0
    group_interval: Duration = 60.0
    repeat: Duration | None = None
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

    name: str
    match: tuple[MatcherText, ...] = ()
