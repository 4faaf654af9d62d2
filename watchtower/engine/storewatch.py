"""Rings past the outbox when the store has been out of reach for a minute, and ends it when it is back.

While the store is away nothing can be evaluated, told or remembered: this is the one page that does without it.
"""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from watchtower.durations import format_duration
from watchtower.errors import Ambiguous, DeliveryError, StoreError, StoreLocked
from watchtower.notifiers.base import Bulletin, Pager

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.clock import Clock
    from watchtower.live import Live
    from watchtower.notifiers.base import Notifier
    from watchtower.store.store import Store

log = structlog.get_logger("watchtower.store")

#: Real seconds that the store may be out of reach before somebody is called.
RING_AFTER = 60.0
#: Real seconds between two looks, and how long the store may take to answer one.
LOOK_EVERY = 5.0
#: Real seconds until a channel that did not take the call is tried again.
RETRY = 10.0

_ENVIRONMENT = 200


class Call(StrEnum):
    """What a channel is to hear now."""

    NOTHING = "nothing"
    RING = "ring"
    OVER = "over"


class Heard(StrEnum):
    """What a channel has heard of this outage; ``perhaps``: nobody knows."""

    NOTHING = "nothing"
    PERHAPS = "perhaps"
    RING = "ring"


def call(away_for: float | None, *, reached: bool, heard: Heard) -> tuple[Call, str]:
    """What a channel is to hear, and why.

    ``away_for`` is how many real seconds the store has been out of reach; None when it is not, or when another process
    merely holds it (then it is not ``reached`` either).
    """
    if reached:
        return (Call.NOTHING, "nobody was called") if heard is Heard.NOTHING else (Call.OVER, "the store is back")
    if away_for is None:
        return Call.NOTHING, "another process holds the store"
    if away_for < RING_AFTER:
        return Call.NOTHING, f"out of reach for less than {format_duration(RING_AFTER)}"
    return (Call.NOTHING, "called already") if heard is Heard.RING else (Call.RING, "out of reach for too long")


class StoreWatch:
    """Looks at the store, from before it is opened to the end of the process."""

    def __init__(self, live: Live, clock: Clock, environment: str, patience: float = LOOK_EVERY) -> None:
        self._patience = patience
        self._live = live
        self._clock = clock
        self._environment = environment
        self._pagers: dict[str, Pager] = {}
        self._heard: dict[str, Heard] = {}
        self._tried: dict[str, float] = {}
        self._since: float | None = None
        self._reached = False
        self._trouble = ""
        self._look: asyncio.Task[timedelta | None] | None = None

    @property
    def key(self) -> str:
        """One incident an environment, whoever rings and whoever ends it."""
        return f"wt:{self._environment[:_ENVIRONMENT]}:store"

    def configure(self, notifiers: Mapping[str, Notifier]) -> None:
        """Take over the channels that can ring; one that is gone is kept until what it rang for is over."""
        owing = {name: pager for name, pager in self._pagers.items() if self._heard.get(name)}
        self._pagers = owing | {name: it for name, it in notifiers.items() if isinstance(it, Pager)}

    # -- what is seen ---------------------------------------------------------------------------------------------

    def reached(self) -> None:
        """The store takes what is written."""
        self._reached, self._since, self._trouble = True, None, ""

    def failed(self, error: StoreError) -> None:
        """The store could not be used; waiting for another process to leave it is no failure."""
        self._reached = False
        if isinstance(error, StoreLocked):
            self._since = None
            return
        self._trouble = str(error)
        self._since = self._clock.monotonic() if self._since is None else self._since

    async def look(self, store: Store) -> float:
        """Write to the store, call whom it concerns; clock seconds until the next look."""
        task = self._look = self._look or asyncio.create_task(store.touch(), name="touch")
        await _within(task, self._patience)
        if not task.done():
            self.failed(StoreError(f"the store does not answer within {format_duration(self._patience)}"))
        else:
            self._look = None
            self._judge(task)
        await self.tell()
        return LOOK_EVERY * self._live.pace

    async def close(self) -> None:
        """Let a look that is under way end, but not for long."""
        if self._look is not None:
            await _within(self._look, 1.0)
            self._look.cancel()

    def _judge(self, task: asyncio.Task[timedelta | None]) -> None:
        try:
            untouched = task.result()
        except StoreError as error:
            self.failed(error)
            return
        self.reached()
        if untouched is not None and untouched > timedelta(seconds=RING_AFTER * self._live.pace):
            # Whoever rang may have died since: what never rang is not closed by this either.
            self._heard = dict.fromkeys(self._pagers, Heard.PERHAPS) | self._heard

    # -- what is told ---------------------------------------------------------------------------------------------

    async def tell(self) -> None:
        """Ring where it is due, end what is over; what a channel does not accept is tried at the next look."""
        await asyncio.gather(*(self._tell(name, pager) for name, pager in self._pagers.items()))

    async def _tell(self, name: str, pager: Pager) -> None:
        heard = self._heard.get(name, Heard.NOTHING)
        wanted, reason = call(self._away_for(), reached=self._reached, heard=heard)
        now = self._clock.monotonic()
        if wanted is Call.NOTHING or now - self._tried.get(name, -math.inf) < RETRY * self._live.pace:
            return
        self._tried[name] = now
        try:
            await (pager.ring(self.key, self._bulletin()) if wanted is Call.RING else pager.over(self.key))
        except DeliveryError as error:
            if isinstance(error, Ambiguous):
                self._heard[name] = Heard.PERHAPS
            log.error("store.call_failed", channel=name, call=str(wanted), reason=error.detail)
            return
        del self._tried[name]
        if wanted is Call.RING:
            self._heard[name] = Heard.RING
            log.error("store.called", channel=name, reason=reason, trouble=self._trouble)
        else:
            self._heard.pop(name, None)
            log.info("store.call_over", channel=name, reason=reason)

    def _away_for(self) -> float | None:
        return None if self._since is None else (self._clock.monotonic() - self._since) / self._live.pace

    def _bulletin(self) -> Bulletin:
        away = format_duration(self._away_for() or 0.0)
        return Bulletin(
            f"Watchtower ({self._environment}) cannot use its store for {away}: nothing is evaluated or told",
            f"watchtower/{self._environment}",
            self._clock.now(),
            {"trouble": self._trouble, "environment": self._environment},
        )


async def _within(task: asyncio.Task[timedelta | None], seconds: float) -> None:
    """Wait for it, and leave it running when it takes longer: a write that hangs must not hang the watch."""
    await asyncio.wait([task], timeout=seconds)
