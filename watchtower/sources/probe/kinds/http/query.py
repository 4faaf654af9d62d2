"""What a rule writes under ``http:``."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self
from urllib.parse import quote, urlencode

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from watchtower.schema import Model, OrText
from watchtower.secrets import Secret
from watchtower.sources.probe.endpoints import render
from watchtower.sources.probe.kinds.base import COMMON_VALUES, Kind
from watchtower.sources.probe.kinds.http.content import Part
from watchtower.sources.probe.kinds.http.expect import Expect
from watchtower.sources.probe.kinds.http.headers import Headers, carried, revealed
from watchtower.sources.probe.kinds.http.job import HttpJob, Proxy
from watchtower.sources.probe.kinds.http.urls import parse_url, public

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.sources.probe.targets import Target

MAX_REDIRECTS = 10


class Basic(Model):
    """A user name and a secret."""

    username: str = Field(min_length=1)
    password: Secret

    @property
    def header(self) -> str:
        """The header's value (RFC 7617)."""
        pair = f"{self.username}:{self.password.reveal()}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class Auth(Model):
    """Who we say we are: one of the two."""

    basic: Basic | None = None
    bearer: Annotated[Secret, AfterValidator(carried)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.basic is None) == (self.bearer is None):
            raise ValueError("auth is one of basic: {username, password} and bearer: {env: NAME}")
        return self

    @property
    def header(self) -> str:
        """What Authorization says."""
        if self.basic is not None:
            return self.basic.header
        return f"Bearer {self.bearer.reveal()}" if self.bearer else ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody may read, in every form in which it is sent."""
        if self.basic is not None:
            return self.basic.password.reveal(), self.basic.header.removeprefix("Basic ")
        return (self.bearer.reveal(),) if self.bearer else ()


class ProxyModel(Model):
    """An HTTP proxy; https goes through it by CONNECT. It looks the names up."""

    url: str
    basic: Basic | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"url": value} if isinstance(value, str) else value

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        if parse_url(url).secure:
            raise ValueError(f"{url!r}: a proxy is reached over http")
        return url

    @property
    def made(self) -> Proxy:
        """The proxy as the job needs it."""
        return Proxy(parse_url(self.url), self.basic.header if self.basic else "")


def _redirects(value: object) -> object:
    return 0 if value == "none" else value


#: How many are followed; ``none`` for 0.
Redirects = Annotated[
    int, BeforeValidator(_redirects), Field(ge=0, le=MAX_REDIRECTS), OrText({"type": "string", "const": "none"})
]


class Http(Kind):
    """One HTTP request and what is expected of its answer.

    Redirects are followed, at most ten and within the timeout, unless the redirect's own status is expected.
    """

    kind: ClassVar[str] = "http"
    templates: ClassVar[tuple[str, ...]] = ("url",)
    values: ClassVar[frozenset[str]] = COMMON_VALUES | {"certificate_days", "content"}

    url: str
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    query: Mapping[str, Secret] = Field(default_factory=dict)
    headers: Headers = Field(default_factory=dict)
    body: str | None = None
    auth: Auth | None = None
    redirects: Redirects = MAX_REDIRECTS
    proxy: Annotated[ProxyModel | None, OrText({"type": "string"})] = None
    insecure: bool = False
    integrity: tuple[Part, ...] = ()
    expect: Expect = Field(default_factory=Expect)

    @field_validator("url")
    @classmethod
    def _sound_url(cls, url: str) -> str:
        parse_url(render(public(url), "https://target.example" if url.lstrip().startswith("{{") else "target.example"))
        return url

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.body is not None and self.method not in ("POST", "PUT", "PATCH"):
            raise ValueError(f"a {self.method} request sends no body; use method: POST")
        if self.method == "HEAD" and (self.expect.wants_body or self.integrity):
            raise ValueError("the answer to HEAD has no body to look into; use method: GET")
        if self.auth is not None and "authorization" in {name.lower() for name in self.headers}:
            raise ValueError("`auth` writes the header Authorization; leave one of them out")
        if self.redirects == 0 and self.expect.redirect and not any(high >= 300 for _, high in self.expect.status):
            raise ValueError("without redirects the answer is the redirect itself: expect its status, like 300-399")
        return self

    def faults_of(self, target: Target) -> Iterator[tuple[tuple[str, ...], str]]:
        if self.method == "HEAD" and target.expect is not None and target.expect.wants_body:
            yield ("expect",), "the answer to HEAD has no body to look into"
        try:
            public(target.target)
            self.job(target)
        except ValueError as error:
            yield (), str(error)

    def missing(self, value: str) -> str:
        if value == "certificate_days" and self.url.startswith("http:"):
            return "certificate_days needs an https url"
        if value == "content" and not self.integrity:
            return "content needs `integrity` in http: which of title, language and text are compared"
        return super().missing(value)

    def job(self, target: Target) -> HttpJob:
        auth = {"Authorization": self.auth.header} if self.auth else {}
        return HttpJob(
            url=replace(parse_url(self.rendered("url", target)), secret=self._secret_query),
            method=self.method,
            headers={**{name: revealed(value) for name, value in self.headers.items()}, **auth},
            body=(self.body or "").encode(),
            expect=target.expect or self.expect,
            redirects=self.redirects,
            proxy=self.proxy.made if self.proxy else None,
            insecure=self.insecure,
            hide=self._secrets(),
            integrity=self.integrity,
        )

    @property
    def _secret_query(self) -> str:
        return urlencode({name: value.reveal() for name, value in self.query.items()}, quote_via=quote)

    def _secrets(self) -> tuple[str, ...]:
        sent = [value.reveal() for value in self.headers.values() if isinstance(value, Secret)]
        proxy = self.proxy.basic if self.proxy else None
        mine = (proxy.password.reveal(), proxy.header.removeprefix("Basic ")) if proxy else ()
        asked = [form for value in self.query.values() for form in (value.reveal(), quote(value.reveal(), safe=""))]
        return (*sent, *asked, *(self.auth.secrets if self.auth else ()), *mine)
