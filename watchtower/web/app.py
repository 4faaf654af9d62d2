"""The HTTP surface: /metrics, health, our own small API and Alertmanager's; it talks only to the store and to live."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from watchtower.errors import DeliveryError, StoreError
from watchtower.live import FAMILIES
from watchtower.web.api_v1 import ApiV1
from watchtower.web.api_v2 import ApiV2
from watchtower.web.exposition import content_type_for, render, squeeze, takes_gzip
from watchtower.web.forgetting import Forgetting
from watchtower.web.guard import guarding
from watchtower.web.pagerduty_webhooks import PATH as PAGERDUTY_WEBHOOKS
from watchtower.web.pagerduty_webhooks import PagerDutyWebhooks
from watchtower.web.pings import PATHS as PINGS
from watchtower.web.pings import Pings
from watchtower.web.probes import Probes
from watchtower.web.slack_actions import PATH as SLACK_ACTIONS
from watchtower.web.slack_actions import SlackActions
from watchtower.web.status import Status
from watchtower.web.uptime import Uptime

if TYPE_CHECKING:
    from watchtower.live import Live
    from watchtower.store.store import Store

#: Bytes of a request body; nothing this API takes is larger.
MAX_BODY = 64 * 1024
#: What vendors call: open to every address, because they sign what they send.
SIGNED = frozenset({SLACK_ACTIONS, PAGERDUTY_WEBHOOKS})


class Web:
    """Handlers over what is live; ``store`` is None until it could be opened."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self.store: Store | None = None
        self._v1 = ApiV1(live, lambda: self.store)
        self._v2 = ApiV2(live, lambda: self.store)

    def application(self, host: str = "") -> web.Application:
        """The aiohttp application with all routes, to be served on ``host``."""
        app = web.Application(client_max_size=MAX_BODY, middlewares=[guarding(host, signed=SIGNED | PINGS)])
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/healthz", self.healthz)
        app.router.add_get("/readyz", self.readyz)
        app.router.add_post("/api/v1/channels/{channel}/test", self.send_test)
        self._v1.register(app.router)
        Status(self._live, lambda: self.store).register(app.router)
        Uptime(self._live, lambda: self.store).register(app.router)
        Forgetting(self._live, lambda: self.store).register(app.router)
        self._v2.register(app.router)
        SlackActions(self._live).register(app.router)
        Pings(self._live).register(app.router)
        Probes(self._live).register(app.router)
        PagerDutyWebhooks(self._live).register(app.router)
        return app

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Prometheus text, or OpenMetrics when the Accept header asks for it; ``?family=`` selects."""
        family = request.query.get("family", "")
        if family and family not in FAMILIES:
            return web.json_response({"error": f"no family {family!r}; there are {', '.join(FAMILIES)}"}, status=400)
        kind, openmetrics = content_type_for(request.headers.get("Accept", ""))
        body = await render(self._live, self.store, (family,) if family else FAMILIES, openmetrics=openmetrics)
        headers = {"Content-Type": kind, "Vary": "Accept, Accept-Encoding"}
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            body = await asyncio.to_thread(squeeze, body)  # a large one would hold up every loop
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    async def healthz(self, _: web.Request) -> web.StreamResponse:
        """200 unless no loop has advanced for a minute."""
        if self._live.stuck():
            return web.json_response({"status": "no loop has advanced for 60 s"}, status=503)
        return web.json_response({"status": "alive"})

    async def readyz(self, _: web.Request) -> web.StreamResponse:
        """200 when the store answers, rules are loaded and no loop is late; otherwise why not."""
        reason = self._live.unready()
        if not reason and self.store is not None:
            try:
                await self.store.ping()
            except StoreError as error:
                reason = str(error)
        if reason:
            return web.json_response({"status": "not ready", "reason": reason}, status=503)
        return web.json_response({"status": "ready"})

    async def send_test(self, request: web.Request) -> web.StreamResponse:
        """Send a labelled test trigger and its resolve through one channel, past the outbox."""
        channel = request.match_info["channel"]
        tester = self._live.testers.get(channel)
        if tester is None:
            known = ", ".join(sorted(self._live.testers)) or "none"
            return web.json_response({"error": f"no channel {channel!r}; configured: {known}"}, status=404)
        try:
            detail = await tester()
        except DeliveryError as error:
            return web.json_response({"error": error.detail}, status=502)
        return web.json_response({"channel": channel, "accepted": True, "detail": detail})
