"""The one writer of ticks: all that is ready within ten milliseconds becomes one transaction."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from watchtower.errors import StoreError

if TYPE_CHECKING:
    from watchtower.store.store import Store
    from watchtower.store.values import TickCommit

log = structlog.get_logger("watchtower.writer")

#: Real seconds the writer waits for company: the cost of a commit is its fsync, not its rows.
GATHER = 0.01
#: Real seconds before each further try of a commit that the store refused. What was polled is in hand: to try again
#: costs nothing, to give up costs the unit's lease. No more tries than these, for all other commits wait meanwhile.
AGAIN_AFTER = (0.5, 2.0, 5.0)


class Writer:
    """Commits ticks together; each caller learns whether its own was committed or fenced."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: asyncio.Queue[tuple[TickCommit, asyncio.Future[bool]]] = asyncio.Queue()

    async def commit(self, tick: TickCommit) -> bool:
        """True when committed, False when another worker has the unit by now; raises StoreError."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        await self._queue.put((tick, done))
        return await done

    async def run(self) -> None:
        """Commit until cancelled."""
        while True:
            batch = [await self._queue.get()]
            await asyncio.sleep(GATHER)
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._write(batch)

    async def _write(self, batch: list[tuple[TickCommit, asyncio.Future[bool]]]) -> None:
        try:
            committed = await self._commit([tick for tick, _ in batch])
        except StoreError as error:
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
            return
        for tick, done in batch:
            if not done.done():
                done.set_result(tick.unit in committed)

    async def _commit(self, ticks: list[TickCommit]) -> frozenset[str]:
        for pause in AGAIN_AFTER:
            try:
                return await self._store.commit_ticks(ticks)
            except StoreError as error:
                log.warning("commit.again", error=str(error), units=len(ticks))
                await asyncio.sleep(pause)
        return await self._store.commit_ticks(ticks)
