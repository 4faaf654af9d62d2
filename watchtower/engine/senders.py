"""One loop a channel, so that a slow vendor delays nobody but itself."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.engine.loops import Loop, supervise
from watchtower.engine.send import Sender, Switchboard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.engine.evidence import Clerk
    from watchtower.engine.settings import EngineSettings
    from watchtower.live import Live
    from watchtower.store.store import Store

#: Clock seconds between two looks at a channel whose lease another worker may hold.
LOOK_AGAIN = 0.5


class Senders:
    """Starts a loop for every channel that is configured or still owes something."""

    def __init__(
        self,
        switchboard: Switchboard,
        store: Store,
        live: Live,
        clock: Clock,
        settings: EngineSettings,
        clerk: Clerk | None = None,
    ) -> None:
        self._switchboard = switchboard
        self._store = store
        self._live = live
        self._clock = clock
        self._settings = settings
        self._clerk = clerk
        self._watch = Loop("send", clock, live)
        self._loops: dict[str, Loop] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, worker: str, stopping: asyncio.Event) -> None:
        """Send until stopped; the delivery in hand is finished first."""
        async with asyncio.TaskGroup() as group:

            async def start_missing() -> float:
                for channel in await self._missing():
                    loop = self._loops[channel] = Loop(f"send {channel}", self._clock, self._live)
                    step = self._step(channel, worker, stopping)
                    group.create_task(supervise(loop, step, stopping), name=loop.name)
                return self._settings.idle

            await supervise(self._watch, start_missing, stopping)

    @asynccontextmanager
    async def still(self, channels: Iterable[str]) -> AsyncIterator[None]:
        """Nothing leaves on these channels meanwhile; what is under way is answered, or given up, before that."""
        async with AsyncExitStack() as turns:
            for channel in sorted(channels):
                await turns.enter_async_context(self._turns[channel])
            yield

    def wake(self, channel: str | None = None) -> None:
        """There is something to send on this channel, or on any."""
        for loop in [self._loops[channel]] if channel in self._loops else [self._watch, *self._loops.values()]:
            loop.wake()

    async def something_due(self, within: float) -> bool:
        """Whether any configured channel could send within so many real seconds, its pace included."""
        due = await self._store.next_send_due(tuple(self._switchboard.traits))
        horizon = self._clock.now() + timedelta(seconds=within * self._live.pace)
        return any(moment <= horizon for moment in due.values())

    async def _missing(self) -> list[str]:
        owing = {debt.channel for debt in await self._store.debts()}
        waiting = {depth.channel for depth in await self._store.outbox()}
        names = {*self._switchboard.traits, *self._switchboard.lanes, *owing, *waiting}
        return sorted(names - set(self._loops))

    def _step(self, channel: str, worker: str, stopping: asyncio.Event) -> Callable[[], Awaitable[float]]:
        sender = Sender(
            channel,
            self._switchboard,
            self._store,
            self._live,
            self._clock,
            self._settings,
            worker,
            self._turns[channel],
            self._clerk,
        )

        async def step() -> float:
            due = (await self._store.next_send_due([channel])).get(channel)
            if due is None:
                return self._settings.idle
            if due > self._clock.now():
                return _seconds_until(due, self._clock)
            await sender.drain(stopping)
            return LOOK_AGAIN

        return step


def _seconds_until(moment: datetime, clock: Clock) -> float:
    return max(0.0, (moment - clock.now()).total_seconds())
