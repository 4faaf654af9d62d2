"""Real web servers on the loopback that behave, or misbehave, as a test says; and certificates of every kind."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from watchtower.sources.probe.result import Down
from watchtower.sources.probe.tls import TlsPolicy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
#: What a site does with one connection.
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Site:
    """A running site; ``requests`` holds the head of each request that arrived whole."""

    port: int
    behaviour: Behaviour
    secure: bool = False
    connections: int = 0
    requests: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address by number."""
        return f"{'https' if self.secure else 'http'}://127.0.0.1:{self.port}/"

    def url_of(self, host: str, path: str = "/") -> str:
        """Its address by a name that a test's resolver knows."""
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{path}"


@asynccontextmanager
async def running_site(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """Serve on a free port of 127.0.0.1 until the block ends; connections still open then are dropped."""
    site = Site(0, behaviour, secure=tls is not None)
    open_now: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        site.connections += 1
        try:
            recording = _Recording(reader, site.requests)
            await site.behaviour(recording, writer)  # type: ignore[arg-type]
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            open_now.discard(task)
            writer.transport.abort()
            writers.append(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        for task in tuple(open_now):
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
        for writer in writers:
            with suppress(OSError):
                await writer.wait_closed()
        await server.wait_closed()


class _Recording:
    """A reader that keeps what it read."""

    def __init__(self, reader: asyncio.StreamReader, requests: list[str]) -> None:
        self._reader = reader
        self._requests = requests

    async def readuntil(self, separator: bytes) -> bytes:
        head = await self._reader.readuntil(separator)
        self._requests.append(head.decode("latin-1"))
        return head

    async def readexactly(self, count: int) -> bytes:
        return await self._reader.readexactly(count)

    async def read(self, count: int) -> bytes:
        return await self._reader.read(count)


def answering(status: int = 200, body: bytes = b"Welcome", *headers: str, length: int | None = None) -> Behaviour:
    """A site that answers every request alike; ``length`` lies about the body."""
    extra = "".join(f"{header}\r\n" for header in headers)
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status} Any\r\nContent-Length: {size}\r\n{extra}\r\n"
    return saying(head.encode("latin-1") + body)


def saying(data: bytes) -> Behaviour:
    """A site that answers with these bytes, whatever they are, and closes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return behave


def redirecting(*locations: str, status: int = 302) -> Behaviour:
    """A site whose answers lead to the locations in turn, and then say Welcome."""
    rest = list(locations)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward = answering(status, b"", f"Location: {rest.pop(0)}") if rest else answering()
        await onward(reader, writer)

    return behave


def hanging(said: bytes = b"") -> Behaviour:
    """A site that takes the request, says this much, and then nothing more."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        await asyncio.Event().wait()

    return behave


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A site that takes the request and closes without a word."""
    await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A site that resets the connection as soon as the request is there."""
    await reader.readuntil(b"\r\n\r\n")
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


class Names:
    """A resolver that knows the names it was told; ``*`` stands for all others."""

    def __init__(self, **names: str | Sequence[str] | Exception) -> None:
        self._names = {name.replace("_", "."): answer for name, answer in names.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, begun: Callable[[], None] = lambda: None) -> Sequence[str]:
        self.asked.append(host)
        answer = self._names.get(host, "127.0.0.1" if host == "127.0.0.1" else Down("name not found"))
        if isinstance(answer, Exception):
            raise answer
        return [answer] if isinstance(answer, str) else answer

    def waits(self, host: str) -> bool:
        return False


class HangingNames(Names):
    """A resolver that never answers; ``queued`` says that it has not even begun."""

    def __init__(self, *, queued: bool = False) -> None:
        super().__init__()
        self._queued = queued

    async def resolve(self, host: str, begun: Callable[[], None] = lambda: None) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    def waits(self, host: str) -> bool:
        return self._queued


def free_port() -> int:
    """A port of the loopback where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Authority:
    """A test's own certificate authority."""

    root: Issued

    @classmethod
    def create(cls, name: str = "Test CA") -> Authority:
        """A new authority, valid around now."""
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(Issued(_sign(name, key, name, key, begins=-3650, ends=3650, ca=True), key))

    def issue(self, name: str, *, begins: float = -30, ends: float = 90, ca: bool = False) -> Issued:
        """A certificate for a host name, or for an authority below this one; times in days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.root.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return Issued(_sign(name, key, str(issuer), self.root.key, begins=begins, ends=ends, ca=ca), key)

    def policy(self) -> TlsPolicy:
        """Trust in this authority alone."""
        return TlsPolicy.of(self._trusting)

    def _trusting(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=_pem(self.root.certificate).decode())
        return context


@cache
def authority() -> Authority:
    """One authority for all tests of a process: keys are costly."""
    return Authority.create()


def self_signed(name: str) -> Issued:
    """A certificate that nobody else vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Issued(_sign(name, key, name, key, begins=-30, ends=90), key)


def server_context(issued: Issued, *beside: Issued) -> ssl.SSLContext:
    """What a server needs to show this certificate, and others beside it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key = issued.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with TemporaryDirectory() as folder:
        file = Path(folder) / "server.pem"
        file.write_bytes(key + b"".join(_pem(one.certificate) for one in (issued, *beside)))
        context.load_cert_chain(file)
    return context


def _sign(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
    *,
    begins: float,
    ends: float,
    ca: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC).replace(microsecond=0)
    unsigned = (
        x509.CertificateBuilder()
        .subject_name(_called(name))
        .issuer_name(_called(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=ends))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name.replace(" ", "-"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    return unsigned.sign(by, hashes.SHA256())


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
