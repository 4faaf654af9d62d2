"""Talking to the running daemon."""

from __future__ import annotations

import os
from typing import Any

import aiohttp

from watchtower.errors import Unreachable

DEFAULT_URL = "http://127.0.0.1:9464"
#: Seconds for one request; a test delivery may take two vendor requests.
TIMEOUT = 30.0


async def post(url: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """POST to the daemon; raises Unreachable when there is none, or when it does not accept."""
    token = os.environ.get("WATCHTOWER_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.post(url.rstrip("/") + path, json=body or {}) as response,
        ):
            answer: dict[str, Any] = await response.json()
            if response.status >= 400:
                raise Unreachable(str(answer.get("error", f"the daemon answered {response.status}")))
            return answer
    except (TimeoutError, aiohttp.ClientError, ValueError) as error:
        cause = str(error) or type(error).__name__
        raise Unreachable(f"no daemon answers at {url}: {cause}") from None
