"""One HTTP/1.1 request and its answer over a wire."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from email.message import Message
from functools import partial
from typing import TYPE_CHECKING

import h11

from watchtower.sources.probe.evidence import EXCERPT
from watchtower.sources.probe.result import Down, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchtower.sources.probe.attempt import Attempt
    from watchtower.sources.probe.kinds.http.urls import Url
    from watchtower.sources.probe.wire import Wire

#: Bytes of a body that are read, and of a decompressed one that are looked at; the rest is left where it is.
MAX_BODY = 1_048_576
#: Bytes of status line and headers together.
MAX_HEADERS = 65_536

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_GZIP_OR_ZLIB = 47  # zlib's wbits: either header is recognised


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; ``headers`` are the rule's, and win over ours.

    ``extra`` are for the proxy alone; ``whole``: it is told the whole URL.
    """

    method: str
    url: Url
    headers: Mapping[str, str]
    body: bytes
    agent: str
    extra: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False

    @property
    def target(self) -> str:
        """What the request line names."""
        return self.url.whole if self.whole else self.url.target

    def head(self) -> list[tuple[str, str]]:
        """All headers: ours where the rule has none of that name."""
        ours = {"Host": self.url.authority, "User-Agent": self.agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        if self.body or self.method in _WITH_BODY:
            ours["Content-Length"] = str(len(self.body))
        given = {name.lower() for name in self.headers}
        kept = [(name, value) for name, value in ours.items() if name.lower() not in given]
        return [*kept, ("Connection", "close"), *self.headers.items(), *self.extra.items()]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with at most MAX_BODY bytes of its body; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def text(self, body: bytes) -> str:
        """A decoded body as text."""
        try:
            return body.decode(_charset(self.headers.get("content-type", "")), errors="replace")
        except LookupError:
            return body.decode("utf-8", errors="replace")

    def plain(self) -> bytes:
        """The body, decompressed within MAX_BODY; raises Down when it cannot be read."""
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("identity", ""):
            return self.body
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise Down(f"body is encoded with {encoding}, though none was asked for; its text cannot be read")
        try:
            return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(self.body, MAX_BODY)
        except zlib.error:
            raise Down(f"body says that it is {encoding}, and is not") from None


def _charset(content_type: str) -> str:
    message = Message()
    message["Content-Type"] = content_type
    return message.get_content_charset("utf-8")


async def exchange(wire: Wire, request: Request, attempt: Attempt) -> Response:
    """Send and read; processing ends with the answer's first byte. Raises Down and OSError."""
    attempt.watch.enter(Phase.PROCESSING)
    connection = _client()
    await wire.send(_bytes_of(connection, request))
    reader = _Reader(wire, connection, partial(attempt.watch.enter, Phase.TRANSFER))
    head = await reader.head()
    attempt.status = head.status_code
    headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in head.headers}
    return Response(head.status_code, headers, await reader.body(attempt))


async def open_tunnel(wire: Wire, url: Url, headers: Mapping[str, str]) -> None:
    """Ask a proxy for a way to the site's port (RFC 9110, CONNECT); raises Down and OSError."""
    connection = _client()
    place = f"{url.bracketed}:{url.port}"
    asked = h11.Request(method="CONNECT", target=place, headers=[("Host", place), *headers.items()])
    await wire.send((connection.send(asked) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    head = await _Reader(wire, connection, lambda: None).head()
    if not 200 <= head.status_code < 300:
        raise Down(f"the proxy refused to connect: status {head.status_code}")


def _client() -> h11.Connection:
    return h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADERS)


def _bytes_of(connection: h11.Connection, request: Request) -> bytes:
    head = h11.Request(method=request.method, target=request.target, headers=request.head())
    parts = [connection.send(head)]
    if request.body:
        parts.append(connection.send(h11.Data(data=request.body)))
    parts.append(connection.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)


class _Reader:
    """Turns bytes into HTTP events."""

    def __init__(self, wire: Wire, connection: h11.Connection, begun: Callable[[], None]) -> None:
        self._wire = wire
        self._connection = connection
        self._begun = begun
        self._answered = False
        self._ended = False

    async def head(self) -> h11.Response:
        """The status line and headers, past informational answers."""
        while True:
            try:
                event = await self._next()
            except h11.RemoteProtocolError as error:
                raise Down(self._no_answer(error)) from None
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise Down("closed the connection without an answer")

    async def body(self, attempt: Attempt) -> bytes:
        """The body up to MAX_BODY; its beginning is evidence as soon as it is there."""
        body = bytearray()
        while len(body) < MAX_BODY:
            try:
                event = await self._next()
            except h11.RemoteProtocolError:
                raise Down(f"{self._broken} the body, after {len(body)} bytes") from None
            if not isinstance(event, h11.Data):
                break
            body += event.data
            attempt.excerpt = bytes(body[:EXCERPT])
        return bytes(body[:MAX_BODY])

    @property
    def _broken(self) -> str:
        return "closed the connection in the middle of" if self._ended else "sent an invalid chunk in"

    async def _next(self) -> object:
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            data = await self._wire.receive()
            if data and not self._answered:
                self._answered = True
                self._begun()
            self._ended = not data
            self._connection.receive_data(data)
        return event

    def _no_answer(self, error: h11.RemoteProtocolError) -> str:
        if not self._answered:
            return "closed the connection without an answer"
        if error.error_status_hint == 431:
            return f"the answer's headers are longer than {MAX_HEADERS} bytes"
        return "the answer is not HTTP"
