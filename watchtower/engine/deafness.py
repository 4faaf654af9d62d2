"""A queue of announcements that cannot be read: nothing is lost by it but time, and somebody should know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.engine.concern import Concern
from watchtower.engine.failing import SOURCE_FAILING, SOURCE_FAILING_AFTER
from watchtower.model import AlertKey, Labels, Priority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchtower.live.queues import QueueHealth

#: What stands as the source of such an alert.
EVENTS = "events"


def deaf_concerns(queues: Mapping[tuple[str, str], QueueHealth], now: float) -> Iterator[Concern]:
    """One concern for each queue that could not be read for five minutes; ``now`` is monotonic."""
    for place, health in sorted(queues.items()):
        if _deaf(health, now):
            lasts = format_duration(int(now - (health.failing_since or now)))
            summary = (
                f"events {' '.join(place)}: the queue cannot be read, for {lasts}: what AWS announces is seen only "
                "when it is polled"
            )
            yield Concern(SOURCE_FAILING, _identity(place), Priority.P3, summary, health.reason)


def still_deaf(queues: Mapping[tuple[str, str], QueueHealth], now: float) -> frozenset[AlertKey]:
    """The alerts about queues of which nothing can be said since the start: a restart ends no trouble."""
    unread = (place for place, one in queues.items() if not one.heard and not _deaf(one, now))
    return frozenset(AlertKey(SOURCE_FAILING, _identity(place)) for place in unread)


def _deaf(health: QueueHealth, now: float) -> bool:
    return health.failing_since is not None and now - health.failing_since >= SOURCE_FAILING_AFTER


def _identity(place: tuple[str, str]) -> Labels:
    account, region = place
    return Labels({"source": EVENTS, "account": account, "region": region})
