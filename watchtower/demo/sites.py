"""Three web sites on loopback ports that do, at every virtual moment, what the estate says."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from aiohttp import web

from watchtower.clock import epoch
from watchtower.demo.estate import Outage, SiteState

if TYPE_CHECKING:
    from types import TracebackType

    from watchtower.clock import Clock
    from watchtower.demo.estate import Estate

_LOOPBACK = "127.0.0.1"
_STRANGER = "Buy this domain"


class Sites:
    """The estate's sites: ``async with Sites(estate, clock) as sites``, then ``sites.urls`` by name."""

    def __init__(self, estate: Estate, clock: Clock) -> None:
        self._sites = [_Site(name, text, estate, clock) for name, text in estate.sites.items()]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            for site in self._sites:
                await opening.enter_async_context(site)
            self._stack = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    @property
    def urls(self) -> dict[str, str]:
        """Where each site is, by its name."""
        return {site.name: site.url for site in self._sites}


class _Site:
    """One site. A second socket keeps the port while nobody listens, so that a refusal is a real one."""

    def __init__(self, name: str, text: str, estate: Estate, clock: Clock) -> None:
        self.name = name
        self.url = ""
        self._text = text
        self._estate = estate
        self._clock = clock
        self._closing = asyncio.Event()
        self._listener: web.SockSite | None = None
        self._keeper = _bound(0)
        app = web.Application()
        app.router.add_get("/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        self._turning: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.url = f"http://{_LOOPBACK}:{self._keeper.getsockname()[1]}/{self.name}"
        await self._runner.setup()
        await self._turn()
        self._turning = asyncio.create_task(self._follow_turns(), name=f"site {self.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._turning is not None:
            self._turning.cancel()
            await asyncio.gather(self._turning, return_exceptions=True)
        await self._runner.cleanup()
        self._keeper.close()

    def _outage(self) -> Outage | None:
        return self._estate.outage(self.name, epoch(self._clock.now()))

    async def _follow_turns(self) -> None:
        for turn in self._estate.turns(self.name):
            while (left := turn - epoch(self._clock.now())) > 0:
                await self._clock.sleep(left)
            await self._turn()

    async def _turn(self) -> None:
        """Listen, or stop listening, as this moment asks."""
        outage = self._outage()
        refuses = outage is not None and outage.state is SiteState.REFUSING
        if refuses and self._listener is not None:
            await self._listener.stop()
            self._listener = None
        if not refuses and self._listener is None:
            listening = _bound(self._keeper.getsockname()[1])
            self._listener = web.SockSite(self._runner, listening)
            await self._listener.start()

    async def _answer(self, _request: web.Request) -> web.Response:
        outage = self._outage()
        if outage is None:
            return _page(self._text)
        match outage.state:
            case SiteState.FAILING:
                return web.Response(status=outage.status, text="Service Unavailable", headers=_CLOSE)
            case SiteState.HANGING:
                await self._closing.wait()
            case SiteState.SLOW:
                await self._clock.sleep(outage.seconds)
            case SiteState.WRONG:
                return _page(_STRANGER)
        return _page(self._text)


_CLOSE = {"Connection": "close"}


def _page(text: str) -> web.Response:
    body = f"<!doctype html><title>{text}</title><h1>{text}</h1>\n"
    return web.Response(text=body, content_type="text/html", headers=_CLOSE)


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((_LOOPBACK, port))
    return bound
