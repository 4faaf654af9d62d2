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


def bulletin(before: Collection[str] | None, after: Collection[str], environment: str, at: datetime) -> Bulletin:
    """What changed among the names of rules; without ``before`` it is a start."""
    source = f"watchtower/{environment}"
    if before is None:
        return Bulletin(f"Watchtower ({environment}) started, with {len(after)} rules", source, at)
    added, removed = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    summary = f"Watchtower ({environment}) took over a new configuration: {len(after)} rules"
    summary += f", {len(added)} added, {len(removed)} removed"
    return Bulletin(summary, source, at, {"added": added[:LISTED], "removed": removed[:LISTED]})


async def record(notifiers: Mapping[str, Notifier], told: Bulletin) -> None:
    """Record it once on every channel that wants it; what fails is only logged."""
    for name, notifier in notifiers.items():
        if isinstance(notifier, ChangeLog) and notifier.wants_changes:
            try:
                await notifier.record(told)
            except DeliveryError as error:
                log.warning("change.not_recorded", channel=name, reason=error.detail)
