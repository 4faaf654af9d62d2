"""Where Slack sends what somebody clicked: open to everybody, because only Slack can sign it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.web.signed import answered

if TYPE_CHECKING:
    from aiohttp import web

    from watchtower.live import Live

#: What a Slack app's "Request URL" ends in.
PATH = "/api/v1/slack/actions"
#: Bytes; a click brings along the whole message, percent-encoded.
MAX_CLICK = 512 * 1024
#: Seconds that a body may take to arrive: Slack waits 3 s for the answer, and strangers reach this, too.
PATIENCE = 3.0


class SlackActions:
    """The endpoint; who may is decided by the signature, not by the address."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def register(self, router: web.UrlDispatcher) -> None:
        """Add the route."""
        router.add_post(PATH, self.clicked)

    async def clicked(self, request: web.Request) -> web.StreamResponse:
        """200 when it is Slack's, before any work; 401 a wrong or old signature, 408 too slow, 413 too large."""

        async def take(body: bytes) -> int:
            return self._live.press(body, request.headers)

        return await answered(request, take, most=MAX_CLICK, patience=PATIENCE)
