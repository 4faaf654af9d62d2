"""Is the certificate of a port good: trusted, for the names it must carry, and for long enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from watchtower.sources.probe.endpoints import ascii_host, certified_name, split_host
from watchtower.sources.probe.evidence import endpoint
from watchtower.sources.probe.kinds.base import COMMON_VALUES, Kind
from watchtower.sources.probe.result import Down, Phase
from watchtower.sources.probe.starttls import PREFACES, Protocol
from watchtower.sources.probe.tls import remaining

if TYPE_CHECKING:
    from watchtower.sources.probe.attempt import Attempt
    from watchtower.sources.probe.targets import Target
    from watchtower.sources.probe.tls import Certificate

_DAY = 86_400


class Tls(Kind):
    """A handshake and a look at the certificates; nothing is asked of the server behind it."""

    kind: ClassVar[str] = "tls"
    values: ClassVar[frozenset[str]] = COMMON_VALUES | {"certificate_days"}

    host: str = "{{ target }}"
    port: int | None = Field(default=None, ge=1, le=65_535)
    starttls: Protocol | None = None
    server_name: str | None = Field(default=None, min_length=1)
    insecure: bool = False
    names: tuple[Annotated[str, AfterValidator(certified_name)], ...] = ()
    min_days: int = Field(default=0, ge=0)

    def job(self, target: Target) -> TlsJob:
        host, port = split_host(self.rendered("host", target), self.port, 443)
        return TlsJob(self, host, port, ascii_host(self.server_name) if self.server_name else host)


@dataclass(frozen=True, slots=True)
class TlsJob:
    """One handshake."""

    asked: Tls
    host: str
    port: int
    name: str

    @property
    def shown(self) -> str:
        return endpoint(self.host, self.port)

    async def run(self, attempt: Attempt) -> str:
        preface = PREFACES[self.asked.starttls] if self.asked.starttls else None
        wire = await attempt.open(self.host, self.port)
        try:
            if preface is not None:
                attempt.watch.enter(Phase.PROCESSING)
                await preface(wire)
            await attempt.secure(wire, self.name, insecure=self.asked.insecure, preface=preface)
        finally:
            wire.close()
        if attempt.certificate is None or attempt.expires is None:
            raise Down("the certificate cannot be read")
        attempt.timed = True
        self._judge(attempt.certificate, attempt.expires - attempt.now)
        return remaining(attempt.expires - attempt.now)

    def _judge(self, certificate: Certificate, left: float) -> None:
        if lacking := [name for name in self.asked.names if not certificate.covers(name)]:
            raise Down(f"certificate is not for {', '.join(lacking)}")
        if left < self.asked.min_days * _DAY:
            raise Down(f"{remaining(left)}, expected at least {self.asked.min_days} days")
