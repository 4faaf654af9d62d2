"""How the Alertmanager API says no: a status and one JSON string, which is what its clients print."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from watchtower.errors import StoreError, WatchtowerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[Any, web.Request], Awaitable[web.StreamResponse]]

#: What is true now must not come out of a cache.
FRESH = {"Cache-Control": "no-store"}


class Problem(WatchtowerError):
    """A request that is answered with ``status`` and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status = status
        super().__init__(sentence)


def answer(data: object, *, status: int = 200) -> web.Response:
    """A JSON answer that no cache keeps."""
    body = orjson.dumps(data)
    return web.Response(body=body, status=status, content_type="application/json", headers=FRESH)


def tells_problems(handler: Handler) -> Handler:
    """Turn what a handler raises on purpose into its status; a store that fails is 503."""

    @wraps(handler)
    async def told(self: Any, request: web.Request) -> web.StreamResponse:
        try:
            return await handler(self, request)
        except Problem as problem:
            return answer(str(problem), status=problem.status)
        except StoreError as error:
            return answer(str(error), status=503)
        except web.HTTPRequestEntityTooLarge as error:
            return answer(error.text, status=413)

    return told
