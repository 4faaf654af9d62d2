"""``/ping/{token}``: the runs that we wait for say that they began, ended or failed.

The token proves who calls, so every address may. Whoever asks with GET or HEAD pings too: a cron job has no more.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from watchtower.web.problems import FRESH
from watchtower.web.signed import answered

if TYPE_CHECKING:
    from watchtower.live import Live

PATH, KIND_PATH = "/ping/{token}", "/ping/{token}/{kind:start|fail|log}"
#: The same as routes are known to the guard.
PATHS = frozenset({PATH, "/ping/{token}/{kind}"})
#: Bytes of a body: what a run wrote may be long, and its ping must not be lost for that.
MAX_BODY = 512 * 1024
#: Seconds for the body to arrive.
PATIENCE = 10.0


class Pings:
    """The handler; whose token it is, ``live`` knows."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def register(self, router: web.UrlDispatcher) -> None:
        """Take the paths, for every method that a client may have at hand."""
        for path in (PATH, KIND_PATH):
            for method in ("GET", "HEAD", "POST"):
                router.add_route(method, path, self.ping)

    async def ping(self, request: web.Request) -> web.StreamResponse:
        """200 once it is kept; 404 for an unknown token, 429 too often, 503 while it could not be kept."""
        ring = self._live.bell(request.match_info["token"])
        if ring is None:
            return web.Response(status=404, text="not found\n", headers=FRESH)
        return await answered(
            request, partial(ring, request.match_info.get("kind", "success")), most=MAX_BODY, patience=PATIENCE
        )
