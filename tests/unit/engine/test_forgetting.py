"""The hourly forgetting by the watch over Watchtower itself: thirty days are kept, and not a day more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import ManualClock
from tests.support.stores import key, open_store, tick
from watchtower.engine.plan import SELF, build_plan, unit_rows
from watchtower.engine.selfwatch import SelfWatch
from watchtower.engine.writer import Writer
from watchtower.evaluation.findings import Entry, Finding
from watchtower.live import Live

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchtower.store.store import Store

DAY = timedelta(days=1)
PLAN = build_plan([], {}, ())


class Rig:
    """The unit that watches Watchtower itself, ticked by hand."""

    def __init__(self, store: Store, writer: Writer, clock: ManualClock) -> None:
        self.store, self.clock = store, clock
        self.watch = SelfWatch(store, writer, Live(clock), clock, "production")

    async def found(self, **ago: timedelta) -> None:
        """Write to the evaluation log what was found so long ago."""
        now = self.clock.now()
        labels = {name: key(name).identity for name in ago}
        log = tuple(
            Entry(key(name), labels[name], Finding.BREACH, now - age, now - age, "1 of the last 2")
            for name, age in ago.items()
        )
        [claimed] = await self.store.claim_units("a", limit=1, lease=30)
        assert await self.store.commit_ticks([tick(SELF.id, claimed.epoch, due_at=now, log=log)])

    async def looks(self, *, after: float = 0) -> set[str]:
        """One tick; the alerts of which the log still knows something."""
        self.clock.advance(after)
        [claimed] = await self.store.claim_units("a", limit=1, lease=30)
        await self.watch.run(PLAN, claimed)
        return {told.key.identity["db"] for told in await self.store.explain("CpuHigh", {}) if told.log and told.key}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = ManualClock()
    store = await open_store(f"sqlite:///{tmp_path / 'w.db'}", clock=clock)
    writer = Writer(store)
    writing = asyncio.create_task(writer.run())
    await store.sync_units(unit_rows(PLAN, clock.now()))
    yield Rig(store, writer, clock)
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    await store.close()


async def test_the_evaluation_log_keeps_thirty_days(rig: Rig) -> None:
    second = timedelta(seconds=1)
    await rig.found(old=30 * DAY + second, kept=30 * DAY - second, new=second)
    assert await rig.looks() == {"kept", "new"}


async def test_it_forgets_once_an_hour(rig: Rig) -> None:
    await rig.looks()
    rig.clock.advance(60)
    await rig.found(old=31 * DAY)
    assert await rig.looks(after=3500) == {"old"}
    assert await rig.looks(after=60) == set()
