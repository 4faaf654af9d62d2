"""People in the simulated workspace: they click buttons, and see what only they are told.

A click reaches the app as Slack would bring it: over one of its open Socket Mode connections, or as a signed request to
the app's URL. https://docs.slack.dev/interactivity/handling-user-interaction
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
import orjson
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from watchtower.clock import epoch
from watchtower.demo.loopback import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.clock import Clock
    from watchtower.demo.slack import SlackMessage

DEMO_APP_TOKEN = "xapp-simulated"  # noqa: S105 - it opens nothing but this simulator
DEMO_SIGNING_SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105 - the same
#: How often a click may be answered.
ANSWERS = 5
#: Seconds Slack waits for the acknowledgement of a click before it shows the person an error.
PATIENCE = 3.0

_TEAM = "T00000000"


class SlackPeople:
    """Who clicks. ``request_url`` is the app's; without it clicks go over a connection.

    ``told`` is what single people were shown, as (name, text); ``acknowledged`` the envelopes that the app confirmed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.app_token = DEMO_APP_TOKEN
        self.signing_secret = DEMO_SIGNING_SECRET
        self.request_url = ""
        self.told: list[tuple[str, str]] = []
        self.acknowledged: list[str] = []
        self.opened = 0
        self.sockets: set[web.WebSocketResponse] = set()
        self._tickets: set[str] = set()
        self._answers: dict[str, tuple[str, int]] = {}
        self._count = 0
        self._confirmed = asyncio.Event()

    # -- the app connects ----------------------------------------------------------------------------------------------

    def ticket(self, origin: str) -> dict[str, Any]:
        """An address for one connection."""
        ticket = f"/socket/{self._next()}"
        self._tickets.add(ticket)
        return {"url": f"ws{origin.removeprefix('http')}{ticket}"}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """One connection, until either side ends it; an address is good for one."""
        if request.path not in self._tickets:
            return web.Response(status=404)
        self._tickets.discard(request.path)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": len(self.sockets) + 1})
        self.sockets.add(socket)
        self.opened += 1
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.acknowledged.append(orjson.loads(message.data)["envelope_id"])
                    self._confirmed.set()
        finally:
            self.sockets.discard(socket)
        return socket

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Slack asks every connection to be opened anew."""
        for socket in list(self.sockets):
            await socket.send_json({"type": "disconnect", "reason": reason})

    async def close(self) -> None:
        """Drop every connection."""
        for socket in list(self.sockets):
            await socket.close()

    # -- somebody clicks -----------------------------------------------------------------------------------------------

    async def click(
        self, message: SlackMessage, label: str, *, place: dict[str, str], origin: str, user: str = "ana"
    ) -> int:
        """Press the button that reads so; the status the app answered, 200 for an envelope it acknowledged.

        Raises LookupError when the message has no such button.
        """
        told = {**self._payload(message, label, origin, user), "channel": place}
        if self.request_url:
            return await self.send(urlencode({"payload": orjson.dumps(told).decode()}).encode())
        return await self._envelope(told)

    async def send(self, body: bytes, *, age: float = 0.0, signature: str | None = None) -> int:
        """A request to the app's URL, signed ``age`` seconds ago."""
        stamp = str(int(epoch(self._clock.now()) - age))
        right = SignatureVerifier(self.signing_secret).generate_signature(timestamp=stamp, body=body)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature if signature is not None else str(right),
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.request_url, data=body, headers=headers) as answer,
        ):
            await answer.read()
            return answer.status

    async def _envelope(self, told: dict[str, Any]) -> int:
        envelope = f"envelope-{self._next()}"
        socket = next(iter(self.sockets))
        await socket.send_json({"type": "interactive", "envelope_id": envelope, "payload": told})
        async with asyncio.timeout(PATIENCE):
            while envelope not in self.acknowledged:
                self._confirmed.clear()
                await self._confirmed.wait()
        return 200

    def _payload(self, message: SlackMessage, label: str, origin: str, user: str) -> dict[str, Any]:
        block, button = next(found for found in _buttons(message) if found[1]["text"]["text"] == label)
        answer = f"/actions/{_TEAM}/{self._next()}"
        self._answers[answer] = (user, ANSWERS)
        stamp = f"{epoch(self._clock.now()):.6f}"
        return {
            "type": "block_actions",
            "user": {"id": f"U{user.upper()}", "username": user, "name": user, "team_id": _TEAM},
            "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
            "message": {"type": "message", "ts": message.ts, "text": message.text, "blocks": message.blocks},
            "response_url": f"{origin}{answer}",
            "actions": [
                {
                    "type": "button",
                    "action_id": button["action_id"],
                    "block_id": block.get("block_id", ""),
                    "action_ts": stamp,
                    **({"value": button["value"]} if "value" in button else {}),
                }
            ],
        }

    def answer(self, path: str, told: Any) -> Reply:
        """What the app says to a click: shown to who clicked, a few times at most."""
        user, left = self._answers.get(path, ("", 0))
        if not left or not isinstance(told, dict) or not told.get("text"):
            return Reply(404, "used_url" if user else "expired_url", "used_url" if user else "expired_url")
        self._answers[path] = (user, left - 1)
        self.told.append((user, str(told["text"])))
        return Reply(200, "ok")

    def _next(self) -> int:
        self._count += 1
        return self._count


def _buttons(message: SlackMessage) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for block in message.blocks:
        if block["type"] == "actions":
            yield from ((block, element) for element in block["elements"])
    raise LookupError("the message has no such button")
