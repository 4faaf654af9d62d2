"""One fresh connection: TCP, and TLS on top of it as a step of its own, so that each can be timed.

The socket belongs to this object alone, and closing it takes effect at once. A TLS session is never resumed:
Python offers none unless it is handed one.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_CHUNK = 65_536
_DER = 2
_inner = attrgetter("_sslobj")


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

    def presented(self) -> list[bytes]:
        """The certificates that the peer showed, in DER, its own first."""
        return [] if self._tls is None else _chain(self._tls.session, "get_unverified_chain")

    def verified(self) -> list[bytes]:
        """The chain that was trusted, in DER, up to its root; empty when nothing was verified."""
        if self._tls is None or self._tls.session.context.verify_mode is ssl.CERT_NONE:
            return []
        return _chain(self._tls.session, "get_verified_chain")

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


def _chain(session: ssl.SSLObject, name: str) -> list[bytes]:
    """A chain of a session: public from Python 3.13 on, before that only the object underneath shows it."""
    public = getattr(session, name, None)
    if public is not None:
        return list(public() or ())
    chain = getattr(_inner(session), name)()
    return [certificate.public_bytes(_DER) for certificate in chain or ()]


async def connect(address: str, port: int) -> Wire:
    """A TCP connection to one IP address; raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await _connected(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return Wire(sock)


async def _connected(sock: socket.socket, place: tuple[str, int]) -> None:
    """Wait until it is; uvloop's own sock_connect looks even a plain address up, on a thread that lookups share."""
    with suppress(BlockingIOError):
        sock.connect(place)
        return
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(sock, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(sock)
    if number := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(number, os.strerror(number))
