"""A real name server on the loopback, over UDP and TCP, that answers as a test says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence


@dataclass
class Zone:
    """Records by name and type (``www.example A``); ``silent`` servers take a question and say nothing.

    ``truncated`` cuts every answer over UDP; ``forged`` are datagrams that come before the answer.
    """

    records: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rcode: str = "NOERROR"
    silent: bool = False
    truncated: bool = False
    forged: Sequence[bytes] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    asked: list[str] = field(default_factory=list)
    recursion_desired: bool = False

    @property
    def address(self) -> str:
        """As a rule writes it."""
        return f"127.0.0.1:{self.port}"

    def answer(self, question: bytes, transport: str) -> bytes:
        """The whole answer to a question."""
        query = dns.message.from_wire(question)
        [asked] = query.question
        self.recursion_desired = bool(query.flags & dns.flags.RD)
        name, kind = asked.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append(f"{name} {kind} {transport}")
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.from_text(self.rcode))
        if name in self.aliases:
            reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{self.aliases[name]}."))
            name = self.aliases[name]
        if records := self.records.get(f"{name} {kind}"):
            owner = f"{name.removesuffix('.')}."
            reply.answer.append(dns.rrset.from_text_list(owner, 60, "IN", kind, records))
        if self.truncated and transport == "udp":
            reply.answer.clear()
            reply.flags |= dns.flags.TC
        return reply.to_wire()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._zone.answer(data, "udp")
        if self._zone.silent or self._transport is None:
            return
        for datagram in (*self._zone.forged, answer):
            self._transport.sendto(datagram, addr)


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[Zone]:
    """Serve the zone on one port over both transports until the block ends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = zone.answer(await reader.readexactly(size), "tcp")
        if not zone.silent:
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
        await reader.read(1)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    zone.port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(zone), local_addr=("127.0.0.1", zone.port))
    try:
        yield zone
    finally:
        transport.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)
