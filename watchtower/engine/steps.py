"""Steps of the wall clock: somebody set it, or the machine slept. What is stored goes by it, and must survive both."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.clock import Clock

#: Clock seconds by which the two clocks may part between two looks: a clock that is being corrected is slewed by less.
TOLERANCE = 5.0


class Steps:
    """Finds steps by looking now and then at both clocks, and says what a stamp from before a step would be today."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall, self._elapsed = clock.now(), clock.monotonic()
        #: The earliest time that the clock can have shown since a step, and the step's length.
        self._forward: list[tuple[datetime, timedelta]] = []

    def look(self) -> float:
        """Seconds that the wall clock was set forward since the last look; negative: back; 0: it was not set."""
        before = self._wall
        wall, elapsed = self._clock.now(), self._clock.monotonic()
        step = (wall - self._wall).total_seconds() - (elapsed - self._elapsed)
        self._wall, self._elapsed = wall, elapsed
        if abs(step) < TOLERANCE:
            return 0.0
        length = timedelta(seconds=step)
        if step > 0:
            self._forward.append((before + length, length))
        else:
            self._forward.clear()  # the clock is as it was, or nobody knows what its stamps mean
        return step

    def lasting(self, since: datetime) -> datetime:
        """When what began at ``since`` began by the clock as it is now, so that its age is the real one."""
        for earliest, length in self._forward:
            if since < earliest:
                since += length
        return since
