"""One HTTP probe: a fresh connection, one pinned address, every phase timed.

Redirects are followed within the same timeout, each hop resolved and pinned anew; a redirect whose own status is
expected is the answer. A redirect to another origin takes none of the rule's headers along but those that say what
is understood, and is not followed where it would take the rule's body.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import h11

from watchtower import __version__
from watchtower.model import TroubleReason
from watchtower.sources.probe.kinds.http.content import content_of
from watchtower.sources.probe.kinds.http.exchange import Request, Response, exchange, open_tunnel
from watchtower.sources.probe.kinds.http.seen import Seen
from watchtower.sources.probe.kinds.http.urls import join_url
from watchtower.sources.probe.network import explain
from watchtower.sources.probe.result import Down, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.sources.probe.attempt import Attempt
    from watchtower.sources.probe.kinds.http.content import Part
    from watchtower.sources.probe.kinds.http.expect import Expect
    from watchtower.sources.probe.kinds.http.urls import Url
    from watchtower.sources.probe.wire import Wire

_DAY = 86_400
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BECOME_GET = frozenset({301, 302, 303})
_HARMLESS_HEADERS = frozenset({"accept", "accept-language", "user-agent"})


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; ``authorization`` is the header it asks for, empty for none."""

    url: Url
    authorization: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What is said to the proxy alone."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


@dataclass(frozen=True, slots=True)
class HttpJob:
    """One request; ``hide`` are the secrets in it."""

    url: Url
    method: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes
    expect: Expect
    redirects: int
    proxy: Proxy | None = None
    insecure: bool = False
    hide: tuple[str, ...] = field(default=(), repr=False)
    integrity: tuple[Part, ...] = ()

    @property
    def shown(self) -> str:
        return str(self.url)

    async def run(self, attempt: Attempt) -> str:
        attempt.hide = self.hide
        response, request = await self._follow(attempt)
        attempt.timed = True
        try:
            self._judge(response, request, attempt)
        except Down:
            attempt.excerpt = response.beginning()
            raise
        return f"status {response.status}"

    async def _follow(self, attempt: Attempt) -> tuple[Response, Request]:
        request = Request(self.method, self.url, self.headers, self.body, f"watchtower/{__version__}")
        left = self.redirects
        while True:
            response = await self._hop(request, attempt)
            if response.status not in _REDIRECTS or self.expect.expects(response.status) or not self.redirects:
                return response, request
            if not left:
                raise Down(f"more than {self.redirects} redirect{'' if self.redirects == 1 else 's'}")
            request, left = _redirected(request, response), left - 1
            attempt.at = f" (redirected to {request.url})"

    async def _hop(self, request: Request, attempt: Attempt) -> Response:
        url = request.url
        wire = await self._opened(url, attempt)
        try:
            if url.secure:
                await self._secure(wire, url, attempt)
            elif self.proxy is not None:
                request = replace(request, extra=self.proxy.headers, whole=True)
            return await exchange(wire, request, attempt)
        except OSError as error:
            raise explain(error, attempt.watch.phase, attempt.address, attempt.port) from None
        except h11.LocalProtocolError as error:
            raise Unknown(TroubleReason.INVALID, f"the request cannot be written: {error}") from None
        finally:
            wire.close()

    async def _opened(self, url: Url, attempt: Attempt) -> Wire:
        if self.proxy is None:
            return await attempt.open(url.host, url.port)
        first = self.proxy.url
        attempt.proxy = first.authority
        try:
            return await attempt.open(first.host, first.port)
        except Down as down:
            raise Down(f"the proxy cannot be reached: {down}") from None

    async def _secure(self, wire: Wire, url: Url, attempt: Attempt) -> None:
        tunnel = None
        if self.proxy is not None:
            tunnel = partial(open_tunnel, url=url, headers=self.proxy.headers)
            await tunnel(wire)
        await attempt.secure(wire, url.host, web=True, insecure=self.insecure, preface=tunnel)

    def _judge(self, response: Response, request: Request, attempt: Attempt) -> None:
        seen = self._seen(response, request, attempt)
        if self.expect.matches:
            attempt.measures["probe_failed_due_to_regex"] = 1.0 if self.expect.mismatch_of(seen) else 0.0
        if fault := self.expect.fault_of(seen):
            raise Down(fault)
        if self.integrity:
            attempt.content = content_of(seen.text, self.integrity, seen.shown)

    def _seen(self, response: Response, request: Request, attempt: Attempt) -> Seen:
        wanted = bool(self.integrity) or self.expect.reads_body
        body = response.plain() if wanted and self.expect.expects(response.status) else b""
        return Seen(
            status=response.status,
            headers=response.headers,
            size=len(body),
            text=response.text(body) if body else "",
            leads=_leads(response, request, attempt),
            duration=attempt.watch.elapsed,
            certificate_days=None if attempt.expires is None else (attempt.expires - attempt.now) / _DAY,
            hide=self.hide,
        )


def _leads(response: Response, request: Request, attempt: Attempt) -> str:
    location = response.header("location")
    if response.status in _REDIRECTS and location:
        try:
            return str(join_url(request.url, location))
        except ValueError:
            return location
    return str(request.url) if attempt.at else ""


def _redirected(request: Request, response: Response) -> Request:
    location = response.header("location")
    if not location:
        raise Down(f"status {response.status} leads nowhere: it has no Location")
    try:
        url = join_url(request.url, location)
    except ValueError as error:
        raise Down(f"status {response.status} leads to no site: {error}") from None
    if response.status == 303 or (response.status in _BECOME_GET and request.method == "POST"):
        method = request.method if request.method == "HEAD" else "GET"
        request = replace(request, method=method, body=b"")
    if url.origin != request.url.origin:
        if request.body:
            raise Down(f"status {response.status} leads to another site, which is not sent the body: {url}")
        kept = {name: value for name, value in request.headers.items() if name.lower() in _HARMLESS_HEADERS}
        request = replace(request, headers=kept)
    return replace(request, url=url)
