"""A loop: do a step, say that it advanced, sleep until woken or due. Time is monotonic throughout."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from watchtower.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from watchtower.clock import Clock
    from watchtower.live import Live

log = structlog.get_logger("watchtower.loop")

#: The longest a loop sleeps, in clock seconds: it is also what finds the work of a worker that died.
LONGEST_SLEEP = 5.0
#: Clock seconds between two tries while the store is unreachable.
STORE_RETRY = 1.0


class Loop:
    """A named loop that can be woken early.

    Its progress shows in /healthz and /readyz, unless it is not ``vital``: one that only watches goes on when all work
    stands still, and must not pass for it.
    """

    def __init__(self, name: str, clock: Clock, live: Live, *, vital: bool = True) -> None:
        self.name = name
        self._vital = vital
        self._clock = clock
        self._live = live
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something to do now."""
        self._woken.set()

    def beat(self) -> None:
        """Tell /readyz that the loop advanced."""
        if self._vital:
            self._live.beat(self.name)

    def retire(self) -> None:
        """Tell /readyz that the loop ended on purpose."""
        self._live.retire(self.name)

    async def rest(self, seconds: float, stopping: asyncio.Event) -> None:
        """Sleep, but no longer than until woken or stopped."""
        waits = [
            asyncio.create_task(self._clock.sleep(min(seconds, LONGEST_SLEEP * self._live.pace))),
            asyncio.create_task(self._woken.wait()),
            asyncio.create_task(stopping.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def store_failed(self) -> None:
        """Count a step that the store did not let happen."""
        self._live.metrics.store_failures.inc()

    def begin(self) -> None:
        """A step begins: whoever wakes the loop from now on means the next one."""
        self._woken.clear()


async def supervise(loop: Loop, step: Callable[[], Awaitable[float]], stopping: asyncio.Event) -> None:
    """Repeat a step that returns how long to rest; a store that fails is waited for, everything else is fatal."""
    while not stopping.is_set():
        loop.begin()
        try:
            pause = await step()
            loop.beat()
        except StoreError as error:
            loop.store_failed()
            log.error("store.failed", loop=loop.name, error=str(error))
            pause = STORE_RETRY
        await loop.rest(pause, stopping)
    loop.retire()
