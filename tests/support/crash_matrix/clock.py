"""One fast clock for every process of a run: they share the machine's monotonic clock, so they agree."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from watchtower.clock import from_epoch

#: Clock seconds in one real second.
SPEED = 20.0


@dataclass(slots=True)
class SharedClock:
    """``started`` (seconds since 1970) is what the clock showed when the machine's monotonic one showed ``origin``."""

    origin: float
    started: float

    @classmethod
    def begin(cls) -> SharedClock:
        """A clock that shows the real time now, and hurries from here on."""
        return cls(time.monotonic(), time.time())

    def copy(self) -> SharedClock:
        """One that shows the same, and is moved by itself."""
        return SharedClock(self.origin, self.started)

    def skip(self, seconds: float) -> None:
        """Pass over clock seconds in which no process lives; one that lives would not see it."""
        self.origin -= seconds / SPEED

    def now(self) -> datetime:
        return from_epoch(self.started) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self.origin) * SPEED

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)
