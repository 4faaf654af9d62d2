"""How many calls may run at once, and how many a second, learnt from what AWS refuses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

#: Calls at once before anything is known, at least and at most.
START, LOWEST, HIGHEST = 8, 1, 32


class AdaptiveLimit:
    """A semaphore that halves when AWS throttles and grows back by one for each full round of successes.

    Calls that were already on their way when it was cut do not cut it again: one throttled burst is one lesson.
    """

    def __init__(self, start: int = START, lowest: int = LOWEST, highest: int = HIGHEST) -> None:
        self._allowed = float(start)
        self._lowest, self._highest = lowest, highest
        self._running = 0
        self._calls = 0
        self._cut_at = 0
        self._free = asyncio.Condition()

    @property
    def allowed(self) -> int:
        """Calls that may run at once now."""
        return int(self._allowed)

    async def __aenter__(self) -> int:
        """Wait for a place; the number of the call is what :meth:`throttled` wants to know."""
        async with self._free:
            await self._free.wait_for(lambda: self._running < self.allowed)
            self._running += 1
            self._calls += 1
            return self._calls

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running -= 1
        async with self._free:
            self._free.notify_all()

    def succeeded(self) -> None:
        """AWS answered: a little more may be asked at once."""
        self._allowed = min(self._highest, self._allowed + 1 / self._allowed)

    def throttled(self, call: int) -> None:
        """AWS refused this call for its pace."""
        if call > self._cut_at:
            self._allowed = max(self._lowest, self._allowed / 2)
            self._cut_at = self._calls


#: Calls a second of an API that publishes no rate, before anything is known, at least and at most.
START_RATE, LOWEST_RATE, HIGHEST_RATE = 10.0, 0.5, 40.0
#: Calls that may leave at once after a rest.
BURST = 40.0


class AdaptiveRate:
    """A bucket of calls whose refill halves when AWS throttles, and grows by one call a second each second it is used.

    Of the calls that were on their way when it was cut, none cuts it again.
    """

    def __init__(self) -> None:
        self.rate = START_RATE
        self._left = BURST
        self._at: float | None = None
        self._calls = 0
        self._cut_at = 0

    def take(self, now: float) -> tuple[int, float]:
        """The number of the next call, and the seconds it must wait; ``now`` is monotonic."""
        if self._at is not None:
            self._left = min(BURST, self._left + (now - self._at) * self.rate)
        self._at = now
        self._left -= 1
        self._calls += 1
        return self._calls, max(0.0, -self._left / self.rate)

    def succeeded(self) -> None:
        """AWS answered: a little more may be asked."""
        self.rate = min(HIGHEST_RATE, self.rate + 1 / self.rate)

    def throttled(self, call: int) -> None:
        """AWS refused this call for its pace; what was saved up is gone."""
        if call > self._cut_at:
            self.rate = max(LOWEST_RATE, self.rate / 2)
            self._cut_at = self._calls
        self._left = min(self._left, 0.0)
