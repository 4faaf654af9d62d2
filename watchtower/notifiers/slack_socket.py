"""Socket Mode: Slack tells of clicks through a connection that we open, so nothing of ours must be reachable.

https://docs.slack.dev/apis/events-api/using-socket-mode. The connection is ours and not the SDK's: that one goes on
trying an address that Slack gives out for one use, and leaves tasks behind when it is closed.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import structlog

from watchtower.errors import DeliveryError, Rejected
from watchtower.notifiers.slack_api import SlackApi, expect_ok

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from watchtower.clock import Clock
    from watchtower.notifiers.base import Doors
    from watchtower.secrets import Secret

log = structlog.get_logger("watchtower.slack")

#: Seconds between two pings on the connection; without an answer within half of it the connection is taken for dead.
HEARTBEAT = 30.0
#: Seconds between two calls of auth.test: without any call Slack is known to fall silent on a connection that
#: stands (https://github.com/slackapi/bolt-python/issues/1529).
KEEP_ALIVE = 60.0
#: Seconds before a connection is opened again: the first time, and at most.
RETRY_FIRST = 1.0
RETRY_MOST = 60.0
#: Seconds after which a connection that Slack wants anew is opened without a pause: until it stands, clicks are lost.
STEADY = 10.0
#: Bytes of one envelope; it holds the whole message that was clicked.
MAX_ENVELOPE = 1024 * 1024


class SlackSocket:
    """One app's connection; ``take`` is given the payload of each interaction, after it was acknowledged."""

    def __init__(
        self,
        *,
        app_token: Secret,
        token: Secret,
        api_url: str,
        doors: Doors,
        clock: Clock,
        take: Callable[[dict[str, Any]], object],
    ) -> None:
        self._app = SlackApi(api_url, app_token, doors)
        self._bot = SlackApi(api_url, token, doors)
        self._schemes = ("wss://",) if api_url.startswith("https:") else ("wss://", "ws://")
        self._doors = doors
        self._clock = clock
        self._take = take

    async def run(self) -> None:
        """Stay connected until cancelled."""
        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                await self._session()
                failures = 0
                if self._clock.monotonic() - began >= STEADY:
                    continue
            except (DeliveryError, aiohttp.ClientError, OSError, ValueError) as error:
                failures += 1
                told = error.detail if isinstance(error, DeliveryError) else type(error).__name__
                log.warning("slack.socket_lost", reason=told, failures=failures)
            await self._clock.sleep(min(RETRY_MOST, RETRY_FIRST * 2.0 ** min(failures, 6)))

    async def _session(self) -> None:
        """One connection until it ends; Slack ends each after some hours and says so before."""
        url = str(expect_ok(await self._app.write("apps.connections.open", {})).get("url", ""))
        if not url.startswith(self._schemes):
            raise Rejected("Slack: no address to connect to", permanent=False)
        async with await self._connect(url) as socket, self._kept_alive():
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT and not await self._heard(socket, message.data):
                    return
        raise Rejected("Slack: the connection ended unasked", permanent=False)

    async def _connect(self, url: str) -> aiohttp.ClientWebSocketResponse:
        limit = aiohttp.ClientWSTimeout(ws_close=self._doors.timeout)
        async with asyncio.timeout(self._doors.timeout):
            return await self._doors.http.ws_connect(url, heartbeat=HEARTBEAT, max_msg_size=MAX_ENVELOPE, timeout=limit)

    async def _heard(self, socket: aiohttp.ClientWebSocketResponse, text: str) -> bool:
        """Whether to go on listening. Slack wants its acknowledgement within 3 s, so it leaves before any work."""
        envelope = orjson.loads(text)
        if not isinstance(envelope, dict):
            return True
        if envelope.get("envelope_id"):
            await socket.send_str(orjson.dumps({"envelope_id": envelope["envelope_id"]}).decode())
        if envelope.get("type") == "interactive" and isinstance(envelope.get("payload"), dict):
            self._take(envelope["payload"])
        if envelope.get("type") == "hello":
            log.info("slack.socket_open")
        return envelope.get("type") != "disconnect"

    @asynccontextmanager
    async def _kept_alive(self) -> AsyncIterator[None]:
        calling = asyncio.create_task(self._keep_alive(), name="slack keep-alive")
        try:
            yield
        finally:
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)

    async def _keep_alive(self) -> None:
        while True:
            await self._clock.sleep(KEEP_ALIVE)
            try:
                await self._bot.write("auth.test", {})
            except DeliveryError as error:
                log.warning("slack.keep_alive_failed", reason=error.detail)
