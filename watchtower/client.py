"""Talking to the running daemon."""

from __future__ import annotations

import os
from typing import Any

import aiohttp

from watchtower.errors import Unreachable
from watchtower.redaction import redact

DEFAULT_URL = "http://127.0.0.1:9464"
#: Seconds for one request; a test delivery may take two vendor requests.
TIMEOUT = 30.0


async def post(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """POST to the daemon; raises Unreachable when there is none, or when it does not accept."""
    return await ask("POST", url, path, body or {})


async def ask(method: str, url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """What the daemon answers, None when it has nothing to say; raises Unreachable as :func:`post` does."""
    token = os.environ.get("WATCHTOWER_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.request(method, url.rstrip("/") + path, json=body) as response,
        ):
            answer = await response.json() if await response.read() else None
            if response.status >= 400:
                raise Unreachable(_refusal(answer) or f"the daemon answered {response.status}")
            return answer
    except (TimeoutError, aiohttp.ClientError, ValueError) as error:
        cause = str(error) or type(error).__name__
        raise Unreachable(redact(f"no daemon answers at {url}: {cause}")) from None


def _refusal(answer: Any) -> str:
    """Why the daemon did not accept: our own API says it in ``error``, Alertmanager's in one string."""
    told = answer.get("error", "") if isinstance(answer, dict) else answer
    return told if isinstance(told, str) else ""
