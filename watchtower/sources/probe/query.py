"""What a rule writes under ``probe:``.

The whole grammar is known here; what this release cannot do is refused by name, never ignored.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from watchtower.durations import format_duration
from watchtower.schema import Duration, Model
from watchtower.sources.base import Query
from watchtower.sources.probe.expect import Expect
from watchtower.sources.probe.targets import Target, Targets
from watchtower.sources.probe.urls import parse_url, render, templated
from watchtower.yamlfile import told, told_at

if TYPE_CHECKING:
    from pydantic_core import InitErrorDetails

_KINDS = frozenset({"http", "tcp", "tls", "dns", "icmp"})
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: headers that the prober needs for itself
_OWN_HEADERS = frozenset({"connection", "content-length", "transfer-encoding", "accept-encoding", "upgrade"})


def _later(value: object, info: ValidationInfo) -> object:
    if value is not None:
        raise ValueError(
            f"{info.field_name} is not supported yet; this release probes http with url, method, "
            "headers, body and expect"
        )
    return value


def _later_kind(value: object, info: ValidationInfo) -> object:
    if value is None:
        return None
    shape = "" if isinstance(value, Mapping) else f"{info.field_name} takes a mapping, and "
    raise ValueError(f"{shape}{info.field_name} probes are not supported yet; http is")


def _later_family(value: object) -> object:
    if value not in (None, "ipv4", "ipv6", "both"):
        raise ValueError("family is ipv4, ipv6 or both (and not supported yet)")
    if value is not None:
        raise ValueError("family is not supported yet: IPv4 is probed, IPv6 where a name has no IPv4 address")
    return value


Later = Annotated[Any, BeforeValidator(_later)]
LaterKind = Annotated[Any, BeforeValidator(_later_kind)]
Family = Annotated[None, BeforeValidator(_later_family), WithJsonSchema({"enum": ["ipv4", "ipv6", "both"]})]


class Http(Model):
    """One HTTP request and what is expected of its answer.

    Redirects are followed, at most ten and within the timeout, unless the redirect's own status is expected.
    """

    url: str
    method: Literal["GET", "HEAD", "POST"] = "GET"
    headers: Mapping[str, str] = Field(default_factory=dict)
    body: str | None = None
    expect: Expect = Field(default_factory=Expect)
    auth: Later = None
    proxy: Later = None
    redirects: Later = None

    @field_validator("url")
    @classmethod
    def _sound_url(cls, url: str) -> str:
        parse_url(render(url, "https://target.example" if url.lstrip().startswith("{{") else "target.example"))
        return url

    @field_validator("headers", mode="before")
    @classmethod
    def _plain_values(cls, headers: object) -> object:
        if not isinstance(headers, Mapping):
            return headers
        if secret := [str(name) for name, value in headers.items() if isinstance(value, Mapping)]:
            raise ValueError(f"{secret[0]}: a secret as a header's value is not supported yet")
        return {name: str(value) if isinstance(value, int) else value for name, value in headers.items()}

    @field_validator("headers")
    @classmethod
    def _sound_headers(cls, headers: Mapping[str, str]) -> Mapping[str, str]:
        for name, value in headers.items():
            if _HEADER.fullmatch(name) is None:
                raise ValueError(f"{name!r} is no header name")
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name} is set by the prober itself")
            if not value.isprintable() or not value.isascii():
                raise ValueError(f"the value of {name} holds a character that no header can carry")
        return headers

    @model_validator(mode="after")
    def _body_fits_method(self) -> Self:
        if self.body is not None and self.method != "POST":
            raise ValueError(f"a {self.method} request sends no body; use method: POST")
        if self.method == "HEAD" and self.expect.wants_body:
            raise ValueError("the answer to HEAD has no body to look into; use method: GET")
        return self


class ProbeQuery(Query):
    """A probe of one or many targets."""

    source: ClassVar[str] = "probe"

    http: Http | None = None
    tcp: LaterKind = None
    tls: LaterKind = None
    dns: LaterKind = None
    icmp: LaterKind = None
    targets: Targets = ()
    interval: Duration = 60.0
    timeout: Duration = 5.0
    family: Family = None
    value: Literal["success", "duration", "certificate_days"] = "success"

    @field_validator("targets")
    @classmethod
    def _probeable(cls, targets: tuple[Target, ...], info: ValidationInfo) -> tuple[Target, ...]:
        http = info.data.get("http")
        faults = [*_twice(targets), *(_unaskable(http, targets) if isinstance(http, Http) else ())]
        if faults:
            raise told(faults)
        return targets

    @field_validator("interval")
    @classmethod
    def _whole_seconds(cls, interval: float) -> float:
        if interval < 1 or interval != int(interval):
            raise ValueError(f"interval is whole seconds, at least 1s, not {format_duration(interval)}")
        return interval

    @field_validator("timeout")
    @classmethod
    def _some_time(cls, timeout: float) -> float:
        if timeout <= 0:
            raise ValueError("timeout must be longer than nothing")
        return timeout

    def faults(self, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        """What the keys of a probe ask of each other."""
        if self.timeout >= self.interval and not {"timeout", "interval"} & set(unread):
            place = "timeout" if "timeout" in self.model_fields_set else "interval"
            times = f"timeout ({format_duration(self.timeout)}), interval ({format_duration(self.interval)})"
            yield told_at((place,), f"a probe must end before the next begins: shorten the timeout; {times}")
        if self.http is not None:
            yield from self._unfit(self.http, unread)
        elif not _KINDS & set(unread):
            yield told_at((), "a probe says what it asks: http: {url: ...}")

    def _unfit(self, http: Http, unread: Collection[str]) -> Iterator[InitErrorDetails]:
        if not self.targets and "targets" not in unread and templated(http.url):
            yield told_at(("http", "url"), "url names {{ target }}, but there are no targets")
        if self.value == "certificate_days" and http.url.startswith("http:"):
            yield told_at(("value",), "certificate_days needs an https url")

    @property
    def period(self) -> int:
        """Seconds between two probes: the length of this rule's datapoints."""
        return int(self.interval)

    @property
    def asked(self) -> Http:
        """The request; a query that passed its checks has one."""
        if self.http is None:
            raise ValueError("a probe without http")
        return self.http

    @property
    def all_targets(self) -> tuple[Target, ...]:
        """The targets; without any, the URL is the one target."""
        return self.targets or (Target(target=self.asked.url),)


def _twice(targets: Sequence[Target]) -> Iterator[InitErrorDetails]:
    seen: set[str] = set()
    for row, target in enumerate(targets):
        if target.target in seen:
            yield told_at((row,), f"the target {target.target!r} is named twice")
        seen.add(target.target)


def _unaskable(http: Http, targets: Sequence[Target]) -> Iterator[InitErrorDetails]:
    if len(targets) > 1 and not templated(http.url):
        yield told_at((), "every target would be asked the same url; put {{ target }} into it")
    for row, target in enumerate(targets):
        try:
            parse_url(render(http.url, target.target))
        except ValueError as error:
            yield told_at((row,), str(error))
        if http.method == "HEAD" and target.expect is not None and target.expect.wants_body:
            yield told_at((row, "expect"), "the answer to HEAD has no body to look into")
