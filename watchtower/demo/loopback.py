"""What the simulated vendors share: a server on a loopback port that records, and fails when told to."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import orjson
from aiohttp import web

from watchtower.demo.faults import Failing, Faults

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.demo.faults import Fault

#: Bytes of a request that are read at all.
MAX_REQUEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What a vendor answers; ``outcome`` is one word for the record, ``ok`` where it did what was asked."""

    status: int
    document: dict[str, Any] | str
    outcome: str = "ok"
    retry_after: float | None = None

    @property
    def accepted(self) -> bool:
        """The vendor did what was asked."""
        return self.outcome == "ok"

    def response(self) -> web.Response:
        """The answer on the wire."""
        headers = {} if self.retry_after is None else {"Retry-After": str(math.ceil(self.retry_after))}
        if isinstance(self.document, str):
            return web.Response(status=self.status, text=self.document, headers=headers)
        return web.json_response(self.document, status=self.status, headers=headers)


@dataclass(frozen=True, slots=True)
class Received:
    """One request as the vendor saw it: ``acted`` tells whether it did what was asked, ``outcome`` what it said."""

    at: datetime
    operation: str
    payload: Any
    acted: bool
    outcome: str


class LoopbackVendor:
    """A simulated vendor: ``async with`` it, give ``url`` to the client, read ``requests`` afterwards.

    Stopped and started again it keeps its port and what it knows: a vendor that was down.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults = Faults()
        self.requests: list[Received] = []
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen; connections were refused until now."""
        self._stopping.clear()
        app = web.Application(client_max_size=MAX_REQUEST)
        app.router.add_route("*", "/{path:.*}", self.serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and drop every request in hand."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def act(self, request: web.Request, body: bytes) -> Reply:
        """Do what is asked and say so; each vendor its own way."""
        raise NotImplementedError

    def refuse(self, error: str, operation: str = "") -> Reply:
        """The vendor's way to say no to this operation."""
        raise NotImplementedError

    def fail(self, fault: Fault) -> Reply:
        """An HTTP error, as the machines in front of a vendor give it."""
        return Reply(fault.status, f"simulated {fault.status}", str(fault.status), fault.retry_after)

    def read(self, request: web.Request, body: bytes) -> Any:  # noqa: ARG002
        """The request as it is recorded; a JSON body unless a vendor knows better."""
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            return body.decode(errors="replace")

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, or fail as asked to."""
        body = await request.read()
        fault = self.faults.take(request.path)
        if fault is None:
            return self._answered(request, body, self.act(request, body))
        if fault.kind is Failing.SLOW:
            await self._late(fault.seconds)
            return self._answered(request, body, self.act(request, body))
        if fault.arrives:
            return await self._strayed(request, body, fault.arrives)
        if fault.acted:
            self.act(request, body)
        return await self._failed(request, body, fault)

    async def _late(self, seconds: float) -> None:
        """Wait on the simulator's clock, but not longer than the server lives."""
        waits = [asyncio.ensure_future(self.clock.sleep(seconds)), asyncio.ensure_future(self._stopping.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    async def _strayed(self, request: web.Request, body: bytes, seconds: float) -> web.Response:
        """Lose the connection now, and do what was asked when nobody expects it any more."""
        _reset(request)
        await self._late(seconds)
        return self._answered(request, body, self.act(request, body))

    async def _failed(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        if fault.kind is Failing.REFUSE:
            return self._answered(request, body, self.refuse(fault.error, request.path), acted=fault.acted)
        if fault.kind is Failing.STATUS:
            return self._answered(request, body, self.fail(fault), acted=fault.acted)
        unanswered = self._answered(request, body, Reply(503, "", fault.kind.value), acted=fault.acted)
        if fault.kind is Failing.HANG:
            await self._stopping.wait()
        _reset(request)
        return unanswered

    def _answered(self, request: web.Request, body: bytes, reply: Reply, acted: bool | None = None) -> web.Response:
        done = reply.accepted if acted is None else acted
        received = Received(self.clock.now(), request.path, self.read(request, body), done, reply.outcome)
        self.requests.append(received)
        return reply.response()


def _reset(request: web.Request) -> None:
    """Close with a TCP reset instead of a polite end."""
    if request.transport is None:
        return
    line = request.transport.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
