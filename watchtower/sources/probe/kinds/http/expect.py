"""What a probe expects of an answer, as a rule writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from watchtower.durations import exact_duration
from watchtower.schema import Duration, Model
from watchtower.sources.probe.kinds.http.exchange import MAX_BODY
from watchtower.sources.probe.kinds.http.headers import HeaderExpect
from watchtower.sources.probe.kinds.http.json_path import JsonPath, fault_of_json
from watchtower.sources.probe.kinds.http.statuses import Statuses, format_statuses
from watchtower.sources.probe.kinds.http.urls import parse_url
from watchtower.sources.probe.patterns import Pattern, found

if TYPE_CHECKING:
    from watchtower.sources.probe.kinds.http.seen import Seen


def _whole_url(value: object) -> object:
    return str(parse_url(value)) if isinstance(value, str) else value


class Expect(Model):
    """What makes an answer a success; everything that is given must hold.

    ``contains``, ``lacks``, ``regex`` and ``json_path`` look at the first MiB of the decoded body; upper and lower
    case differ. ``json_path`` names values in JMESPath, the language of the AWS CLI's --query: https://jmespath.org
    """

    status: Statuses = ((200, 299),)
    redirect: Annotated[str | None, BeforeValidator(_whole_url)] = None
    headers: Mapping[str, HeaderExpect] = Field(default_factory=dict)
    contains: str | None = Field(default=None, min_length=1)
    lacks: str | None = Field(default=None, min_length=1)
    regex: Pattern | None = None
    json_path: Mapping[JsonPath, Any] = Field(default_factory=dict)
    min_size: int | None = Field(default=None, ge=1, le=MAX_BODY)
    max_size: int | None = Field(default=None, ge=0, lt=MAX_BODY)
    max_duration: Duration | None = None
    certificate_days: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if self.contains and self.lacks and self.lacks in self.contains:
            raise ValueError(f"no body contains {self.contains!r} and lacks {self.lacks!r}")
        if self.min_size is not None and self.max_size is not None and self.max_size < self.min_size:
            raise ValueError(f"no body has at least {self.min_size} and at most {self.max_size} bytes")
        return self

    @property
    def wants_body(self) -> bool:
        """Whether the body decides."""
        return bool(self.contains or self.lacks or self.regex or self.json_path or self.min_size or self.max_size == 0)

    @property
    def reads_body(self) -> bool:
        """Whether the body must be decoded."""
        return self.wants_body or self.max_size is not None

    @property
    def matches(self) -> bool:
        """Whether texts are looked for, in the body or in headers."""
        return bool(self.contains or self.lacks or self.regex or self.headers)

    def expects(self, status: int) -> bool:
        """Whether the status is one of those expected."""
        return any(low <= status <= high for low, high in self.status)

    def fault_of(self, seen: Seen) -> str:
        """Why an answer is not what was expected, in words; empty when it is."""
        if not self.expects(seen.status):
            return f"status {seen.status}, expected {format_statuses(self.status)}"
        return self.mismatch_of(seen) or next(filter(None, self._others(seen)), "")

    def mismatch_of(self, seen: Seen) -> str:
        """Which of the texts that are looked for is not as it should be; empty when all are."""
        headers = (
            expect.fault_of(name, seen.headers.get(name.lower(), ()), seen.shown)
            for name, expect in self.headers.items()
        )
        return next(filter(None, headers), "") or self._body(seen.text)

    def _body(self, body: str) -> str:
        if self.contains and self.contains not in body:
            return f"body lacks {self.contains!r}"
        if self.lacks and self.lacks in body:
            return f"body contains {self.lacks!r}"
        if self.regex and not found(self.regex, body):
            return f"body does not match {self.regex!r}"
        return ""

    def _others(self, seen: Seen) -> Iterator[str]:
        if self.redirect and seen.leads != self.redirect:
            yield f"leads to {seen.leads or 'nowhere else'}, expected {self.redirect}"
        if self.min_size is not None and seen.size < self.min_size:
            yield f"body has {seen.size} bytes, expected at least {self.min_size}"
        if self.max_size is not None and seen.size > self.max_size:
            yield f"body has {_at_least(seen.size)} bytes, expected at most {self.max_size}"
        if self.json_path:
            yield fault_of_json(seen.text, self.json_path, seen.shown)
        if self.certificate_days is not None:
            yield self._ending(seen.certificate_days)
        if self.max_duration is not None and seen.duration > self.max_duration:
            yield f"took {seen.duration:.3f}s, expected at most {exact_duration(self.max_duration)}"

    def _ending(self, days: float | None) -> str:
        if days is None:
            return "there was no certificate"
        if days < (self.certificate_days or 0):
            return f"certificate ends in {days:.1f} days, expected at least {self.certificate_days}"
        return ""


def _at_least(size: int) -> str:
    return f"at least {size}" if size >= MAX_BODY else str(size)
