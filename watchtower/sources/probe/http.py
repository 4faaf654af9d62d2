"""One HTTP probe: a fresh connection, one pinned address, every phase timed, and a reason whatever happens.

Redirects are followed, at most MAX_REDIRECTS and within the same timeout, each hop resolved and pinned anew;
a redirect whose own status is expected is the answer. A redirect to another origin takes none of the rule's
headers along but those that say what is understood.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import h11

from watchtower import __version__
from watchtower.clock import epoch
from watchtower.durations import format_duration
from watchtower.model import TroubleReason
from watchtower.sources.probe.deadline import within
from watchtower.sources.probe.exchange import Request, Response, exchange
from watchtower.sources.probe.network import explain
from watchtower.sources.probe.resolver import choose
from watchtower.sources.probe.result import Down, Phase, Result, Stopwatch, Unknown
from watchtower.sources.probe.tls import Certificate, read_certificates, refusal
from watchtower.sources.probe.urls import join_url, parse_url
from watchtower.sources.probe.wire import Wire, connect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.clock import Clock
    from watchtower.sources.probe.expect import Expect
    from watchtower.sources.probe.resolver import Resolver
    from watchtower.sources.probe.tls import TlsPolicy
    from watchtower.sources.probe.urls import Url

MAX_REDIRECTS = 10

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BECOME_GET = frozenset({301, 302, 303})
_HARMLESS_HEADERS = frozenset({"accept", "accept-language", "user-agent"})


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """What is asked of one target; ``key`` is the same for equal probes and survives restarts."""

    key: str
    url: str
    method: str
    headers: Mapping[str, str]
    body: str
    expect: Expect
    timeout: float


@dataclass(slots=True)
class _Attempt:
    """What is known while a probe runs; on a timeout it is all that is known."""

    watch: Stopwatch
    url: Url
    hops: int = 0
    address: str = ""
    status: int | None = None
    expires: float | None = None
    refused: str = ""
    timed: bool = False

    def saw(self, certificate: Certificate | None) -> None:
        """Keep the earliest end of all certificates."""
        if certificate is not None:
            self.expires = min(certificate.expires, self.expires or certificate.expires)

    @property
    def at(self) -> str:
        """Where redirects led, for the reason."""
        return f" (redirected to {self.url})" if self.hops else ""


class HttpProber:
    """Runs probes; holds no connection between them."""

    def __init__(self, clock: Clock, resolver: Resolver, tls: TlsPolicy) -> None:
        self._clock = clock
        self._resolver = resolver
        self._tls = tls

    async def probe(self, probe: HttpProbe) -> Result:
        """Probe once within the timeout; never raises: what cannot be known is an unknown result."""
        attempt = _Attempt(Stopwatch(self._clock), parse_url(probe.url))
        try:
            await within(self._clock, probe.timeout, self._follow(probe, attempt))
        except Down as down:
            return _down(attempt, f"{down}{attempt.at}")
        except Unknown as unknown:
            return _unknown(attempt, unknown.reason, str(unknown))
        except TimeoutError:
            return self._timed_out(probe, attempt)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not be told as an outage of theirs
            return _unknown(attempt, TroubleReason.INTERNAL, f"the prober failed: {error!r}")
        return _result(attempt, success=True, reason=f"status {attempt.status}{attempt.at}")

    async def _follow(self, probe: HttpProbe, attempt: _Attempt) -> None:
        request = Request(probe.method, attempt.url, probe.headers, probe.body.encode(), f"watchtower/{__version__}")
        while True:
            response = await self._hop(request, attempt)
            attempt.status = response.status
            if response.status not in _REDIRECTS or probe.expect.expects(response.status):
                break
            if attempt.hops == MAX_REDIRECTS:
                raise Down(f"more than {MAX_REDIRECTS} redirects")
            request = _redirected(request, response)
            attempt.url, attempt.hops = request.url, attempt.hops + 1
        attempt.timed = True
        text = response.text() if probe.expect.wants_body else ""
        if fault := probe.expect.fault_of(response.status, text):
            raise Down(fault)

    async def _hop(self, request: Request, attempt: _Attempt) -> Response:
        url, watch = request.url, attempt.watch
        watch.enter(Phase.RESOLVE)
        attempt.address = choose(await self._resolver.resolve(url.host))
        wire = await self._connected(attempt)
        try:
            if url.secure:
                await self._secure(wire, attempt)
            return await exchange(wire, request, watch)
        except OSError as error:
            raise explain(error, watch.phase, attempt.address, url.port) from None
        except h11.LocalProtocolError as error:
            raise Unknown(TroubleReason.INVALID, f"the request cannot be written: {error}") from None
        finally:
            wire.close()

    async def _connected(self, attempt: _Attempt) -> Wire:
        attempt.watch.enter(Phase.CONNECT)
        try:
            return await connect(attempt.address, attempt.url.port)
        except OSError as error:
            raise explain(error, Phase.CONNECT, attempt.address, attempt.url.port) from None

    async def _secure(self, wire: Wire, attempt: _Attempt) -> None:
        attempt.watch.enter(Phase.TLS)
        try:
            await wire.secure(self._tls.verifying, attempt.url.host)
        except ssl.SSLCertVerificationError as error:
            attempt.refused = refusal(error, None, attempt.url.host, self._now())
            certificate = await self._peek(attempt)
            attempt.saw(certificate)
            raise Down(refusal(error, certificate, attempt.url.host, self._now())) from None
        attempt.saw(read_certificates(wire.certificates()))

    async def _peek(self, attempt: _Attempt) -> Certificate | None:
        """The certificate that was refused, by a second connection that verifies nothing and asks nothing."""
        try:
            wire = await connect(attempt.address, attempt.url.port)
        except OSError:
            return None
        try:
            await wire.secure(self._tls.blind, attempt.url.host)
            return read_certificates(wire.certificates())
        except OSError:
            return None
        finally:
            wire.close()

    def _timed_out(self, probe: HttpProbe, attempt: _Attempt) -> Result:
        phase = attempt.watch.phase
        if attempt.refused:
            return _down(attempt, attempt.refused)
        if phase is Phase.RESOLVE and self._resolver.waits(attempt.url.host):
            return _unknown(attempt, TroubleReason.TIMEOUT, "the name lookup got no thread: too many others hang")
        attempt.timed = phase in (Phase.PROCESSING, Phase.TRANSFER)  # it took at least that long
        return _down(attempt, f"timed out after {format_duration(probe.timeout)} in phase {phase}{attempt.at}")

    def _now(self) -> float:
        return epoch(self._clock.now())


def _redirected(request: Request, response: Response) -> Request:
    location = response.headers.get("location", "")
    if not location:
        raise Down(f"status {response.status} leads nowhere: it has no Location")
    try:
        url = join_url(request.url, location)
    except ValueError as error:
        raise Down(f"status {response.status} leads to no site: {error}") from None
    if response.status in _BECOME_GET and request.method == "POST":
        request = replace(request, method="GET", body=b"")
    if url.origin != request.url.origin:
        kept = {name: value for name, value in request.headers.items() if name.lower() in _HARMLESS_HEADERS}
        request = replace(request, headers=kept)
    return replace(request, url=url)


def _result(attempt: _Attempt, *, success: bool | None, reason: str, trouble: TroubleReason | None = None) -> Result:
    attempt.watch.stop()
    return Result(
        success=success,
        reason=reason,
        phase="" if success else attempt.watch.phase,
        address=attempt.address,
        duration=attempt.watch.elapsed if attempt.timed else None,
        status=attempt.status,
        expires=attempt.expires,
        phases=attempt.watch.phases,
        trouble=trouble,
    )


def _down(attempt: _Attempt, reason: str) -> Result:
    return _result(attempt, success=False, reason=reason)


def _unknown(attempt: _Attempt, trouble: TroubleReason, reason: str) -> Result:
    return _result(attempt, success=None, reason=reason, trouble=trouble)
