"""Requests that vendors sign: open to every address, so their bodies are bounded in size and time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from watchtower.web.problems import FRESH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def answered(
    request: web.Request, take: Callable[[bytes], Awaitable[int]], *, most: int, patience: float
) -> web.StreamResponse:
    """Answer with the status that ``take`` gives to the body; 413 above ``most`` bytes, 408 when it comes too slowly.

    ``patience`` are seconds for the body to arrive.
    """
    try:
        async with asyncio.timeout(patience):
            body = await _read(request, most)
    except TimeoutError:
        return web.Response(status=408, headers={**FRESH, "Connection": "close"})
    return web.Response(status=413 if body is None else await take(body), headers=FRESH)


async def _read(request: web.Request, most: int) -> bytes | None:
    """The body as it was signed; None when it is larger than it can be."""
    chunks, size = [], 0
    async for chunk in request.content.iter_chunked(65_536):
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
