"""The canary of each channel, on its schedule: whether its way works is known before somebody must be called.

When one is due is a matter of this process alone: each process has a way of its own to the vendor, and one canary too
many rings nobody. So it is a loop on the clock, and nothing of it is in the store.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from watchtower.clock import epoch
from watchtower.errors import DeliveryError
from watchtower.live.canary import CanaryHealth
from watchtower.notifiers.base import Bulletin
from watchtower.notifiers.canary import canary_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.clock import Clock
    from watchtower.live import Live
    from watchtower.notifiers.base import Doors
    from watchtower.notifiers.canary import Canary
    from watchtower.notifiers.channel import ChannelConfig

log = structlog.get_logger("watchtower.canary")

#: Clock seconds until the first canary of a channel, and until the next after one that failed.
FIRST = 60.0
RETRY = 60.0
#: Clock seconds between two looks while no channel has one.
IDLE = 60.0


class Canaries:
    """All canaries of this process."""

    def __init__(self, live: Live, clock: Clock, environment: str) -> None:
        self._live = live
        self._clock = clock
        self._environment = environment
        self._canaries: dict[str, Canary] = {}
        self._due: dict[str, float] = {}

    def configure(self, channels: Mapping[str, ChannelConfig], doors: Doors) -> None:
        """Take over a configuration; a channel that had one keeps its time, unless it is sooner now."""
        made = {name: canary_of(config, doors) for name, config in channels.items()}
        self._canaries = {name: canary for name, canary in made.items() if canary is not None}
        now, before = self._clock.monotonic(), self._due
        self._due = {
            name: min(before.get(name, now + FIRST), now + max(FIRST, canary.every))
            for name, canary in self._canaries.items()
        }
        self._live.canaries = {name: self._live.canaries.get(name, CanaryHealth()) for name in self._canaries}

    async def step(self) -> float:
        """Send those that are due, side by side; clock seconds until the next is."""
        now = self._clock.monotonic()
        await asyncio.gather(*(self._sing(name) for name, due in self._due.items() if due <= now))
        now = self._clock.monotonic()
        return max(0.0, min((due - now for due in self._due.values()), default=IDLE))

    async def _sing(self, name: str) -> None:
        canary, metrics = self._canaries[name], self._live.metrics
        key, began = f"wt:canary:{self._environment}:{name}", self._clock.monotonic()
        summary = f"Canary of channel {name} ({self._environment}): nothing is wrong"
        told = Bulletin(summary, f"watchtower/{self._environment}", self._clock.now())
        health = self._live.canaries[name]
        try:
            await canary.sing(key, told)
        except DeliveryError as error:
            health = replace(health, failures=health.failures + 1, reason=error.detail)
            metrics.canary_failures.labels(name).inc()
            log.warning("canary.failed", channel=name, failures=health.failures, reason=error.detail)
            pause = min(canary.every, max(RETRY, error.retry_after or 0.0))
        else:
            health = CanaryHealth(heard_at=self._clock.now())
            metrics.canary_round_trip.labels(name).set((self._clock.monotonic() - began) / self._live.pace)
            metrics.canary_heard.labels(name).set(epoch(self._clock.now()))
            pause = canary.every
        if name in self._canaries:
            self._live.canaries = {**self._live.canaries, name: health}
            self._due[name] = self._clock.monotonic() + pause
