"""Where PagerDuty tells what somebody did there: open to everybody, because only PagerDuty can sign it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.web.signed import answered

if TYPE_CHECKING:
    from aiohttp import web

    from watchtower.live import Live

#: The address of a webhook subscription, one for each channel.
PATH = "/api/v1/pagerduty/{channel}/webhook"
#: Bytes; PagerDuty drops what is larger: https://developer.pagerduty.com/docs/webhooks-behavior
MAX_WEBHOOK = 256 * 1024
#: Seconds that a body may take to arrive; PagerDuty waits 5 s for the answer, of which the store may need most.
PATIENCE = 3.0


class PagerDutyWebhooks:
    """The endpoint; who may is decided by the signature, not by the address."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def register(self, router: web.UrlDispatcher) -> None:
        """Add the route."""
        router.add_post(PATH, self.told)

    async def told(self, request: web.Request) -> web.StreamResponse:
        """202 once it is stored; 401 a wrong signature, 404 a channel without webhook_secret, 503 try again."""
        channel = request.match_info["channel"]
        return await answered(
            request,
            lambda body: self._live.report(channel, body, request.headers),
            most=MAX_WEBHOOK,
            patience=PATIENCE,
        )
