"""``POST /api/v1/probes/{target}/accept``: a page has changed, and that is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.errors import StoreError
from watchtower.web.problems import answer

if TYPE_CHECKING:
    from aiohttp import web

    from watchtower.live import Live

PATH = "/api/v1/probes/{target:.+}/accept"


class Probes:
    """The handler; what is compared, ``live`` knows."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def register(self, router: web.UrlDispatcher) -> None:
        """Take the path; a target may be a URL, and hold slashes."""
        router.add_post(PATH, self.accept)

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """200 once it is stored; 404 where nothing compares the target's content."""
        target = request.match_info["target"]
        if self._live.accept is None:
            return answer({"error": f"not ready: {self._live.waiting_for}"}, status=503)
        try:
            known = await self._live.accept(target)
        except StoreError as error:
            return answer({"error": str(error)}, status=503)
        if not known:
            return answer({"error": f"no rule compares the content of {target!r}"}, status=404)
        return answer({"target": target, "detail": "the content that the next probe sees is the accepted one"})
