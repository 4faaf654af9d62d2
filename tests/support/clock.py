"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, tzinfo=UTC)


class ManualClock:
    """Wall and monotonic time that move together, only when told to."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._monotonic += seconds
        self.step_wall(seconds)
        self._moved.set()
        self._moved = asyncio.Event()

    def step_wall(self, seconds: float) -> None:
        """Move the wall clock alone, as NTP or an operator does."""
        self._now += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        wake = self._monotonic + seconds
        while self._monotonic < wake:
            await self._moved.wait()
