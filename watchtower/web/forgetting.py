"""``POST /api/v1/channels/{channel}/forget``: what a channel owes where nothing leads any more is written off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from watchtower.errors import StoreError
from watchtower.web.problems import answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from watchtower.live import Live
    from watchtower.store.store import Store


class ForgettingRequest(BaseModel):
    """The body, which may be empty: who says so."""

    model_config = ConfigDict(strict=True, extra="forbid")

    by: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class Forgetting:
    """The handler; what can still be delivered is never forgotten."""

    def __init__(self, live: Live, store: Callable[[], Store | None]) -> None:
        self._live = live
        self._store = store

    def register(self, router: web.UrlDispatcher) -> None:
        """Take the path."""
        router.add_post("/api/v1/channels/{channel}/forget", self.post)

    async def post(self, request: web.Request) -> web.StreamResponse:
        """200 with what was written off; 409 where nothing is owed, or where it can still be delivered."""
        try:
            asked = ForgettingRequest.model_validate_json(await request.read() or b"{}")
        except ValidationError as error:
            return answer({"error": "; ".join(fault["msg"] for fault in error.errors())}, status=400)
        store = self._store()
        if store is None:
            return answer({"error": f"not ready: {self._live.waiting_for}"}, status=503)
        try:
            return await self._forgotten(store, request.match_info["channel"], " ".join(asked.by.split()))
        except StoreError as error:
            return answer({"error": str(error)}, status=503)

    async def _forgotten(self, store: Store, channel: str, by: str) -> web.StreamResponse:
        owed = sorted(where for name, where in await store.places_owed() if name == channel)
        lost = [where for where in owed if not self._live.reaches(channel, where)]
        if not lost:
            why = "what it is owed can still be delivered" if owed else "nothing is owed there"
            return answer({"error": f"nothing to forget of channel {channel!r}: {why}"}, status=409)
        count = await store.write_off(channel, lost, by or "somebody")
        return answer({"channel": channel, "destinations": lost, "resolves": count})
