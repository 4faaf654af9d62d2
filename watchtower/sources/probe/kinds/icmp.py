"""Does a host answer a ping: one echo request, and its answer."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from watchtower.model import TroubleReason
from watchtower.sources.probe.endpoints import ascii_host
from watchtower.sources.probe.kinds.base import Kind
from watchtower.sources.probe.result import Phase, Unknown

if TYPE_CHECKING:
    from watchtower.sources.probe.attempt import Attempt
    from watchtower.sources.probe.targets import Target

_ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
_HEADER = struct.Struct("!BBHHH")
_BUFFER = 65_536
_NOT_PERMITTED = (
    "cannot probe: icmp needs the sysctl net.ipv4.ping_group_range to include a group of this process "
    "(0 2147483647 for all); probe a tcp port where it cannot be set"
)


class Icmp(Kind):
    """One ping; ``size`` is its payload in bytes."""

    kind: ClassVar[str] = "icmp"

    host: str = "{{ target }}"
    size: int = Field(default=56, ge=16, le=1_400)

    def job(self, target: Target) -> IcmpJob:
        return IcmpJob(ascii_host(self.rendered("host", target)), self.size)


@dataclass(frozen=True, slots=True)
class IcmpJob:
    """One echo request."""

    host: str
    size: int

    @property
    def shown(self) -> str:
        return self.host

    async def run(self, attempt: Attempt) -> str:
        address = await attempt.resolve(self.host)
        attempt.watch.enter(Phase.SETUP)
        with _permitted(attempt, address) as sock:
            attempt.watch.enter(Phase.RTT)
            await _ping(sock, os.urandom(self.size))
        return "answered"


def _permitted(attempt: Attempt, address: str) -> socket.socket:
    try:
        return attempt.tools.ping(address)
    except PermissionError:
        raise Unknown(TroubleReason.FORBIDDEN, _NOT_PERMITTED) from None


async def _ping(sock: socket.socket, payload: bytes) -> None:
    """Send, and wait for the answer that carries our payload; other answers are not ours."""
    loop = asyncio.get_running_loop()
    request, answer = _ECHO[sock.family]
    sequence = secrets.randbelow(65_536)
    sock.send(_HEADER.pack(request, 0, 0, 0, sequence) + payload)  # the kernel writes identifier and checksum
    while True:
        data = await loop.sock_recv(sock, _BUFFER)
        if len(data) >= _HEADER.size and data[0] == answer and data[_HEADER.size :] == payload:
            return
