"""Listings page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from watchtower.errors import SourceError
from watchtower.model import TroubleReason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Calls(Protocol):
    """A door to AWS, paced or not."""

    async def call(self, account: str, region: str, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Call an operation; raises SourceError."""
        ...


async def pages(
    clients: Calls, account: str, region: str, service: str, operation: str, token: str, **request: Any
) -> AsyncGenerator[dict[str, Any], None]:
    """Every page of a listing whose request and answer carry the page token under ``token``.

    Raises SourceError; also when AWS repeats a token, which would never end.
    """
    seen: set[str] = set()
    following: dict[str, str] = {}
    while True:
        page = await clients.call(account, region, service, operation, **request, **following)
        yield page
        marker = page.get(token)
        if not marker:
            return
        if marker in seen:
            raise SourceError(TroubleReason.INTERNAL, f"{operation}: the same page was announced twice")
        seen.add(marker)
        following = {token: marker}
