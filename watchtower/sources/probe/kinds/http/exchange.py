"""One HTTP/1.1 request and its answer over a wire."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import h11

from watchtower.sources.probe.evidence import EXCERPT
from watchtower.sources.probe.kinds.http.encoding import text_of, unpacked
from watchtower.sources.probe.result import Down, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchtower.sources.probe.attempt import Attempt
    from watchtower.sources.probe.kinds.http.urls import Url
    from watchtower.sources.probe.wire import Wire

#: Bytes of a body that are read, and of a decompressed one that are looked at; the rest is left where it is.
MAX_BODY = 1_048_576
#: Bytes of status line and headers together, and their lines.
MAX_HEADERS, MAX_LINES = 65_536, 1_000
#: Answers that only say that the answer will come.
MAX_INFORMATIONAL = 20

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_BLANK_LINE = re.compile(rb"\n\r?\n")


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
    """An answer with at most MAX_BODY bytes of its body; by lower case name the values of a header, in their order."""

    status: int
    headers: Mapping[str, tuple[str, ...]]
    body: bytes

    def header(self, name: str) -> str:
        """The last value of a header; empty when it is not there."""
        return self.headers.get(name, ("",))[-1]

    def text(self, body: bytes) -> str:
        """A decoded body as text."""
        return text_of(body, self.header("content-type")) if body else ""

    def plain(self) -> bytes:
        """The body, decompressed within MAX_BODY; raises Down when it cannot be read."""
        whole = len(self.body) < MAX_BODY
        return unpacked(self.body, self.header("content-encoding"), MAX_BODY, whole=whole)

    def beginning(self) -> bytes:
        """What people are shown of the body, in UTF-8, as far as it can be read."""
        try:
            plain = unpacked(self.body, self.header("content-encoding"), EXCERPT, whole=False)
        except Down:
            plain = self.body
        return self.text(plain[:EXCERPT]).encode()


async def exchange(wire: Wire, request: Request, attempt: Attempt) -> Response:
    """Send and read; processing ends with the answer's first byte. Raises Down and OSError."""
    attempt.watch.enter(Phase.PROCESSING)
    connection = _client()
    await wire.send(_bytes_of(connection, request))
    reader = _Reader(wire, connection, partial(attempt.watch.enter, Phase.TRANSFER))
    head = await reader.head()
    attempt.status = head.status_code
    return Response(head.status_code, _headers(head), await reader.body(attempt))


def _headers(head: h11.Response) -> dict[str, tuple[str, ...]]:
    headers: dict[str, list[str]] = {}
    for name, value in head.headers:
        headers.setdefault(name.decode("ascii").lower(), []).append(value.decode("latin-1"))
    return {name: tuple(values) for name, values in headers.items()}


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
        self._head: bytearray | None = bytearray()

    async def head(self) -> h11.Response:
        """The status line and headers, past informational answers."""
        for _ in range(MAX_INFORMATIONAL + 1):
            try:
                event = await self._next()
            except h11.RemoteProtocolError:
                raise Down(self._no_answer()) from None
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise Down("closed the connection without an answer")
            self._head = bytearray()
            self._bound(self._connection.trailing_data[0])
        raise Down(f"said more than {MAX_INFORMATIONAL} times that it will answer, and did not")

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
            self._bound(data)
            self._connection.receive_data(data)
        return event

    def _bound(self, data: bytes) -> None:
        """Refuse a head that is too long before it is read: counting its lines costs next to nothing."""
        if self._head is None:
            return
        seen = max(0, len(self._head) - 2)
        self._head += data
        blank = _BLANK_LINE.search(self._head, seen)
        end = len(self._head) if blank is None else blank.start()
        if end > MAX_HEADERS:
            raise Down(f"the answer's headers are longer than {MAX_HEADERS} bytes")
        if self._head.count(b"\n", 0, end) > MAX_LINES:
            raise Down(f"the answer's headers have more than {MAX_LINES} lines")
        if blank is not None:
            self._head = None

    def _no_answer(self) -> str:
        return "the answer is not HTTP" if self._answered else "closed the connection without an answer"
