"""What a start or a reload changed, recorded where a channel wants it; nobody is notified of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from watchtower.errors import DeliveryError
from watchtower.notifiers.base import Bulletin, ChangeLog

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from watchtower.notifiers.base import Notifier

log = structlog.get_logger("watchtower.changes")

#: Names listed of what was added or removed.
LISTED = 20
EARLIER = "the store is new: if there was an earlier one, close by hand at PagerDuty what it left open"


def bulletin(
    before: Collection[str] | None, after: Collection[str], environment: str, at: datetime, hint: str = ""
) -> Bulletin:
    """What changed among the names of rules; without ``before`` it is a start, with a ``hint`` for people."""
    source = f"watchtower/{environment}"
    if before is None:
        summary = f"Watchtower ({environment}) started, with {len(after)} rules"
        return Bulletin(summary, source, at, {"hint": hint} if hint else {})
    added, removed = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    summary = f"Watchtower ({environment}) took over a new configuration: {len(after)} rules"
    summary += f", {len(added)} added, {len(removed)} removed"
    return Bulletin(summary, source, at, {"added": added[:LISTED], "removed": removed[:LISTED]})


def fresh_store(store_id: str, notifiers: Mapping[str, Notifier]) -> str:
    """What people must know of a store that was just made; empty when no channel keeps what an earlier one opened.

    Keys carry the store's id: whatever an earlier store opened, this one can never resolve.
    """
    keeping = sorted(name for name, notifier in notifiers.items() if notifier.traits.keyed_by_tier)
    if not keeping:
        return ""
    log.warning("store.fresh", store=store_id, channels=keeping, hint=EARLIER)
    return EARLIER


async def record(notifiers: Mapping[str, Notifier], told: Bulletin) -> None:
    """Record it once on every channel that wants it; what fails is only logged."""
    for name, notifier in notifiers.items():
        if isinstance(notifier, ChangeLog) and notifier.wants_changes:
            try:
                await notifier.record(told)
            except DeliveryError as error:
                log.warning("change.not_recorded", channel=name, reason=error.detail)
