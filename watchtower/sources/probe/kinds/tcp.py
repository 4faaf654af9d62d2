"""Does a port accept connections, and does it say what it should: in the clear, over TLS, or after STARTTLS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from watchtower.schema import Model
from watchtower.sources.probe.endpoints import split_host
from watchtower.sources.probe.evidence import EXCERPT, endpoint
from watchtower.sources.probe.kinds.base import COMMON_VALUES, Kind
from watchtower.sources.probe.patterns import Pattern, found
from watchtower.sources.probe.result import Down, Phase
from watchtower.sources.probe.starttls import PREFACES, Protocol

if TYPE_CHECKING:
    from watchtower.sources.probe.attempt import Attempt
    from watchtower.sources.probe.targets import Target
    from watchtower.sources.probe.wire import Wire

#: Bytes that are read while the expected text has not come.
MAX_TALK = 65_536
#: How often what came so far is looked at: a peer that sends single bytes must not cost a look for each.
MAX_READS = 256


class TcpExpect(Model):
    """What the port must say; what is given must all be found, in what it says within the timeout."""

    contains: str | None = Field(default=None, min_length=1)
    regex: Pattern | None = None

    @property
    def anything(self) -> bool:
        """Whether there is something to wait for."""
        return self.contains is not None or self.regex is not None

    def fault_of(self, said: str) -> str:
        """Why this is not what was expected; empty when it is."""
        if self.contains is not None and self.contains not in said:
            return f"the answer lacks {self.contains!r}"
        if self.regex is not None and not found(self.regex, said):
            return f"the answer does not match {self.regex!r}"
        return ""


class Tcp(Kind):
    """A connection to a port, and a few words on it."""

    kind: ClassVar[str] = "tcp"
    values: ClassVar[frozenset[str]] = COMMON_VALUES | {"certificate_days"}

    host: str = "{{ target }}"
    port: int | None = Field(default=None, ge=1, le=65_535)
    tls: bool = False
    starttls: Protocol | None = None
    insecure: bool = False
    send: str | None = Field(default=None, min_length=1)
    expect: TcpExpect = Field(default_factory=TcpExpect)

    @model_validator(mode="after")
    def _one_way_to_tls(self) -> Self:
        if self.tls and self.starttls:
            raise ValueError("`tls: true` begins with TLS, `starttls` comes to it later; leave one out")
        if self.insecure and not self.secure:
            raise ValueError("`insecure` means nothing without TLS; write `tls: true` or `starttls`")
        return self

    @property
    def secure(self) -> bool:
        """Whether there is TLS at any time."""
        return self.tls or self.starttls is not None

    @property
    def alone(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def missing(self, value: str) -> str:
        if value == "certificate_days" and not self.secure:
            return "certificate_days needs `tls: true` or `starttls`"
        return super().missing(value)

    def job(self, target: Target) -> TcpJob:
        host, port = split_host(self.rendered("host", target), self.port)
        return TcpJob(self, host, port)


@dataclass(frozen=True, slots=True)
class TcpJob:
    """One connection to one port."""

    asked: Tcp
    host: str
    port: int

    @property
    def shown(self) -> str:
        return endpoint(self.host, self.port)

    async def run(self, attempt: Attempt) -> str:
        wire = await attempt.open(self.host, self.port)
        try:
            if self.asked.secure:
                await self._secure(wire, attempt)
            return await self._talk(wire, attempt)
        finally:
            wire.close()

    async def _secure(self, wire: Wire, attempt: Attempt) -> None:
        preface = PREFACES[self.asked.starttls] if self.asked.starttls else None
        if preface is not None:
            attempt.watch.enter(Phase.PROCESSING)
            await preface(wire)
        await attempt.secure(wire, self.host, insecure=self.asked.insecure, preface=preface)

    async def _talk(self, wire: Wire, attempt: Attempt) -> str:
        asked = self.asked
        if asked.send is None and not asked.expect.anything:
            return "connected"
        attempt.watch.enter(Phase.PROCESSING)
        if asked.send is not None:
            await wire.send(asked.send.encode())
        if not asked.expect.anything:
            return "connected, and sent"
        await _listen(wire, asked.expect, attempt)
        return "said what was expected"


async def _listen(wire: Wire, expect: TcpExpect, attempt: Attempt) -> None:
    """Read until all was found; raises Down at the end of the stream, or when too much else was said."""
    said = b""
    attempt.measures["probe_failed_due_to_regex"] = 1.0
    for _ in range(MAX_READS):
        data = await wire.receive()
        said += data
        attempt.excerpt = said[:EXCERPT]
        fault = expect.fault_of(said.decode("utf-8", errors="replace"))
        if not fault:
            attempt.measures["probe_failed_due_to_regex"] = 0.0
            return
        if not data or len(said) >= MAX_TALK:
            raise Down(fault if said else "closed the connection without a word")
    raise Down(f"said too little at a time, in more than {MAX_READS} pieces")
