"""What a rule writes under ``heartbeat:``: who pings, under which secret, and when."""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from watchtower.durations import format_duration
from watchtower.schema import Duration
from watchtower.secrets import Secret
from watchtower.sources.base import Query
from watchtower.sources.heartbeat.schedule import Schedule
from watchtower.yamlfile import did_you_mean, told_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pydantic_core import InitErrorDetails

#: Seconds between two looks at a heartbeat: the length of its datapoints.
PERIOD = 60
#: Characters of a token: whoever knows it can say that all is well, so it must not be guessed.
LEAST_TOKEN, LONGEST_TOKEN = 16, 200

_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_FIELDS = ("minute", "hour", "day", "month", "weekday")
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def _token(token: Secret) -> Secret:
    if token.stand_in:
        return token
    if not LEAST_TOKEN <= len(token.reveal()) <= LONGEST_TOKEN or not _TOKEN.fullmatch(token.reveal()):
        raise ValueError(
            f"the token from {token.origin} is no token: at least {LEAST_TOKEN} letters, digits, - and _ "
            f"that nobody can guess, at most {LONGEST_TOKEN}"
        )
    return token


def _cron(text: str) -> str:
    if len(text.split()) != len(_FIELDS):
        raise ValueError(f"{text!r} is no cron schedule: it has five fields, {', '.join(_FIELDS)}, like `0 3 * * *`")
    try:
        next(CronSim(text, _SOME_DAY))
    except (CronSimError, StopIteration):
        raise ValueError(f"{text!r} is no cron schedule that ever comes; write it like `0 3 * * *`") from None
    return text


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = did_you_mean(name, zoneinfo.available_timezones())
        raise ValueError(f"{name!r} is not a time zone; write it like Europe/Madrid{hint}") from None
    return name


class HeartbeatQuery(Query):
    """A ping that we wait for; exactly one of ``every`` and ``cron`` says when."""

    source: ClassVar[str] = "heartbeat"

    target: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    token: Annotated[Secret, AfterValidator(_token)] | None = None
    every: Annotated[Duration, Field(ge=PERIOD)] | None = None
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    grace: Annotated[Duration, Field(ge=0)] = 300.0

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        """What the keys ask of each other."""
        for key in ("target", "token"):
            if getattr(self, key) is None and key not in unread:
                yield told_at((), f"`{key}` is missing: a heartbeat has target, token, and every or cron")
        if self.every is not None and self.cron is not None:
            yield told_at(("cron",), f"`every: {format_duration(self.every)}` says already when; give one of the two")
        if self.every is None and self.cron is None and not {"every", "cron"} & set(unread):
            yield told_at((), 'when is the ping expected? give every: 1d, or cron: "0 3 * * *"')
        if self.cron is None and "cron" not in unread and "timezone" in self.model_fields_set:
            yield told_at(("timezone",), "`timezone` is for cron: every counts seconds")

    @property
    def name(self) -> str:
        """Who pings."""
        return self.target or ""

    @property
    def schedule(self) -> Schedule:
        """When."""
        return Schedule(self.grace, self.every or 0.0, self.cron or "", self.timezone)
