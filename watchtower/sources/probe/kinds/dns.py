"""Does a name server answer, and with what: records of a type, asked of one server that is named."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
from pydantic import Field

from watchtower.model import TroubleReason
from watchtower.sources.probe.endpoints import ascii_host, split_host
from watchtower.sources.probe.evidence import endpoint
from watchtower.sources.probe.kinds.base import Kind
from watchtower.sources.probe.kinds.dns_answers import DnsExpect, Record, answers_of, listed
from watchtower.sources.probe.network import explain
from watchtower.sources.probe.result import Down, Phase, Unknown
from watchtower.sources.probe.wire import connect

if TYPE_CHECKING:
    from watchtower.sources.probe.attempt import Attempt
    from watchtower.sources.probe.targets import Target

#: Bytes of a UDP answer; a longer one is asked for again over TCP (DNS flag day 2020: 1232).
_DATAGRAM = 65_535


class Dns(Kind):
    """One question to one server; without ``server`` to the first that this machine uses."""

    kind: ClassVar[str] = "dns"
    templates: ClassVar[tuple[str, ...]] = ("name", "server")

    name: str = "{{ target }}"
    type: Record = "A"
    server: str | None = None
    transport: Literal["udp", "tcp"] = "udp"
    recursion: bool = True
    expect: DnsExpect = Field(default_factory=DnsExpect)

    def job(self, target: Target) -> DnsJob:
        server = None if self.server is None else split_host(self.rendered("server", target), None, 53)
        self.expect.fit(self.type)
        return DnsJob(self, _name(self.rendered("name", target)), server)


def _name(text: str) -> dns.name.Name:
    try:
        return dns.name.root if text == "." else dns.name.from_text(ascii_host(text))
    except dns.exception.DNSException:
        raise ValueError(f"{text!r} is no name that DNS could know") from None


@dataclass(frozen=True, slots=True)
class DnsJob:
    """One question."""

    asked: Dns
    name: dns.name.Name
    server: tuple[str, int] | None

    @property
    def shown(self) -> str:
        what = f"{self.name.to_text(omit_final_dot=True)} {self.asked.type}"
        return what if self.server is None else f"{what} @{endpoint(*self.server)}"

    async def run(self, attempt: Attempt) -> str:
        host, port = self.server or (_own_server(), 53)
        await attempt.resolve(host)
        attempt.port = port
        query = dns.message.make_query(self.name, self.asked.type)
        if not self.asked.recursion:
            query.flags &= ~dns.flags.RD
        answer = await self._exchange(query, attempt)
        attempt.timed = True
        attempt.measures["probe_dns_query_succeeded"] = 1.0
        attempt.measures["probe_dns_answer_rrs"] = float(sum(len(rrset) for rrset in answer.answer))
        attempt.excerpt = _shown(answer).encode()
        answers = answers_of(answer, self.asked.type)
        if fault := self.asked.expect.fault_of(dns.rcode.to_text(answer.rcode()), answers, self.asked.type):
            raise Down(fault)
        return listed(answers) or dns.rcode.to_text(answer.rcode())

    async def _exchange(self, query: dns.message.Message, attempt: Attempt) -> dns.message.Message:
        attempt.measures["probe_dns_query_succeeded"] = 0.0
        if self.asked.transport == "udp":
            attempt.watch.enter(Phase.REQUEST)
            answer = await _over_udp(query, attempt)
            if not answer.flags & dns.flags.TC:
                return answer
        return await _over_tcp(query, attempt)


def _own_server() -> str:
    try:
        return str(dns.resolver.Resolver().nameservers[0])
    except (dns.exception.DNSException, IndexError):
        raise Unknown(
            TroubleReason.INVALID, "cannot probe: this machine has no name server; name one as `server`"
        ) from None


def _shown(answer: dns.message.Message) -> str:
    return "; ".join([dns.rcode.to_text(answer.rcode()), *(rrset.to_text() for rrset in answer.answer)])


async def _over_udp(query: dns.message.Message, attempt: Attempt) -> dns.message.Message:
    """The datagram that answers this question; others are somebody's forgery, or late, and passed over."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in attempt.address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((attempt.address, attempt.port))  # the kernel now drops strangers, and tells of a closed port
        sock.send(query.to_wire())
        while True:
            answer = _read(await loop.sock_recv(sock, _DATAGRAM))
            if answer is not None and query.is_response(answer):
                return answer


def _read(data: bytes) -> dns.message.Message | None:
    try:
        return dns.message.from_wire(data, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return None


async def _over_tcp(query: dns.message.Message, attempt: Attempt) -> dns.message.Message:
    attempt.watch.enter(Phase.CONNECT)
    try:
        wire = await connect(attempt.address, attempt.port)
    except OSError as error:
        raise explain(error, Phase.CONNECT, attempt.address, attempt.port) from None
    try:
        attempt.watch.enter(Phase.REQUEST)
        asked = query.to_wire()
        await wire.send(len(asked).to_bytes(2, "big") + asked)
        heard = b""
        while len(heard) < 2 or len(heard) < 2 + int.from_bytes(heard[:2], "big"):
            if not (data := await wire.receive()):
                raise Down("closed the connection without a whole answer")
            heard += data
    finally:
        wire.close()
    answer = _read(heard[2 : 2 + int.from_bytes(heard[:2], "big")])
    if answer is None or not query.is_response(answer):
        raise Down("the answer is not DNS, or not to this question")
    return answer
