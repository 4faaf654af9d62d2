"""What is known while a probe runs, and the steps that kinds share: resolve and pin, connect, shake hands."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchtower.clock import epoch
from watchtower.sources.probe.network import explain
from watchtower.sources.probe.ping import ping_socket
from watchtower.sources.probe.resolver import choose
from watchtower.sources.probe.result import Down, Phase, Stopwatch
from watchtower.sources.probe.tls import Certificate, read_certificates, refusal
from watchtower.sources.probe.wire import Wire, connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from socket import socket

    from watchtower.clock import Clock
    from watchtower.sources.probe.kinds.http.content import Content
    from watchtower.sources.probe.resolver import Resolver
    from watchtower.sources.probe.result import Family
    from watchtower.sources.probe.tls import TlsPolicy

    #: Speaks in the clear until the peer is ready for TLS.
    Preface = Callable[[Wire], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Tools:
    """What every probe of a prober shares."""

    clock: Clock
    resolver: Resolver
    tls: TlsPolicy
    ping: Callable[[str], socket] = ping_socket


@dataclass(slots=True)
class Attempt:
    """One probe on its way; when the timeout ends it, this is all that is known.

    ``host`` is the name that is looked up, ``at`` what a reason adds about the place (redirects). ``timed``: the time
    so far is an answer's. ``proxy`` is the one that stands between, whose address it then is. ``excerpt`` is the
    beginning of what the target said. ``hide`` are texts that no evidence may show.
    """

    tools: Tools
    watch: Stopwatch
    family: Family | None = None
    host: str = ""
    address: str = ""
    port: int = 0
    proxy: str = ""
    status: int | None = None
    certificate: Certificate | None = None
    expires: float | None = None
    refused: str = ""
    at: str = ""
    timed: bool = False
    excerpt: bytes = b""
    hide: tuple[str, ...] = ()
    measures: dict[str, float] = field(default_factory=dict)
    content: Content | None = None

    @classmethod
    def begin(cls, tools: Tools, family: Family | None = None) -> Attempt:
        """The clock runs from here on."""
        return cls(tools, Stopwatch(tools.clock), family)

    @property
    def answered(self) -> bool:
        """Whether the target said something, which is then read or judged."""
        said = self.timed or self.status is not None or bool(self.excerpt)
        return said and self.watch.phase not in (Phase.RESOLVE, Phase.CONNECT)

    @property
    def now(self) -> float:
        """Wall time in epoch seconds."""
        return epoch(self.tools.clock.now())

    async def resolve(self, host: str) -> str:
        """Look the name up and pin one of its addresses; raises Down and Unknown."""
        self.watch.enter(Phase.RESOLVE)
        self.host, self.address = host, ""
        self.address = choose(await self.tools.resolver.resolve(host, self.watch.restart), self.family)
        return self.address

    async def open(self, host: str, port: int) -> Wire:
        """A fresh connection to the one address that is pinned; raises Down and Unknown."""
        self.certificate, self.excerpt = None, b""  # those of the place before a redirect
        await self.resolve(host)
        self.watch.enter(Phase.CONNECT)
        self.port = port
        try:
            return await connect(self.address, port)
        except OSError as error:
            raise explain(error, Phase.CONNECT, self.address, port) from None

    async def secure(
        self, wire: Wire, name: str, *, web: bool = False, insecure: bool = False, preface: Preface | None = None
    ) -> None:
        """Shake hands for this name; a refused certificate is Down with the certificate's own faults.

        ``web``: HTTP follows. ``preface`` is what led to the handshake, to be said again where a refused certificate is
        looked at.
        """
        self.watch.enter(Phase.TLS)
        name = name.removesuffix(".")  # no certificate is for a name with DNS's own dot at its end
        try:
            await wire.secure(self.tools.tls.context(web=web, insecure=insecure), name)
        except ssl.SSLCertVerificationError as error:
            self.refused = refusal(error, None, name, self.now)
            certificate = await self._peek(name, preface)
            self._saw(certificate)
            raise Down(refusal(error, certificate, name, self.now)) from None
        shown = wire.presented()
        self._saw(self.tools.tls.lasting(read_certificates(shown, wire.verified()), shown, self.now))

    def _saw(self, certificate: Certificate | None) -> None:
        """Keep the newest certificate, and the earliest ends of all."""
        if certificate is None:
            return
        self.certificate = certificate
        self.expires = min(certificate.expires, self.expires or certificate.expires)
        self._earliest("probe_ssl_earliest_cert_expiry", certificate.earliest)
        if certificate.chain_ends is not None:
            self._earliest("probe_ssl_last_chain_expiry_timestamp_seconds", certificate.chain_ends)

    def _earliest(self, name: str, ends: float) -> None:
        self.measures[name] = min(ends, self.measures.get(name, ends))

    async def _peek(self, name: str, preface: Preface | None) -> Certificate | None:
        """The certificate that was refused, by a second connection that verifies nothing and asks nothing."""
        try:
            wire = await connect(self.address, self.port)
        except OSError:
            return None
        try:
            if preface is not None:
                await preface(wire)
            await wire.secure(self.tools.tls.blind, name)
            return read_certificates(wire.presented(), [])
        except (OSError, Down):
            return None
        finally:
            wire.close()
