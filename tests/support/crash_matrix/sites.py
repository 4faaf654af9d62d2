"""The sites that the runs' probes look at."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from tests.support.listening import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class Sites:
    """One server for the sites of all runs: the path names the site. ``looks`` counts how often each was asked."""

    url: str = ""
    down: set[str] = field(default_factory=set)
    looks: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: web.Request) -> web.Response:
        """200, or 503 while it is down."""
        site = request.path.strip("/")
        self.looks[site] += 1
        return web.Response(status=503 if site in self.down else 200)


@asynccontextmanager
async def open_sites() -> AsyncIterator[Sites]:
    """Listening."""
    sites = Sites()
    async with listening(sites.answer) as origin:
        sites.url = f"{origin}/"
        yield sites
