"""The grammar of watchtower.yaml (design section 6): what no room owns, and the rooms' own models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from watchtower.aws.config import AwsConfig
from watchtower.durations import format_duration
from watchtower.errors import StoreError
from watchtower.incidents.config import InhibitConfig, MuteConfig, RouteConfig
from watchtower.live.samples import SERIES_LIMIT
from watchtower.notifiers.channel import checked_url
from watchtower.notifiers.table import NOTIFIERS
from watchtower.schema import Duration, Model
from watchtower.secrets import Secret
from watchtower.sources.probe.config import ProbesConfig
from watchtower.store.database import parse, sqlite_path

if TYPE_CHECKING:
    from watchtower.notifiers.channel import ChannelConfig

DEFAULT_STORE = "sqlite:////var/lib/watchtower/watchtower.db"
DEFAULT_LISTEN = "127.0.0.1:9464"
#: Seconds; in less, an engine that works may have committed nothing.
LEAST_HEARTBEAT = 30.0

_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):(\d{1,5})")
_CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

if TYPE_CHECKING:
    Channel = ChannelConfig
else:
    _TYPES = Union[tuple(spec.config for spec in NOTIFIERS.values())]  # noqa: UP007 - there is no other way
    Channel = Annotated[_TYPES, Field(discriminator="type")]


def _listen(value: str) -> str:
    found = _LISTEN.fullmatch(value)
    if found is None or int(found[2]) > 65_535:
        raise ValueError(f"{value!r} is not host:port; write it like {DEFAULT_LISTEN} or [::1]:9464")
    return value


def _channel_name(value: str) -> str:
    if not _CHANNEL.fullmatch(value):
        raise ValueError(f"{value!r} is not a channel name; use letters, digits, dot, dash and underscore")
    return value


def base_dir(context: Any) -> Path:
    """The directory that relative paths start from, out of a validation context."""
    return Path(context.get("base_dir", ".")) if isinstance(context, Mapping) else Path()


class HeartbeatConfig(Model):
    """A ping that we send, so that somebody notices when we are gone; ``every`` is in seconds."""

    url: Secret
    every: Duration = 60.0

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: Secret) -> Secret:
        if url.stand_in:
            return url
        try:
            checked_url(url.reveal())
        except ValueError:
            raise ValueError(f"the url from {url.origin} is not a web address") from None
        return url

    @field_validator("every")
    @classmethod
    def _bearable(cls, every: float) -> float:
        if every < LEAST_HEARTBEAT:
            raise ValueError(f"{format_duration(every)} is too short; at least {format_duration(LEAST_HEARTBEAT)}")
        return every


class Config(Model):
    """Everything in watchtower.yaml, resolved: ``store`` is a URL with an absolute path, ``rules`` absolute paths."""

    environment: Annotated[str, Field(min_length=1)] = "default"
    store: Annotated[str, Field(repr=False)] = DEFAULT_STORE
    listen: Annotated[str, AfterValidator(_listen)] = DEFAULT_LISTEN
    rules: tuple[Path, ...] = ()
    series_limit: Annotated[int, Field(ge=1)] = 10_000
    scrape_series_limit: Annotated[int, Field(ge=0)] = SERIES_LIMIT
    aws: AwsConfig = AwsConfig()
    channels: dict[Annotated[str, AfterValidator(_channel_name)], Channel] = Field(default_factory=dict)
    routes: tuple[RouteConfig, ...] = ()
    fallback: dict[str, str] = Field(default_factory=dict)
    inhibit: tuple[InhibitConfig, ...] = ()
    mute: tuple[MuteConfig, ...] = ()
    heartbeat: HeartbeatConfig | None = None
    probes: ProbesConfig = ProbesConfig()

    @field_validator("store")
    @classmethod
    def _whole_store(cls, value: str, info: ValidationInfo) -> str:
        try:
            url = parse(value)
        except StoreError as error:
            raise ValueError(str(error)) from None
        if url.drivername != "sqlite":
            return value
        path = base_dir(info.context).absolute() / str(url.database)
        return f"sqlite:///{path}"

    @field_validator("rules")
    @classmethod
    def _whole_paths(cls, paths: tuple[Path, ...], info: ValidationInfo) -> tuple[Path, ...]:
        return tuple(base_dir(info.context) / path for path in paths)

    @property
    def store_path(self) -> Path | None:
        """The file of a SQLite store, None for PostgreSQL."""
        return sqlite_path(parse(self.store))
