"""One fresh connection: TCP, and TLS on top of it as a step of its own, so that each can be timed.

The socket belongs to this object alone, and closing it takes effect at once. A TLS session is never resumed:
Python offers none unless it is handed one.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_CHUNK = 65_536


class Wire:
    """A connected socket; ``secure`` puts TLS on it. Every method may raise OSError (ssl.SSLError is one)."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._tls: _Tls | None = None

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Shake hands for this host name; raises ssl.SSLCertVerificationError when the certificate is refused."""
        tls = _Tls(context, host)
        await self._drive(tls, tls.session.do_handshake)
        self._tls = tls

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        if self._tls is None:
            await self._loop.sock_sendall(self._socket, data)
        else:
            session = self._tls.session
            await self._drive(self._tls, lambda: session.write(data))

    async def receive(self) -> bytes:
        """What came, at most 64 KiB; empty at the end of the stream."""
        if self._tls is None:
            return await self._loop.sock_recv(self._socket, _CHUNK)
        session = self._tls.session
        try:
            return await self._drive(self._tls, lambda: session.read(_CHUNK))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""  # an end without close_notify is common; HTTP's own framing tells whether anything is missing

    def certificates(self) -> list[bytes]:
        """The peer's certificates in DER, its own first: the verified chain where Python shows it (3.13)."""
        if self._tls is None:
            return []
        session = self._tls.session
        own = session.getpeercert(binary_form=True)
        chain: list[bytes] = []
        if session.context.verify_mode is not ssl.CERT_NONE and hasattr(session, "get_verified_chain"):
            chain = session.get_verified_chain()
        return chain or ([own] if own else [])

    def close(self) -> None:
        """Close now, without TLS's farewell, which a hanging peer would not answer."""
        self._socket.close()

    async def _drive(self, tls: _Tls, step: Callable[[], T]) -> T:
        """Repeat a step of TLS until it no longer needs bytes from the peer."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush(tls)
                await self._fill(tls)
            except ssl.SSLError:
                with suppress(OSError):  # the alert is a courtesy: why it failed is what counts
                    await self._flush(tls)
                raise
            else:
                await self._flush(tls)
                return result

    async def _flush(self, tls: _Tls) -> None:
        if data := tls.outgoing.read():
            await self._loop.sock_sendall(self._socket, data)

    async def _fill(self, tls: _Tls) -> None:
        if data := await self._loop.sock_recv(self._socket, _CHUNK):
            tls.incoming.write(data)
        else:
            tls.incoming.write_eof()


class _Tls:
    """A TLS session between two buffers."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)


async def connect(address: str, port: int) -> Wire:
    """A TCP connection to one IP address; raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return Wire(sock)
