"""The heartbeat's door: one GET to an address that is a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.errors import Rejected
from watchtower.notifiers.http import Vendor

if TYPE_CHECKING:
    from watchtower.notifiers.base import Doors
    from watchtower.secrets import Secret

_NAME = "the heartbeat's address"


async def ping(url: Secret, doors: Doors) -> None:
    """Ask for it once; raises Rejected or Ambiguous, in words that say nothing of the address or of its answer."""
    answer = await Vendor(_NAME, (url,), doors, 0.0).get(url.reveal())
    if not 200 <= answer.status < 300:
        raise Rejected(f"{_NAME} answered {answer.status}", permanent=False)
