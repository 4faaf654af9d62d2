"""A heartbeat to somebody outside, sent only while Watchtower does its work: its absence is the alarm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from watchtower.durations import format_duration
from watchtower.engine.plan import SELF
from watchtower.engine.selfwatch import TICK_LATE_AFTER
from watchtower.errors import DeliveryError, StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.live import Live
    from watchtower.store.store import Store
    from watchtower.store.values import OutboxDepth, UnitHealth

log = structlog.get_logger("watchtower.heartbeat")

#: Clock seconds until a heartbeat that did not get through is tried again.
RETRY = 10.0
#: Clock seconds between two looks while there is nothing to send.
IDLE = 5.0

Ticks = frozenset[tuple[str, int | None, int]]


@dataclass(frozen=True, slots=True)
class Work:
    """What evaluation and delivery had done at a moment.

    ``ticks`` tells each unit's newest tick; ``all_late``: every rule is behind. ``waiting_since`` is the age of the
    oldest delivery in the outbox, ``accepted``: a vendor took one since the last heartbeat.
    """

    at: datetime
    ticks: Ticks
    all_late: bool = False
    waiting_since: datetime | None = None
    accepted: bool = False


def withheld(before: Work, now: Work) -> str:
    """Why no heartbeat may be sent; empty when evaluation and delivery both made progress since the last."""
    if now.ticks == before.ticks:
        return "no evaluation was committed since the last heartbeat"
    if now.all_late:
        return "every rule is late"
    if now.waiting_since is None or now.accepted or now.waiting_since > before.at:
        return ""
    waited = format_duration((now.at - now.waiting_since).total_seconds())
    return f"a delivery has waited for {waited}, and nothing was accepted since the last heartbeat"


def work(at: datetime, health: Iterable[UnitHealth], outbox: Iterable[OutboxDepth], *, accepted: bool) -> Work:
    """What the store shows of the work done."""
    units = list(health)
    rules = [unit for unit in units if unit.id != SELF.id]
    return Work(
        at=at,
        ticks=frozenset((unit.id, unit.last_tick, unit.failures) for unit in units),
        all_late=bool(rules) and all(_late(unit, at) for unit in rules),
        waiting_since=min((depth.oldest for depth in outbox), default=None),
        accepted=accepted,
    )


def _late(unit: UnitHealth, now: datetime) -> bool:
    return now - unit.due_at > timedelta(seconds=max(TICK_LATE_AFTER, 2 * unit.period))


class Heartbeat:
    """Sends it; ``ping`` raises Rejected or Ambiguous, and its words never hold the address."""

    def __init__(self, store: Store, live: Live, clock: Clock) -> None:
        self._store = store
        self._live = live
        self._clock = clock
        self._every = 0.0
        self._ping: Callable[[], Awaitable[None]] | None = None
        self._last: Work | None = None
        self._due = 0.0

    def configure(self, every: float, ping: Callable[[], Awaitable[None]] | None) -> None:
        """Take over where to and how often (seconds); without ``ping`` none is sent."""
        self._every, self._ping = every, ping
        self._due = min(self._due, self._clock.monotonic() + every)

    async def step(self) -> float:
        """Send one if it is due and deserved; clock seconds until there may be another."""
        ping = self._ping
        if ping is None:
            return IDLE
        remaining = self._due - self._clock.monotonic()
        if remaining > 0:
            return remaining
        pause = await self._beat(ping)
        self._due = self._clock.monotonic() + pause
        return pause

    async def _beat(self, ping: Callable[[], Awaitable[None]]) -> float:
        """One heartbeat sent or withheld; clock seconds until the next."""
        before = self._last
        try:
            now = await self._look(before)
        except StoreError as error:
            return self._withhold(str(error))
        if before is None:
            self._last = now  # the first is sent when there is something to compare with
            return self._every
        reason = withheld(before, now)
        if reason:
            return self._withhold(reason)
        try:
            await ping()
        except DeliveryError as error:
            self._count("failed")
            log.warning("heartbeat.failed", reason=error.detail)
            return min(self._every, RETRY)
        self._last = now
        self._count("sent")
        return self._every

    async def _look(self, before: Work | None) -> Work:
        at = self._clock.now()
        health, outbox = await self._store.unit_health(), await self._store.outbox()
        accepted = before is not None and await self._store.accepted_since(before.at)
        return work(at, health, outbox, accepted=accepted)

    def _withhold(self, reason: str) -> float:
        self._count("withheld")
        log.warning("heartbeat.withheld", reason=reason)
        return self._every

    def _count(self, outcome: str) -> None:
        self._live.metrics.heartbeats.labels(outcome).inc()
