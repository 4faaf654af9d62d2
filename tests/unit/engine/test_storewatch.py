"""The one page that does without the store."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.support.clock import ManualClock
from tests.support.stores import open_store
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import hang, reset, server_error
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.engine.storewatch import Call, Heard, StoreWatch, call
from watchtower.errors import StoreError, StoreLocked
from watchtower.live import Live
from watchtower.notifiers.base import Doors
from watchtower.notifiers.pagerduty import PagerDuty
from watchtower.notifiers.pagerduty_config import PagerDutyConfig
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from watchtower.store.store import Store

KEY = "wt:test:store"
GONE = StoreError("the store failed: connection refused")


@pytest.mark.parametrize(
    ("away_for", "reached", "heard", "expected"),
    [
        (None, True, Heard.NOTHING, Call.NOTHING),
        (None, True, Heard.RING, Call.OVER),
        (None, True, Heard.PERHAPS, Call.OVER),
        (None, False, Heard.NOTHING, Call.NOTHING),
        (None, False, Heard.RING, Call.NOTHING),
        (59.9, False, Heard.NOTHING, Call.NOTHING),
        (60.0, False, Heard.NOTHING, Call.RING),
        (60.0, False, Heard.PERHAPS, Call.RING),
        (900.0, False, Heard.RING, Call.NOTHING),
    ],
)
def test_a_channel_rings_after_a_minute_once_and_hears_the_end(
    away_for: float | None, reached: bool, heard: Heard, expected: Call
) -> None:
    assert call(away_for, reached=reached, heard=heard)[0] is expected


class Rig:
    """A watch, the store it looks at and the PagerDuty it rings."""

    def __init__(self, folder: Path, clock: ManualClock, store: Store, pagerduty: PagerDutyServer) -> None:
        self.file, self.clock, self.store, self.pagerduty = folder / "w.db", clock, store, pagerduty
        self.http = aiohttp.ClientSession()
        self.watch = self.a_watch()

    def a_watch(self, patience: float = 5.0) -> StoreWatch:
        """A watch as another process has it."""
        config = PagerDutyConfig(type="pagerduty", routing_key=Secret(DEMO_KEY), api_url=self.pagerduty.url)
        watch = StoreWatch(Live(self.clock), self.clock, "test", patience)
        watch.configure({"oncall": PagerDuty("oncall", config, Doors(self.http, AwsClients(AwsConfig()), 0.5))})
        return watch

    async def looks(self, count: int) -> None:
        """So many looks, five seconds apart."""
        for _ in range(count):
            await self.watch.look(self.store)
            self.clock.advance(5)

    async def fails(self, seconds: int, error: StoreError = GONE) -> None:
        """The store cannot be opened, tried every second."""
        for _ in range(seconds):
            self.watch.failed(error)
            await self.watch.tell()
            self.clock.advance(1)

    def actions(self) -> list[str]:
        """What PagerDuty accepted, in order."""
        return [one.payload["event_action"] for one in self.pagerduty.requests if one.acted]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = ManualClock()
    store = await open_store(f"sqlite:///{tmp_path}/w.db", clock=clock)
    async with PagerDutyServer(ManualClock()) as pagerduty:
        made = Rig(tmp_path, clock, store, pagerduty)
        yield made
        await made.http.close()
    await store.close()


@asynccontextmanager
async def a_full_disk(rig: Rig) -> AsyncIterator[None]:
    """Whatever is written fails at once."""
    full = "BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
    with closing(sqlite3.connect(rig.file, isolation_level=None)) as shell:
        shell.execute(f"CREATE TRIGGER full_1 BEFORE UPDATE ON meta {full}")
        shell.execute(f"CREATE TRIGGER full_2 BEFORE INSERT ON meta {full}")
        yield
        shell.execute("DROP TRIGGER full_1")
        shell.execute("DROP TRIGGER full_2")


@pytest.fixture
def lock(rig: Rig) -> Iterator[sqlite3.Connection]:
    """Somebody's transaction, which writers wait for."""
    with closing(sqlite3.connect(rig.file, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        yield shell


async def test_a_store_that_takes_what_is_written_calls_nobody(rig: Rig) -> None:
    await rig.looks(20)

    assert rig.pagerduty.requests == []


async def test_a_store_out_of_reach_for_a_minute_rings_once_and_whoever_reaches_it_again_ends_it(rig: Rig) -> None:
    async with a_full_disk(rig):
        await rig.looks(12)
        assert rig.pagerduty.requests == []
        await rig.looks(12)
        [incident] = rig.pagerduty.of(KEY)
        assert incident.state == "triggered"
        assert "cannot use its store" in incident.summary
    await rig.looks(3)

    assert not incident.open
    assert rig.actions() == ["trigger", "resolve"]


async def test_a_store_that_was_away_for_less_than_a_minute_calls_nobody(rig: Rig) -> None:
    for _ in range(3):
        async with a_full_disk(rig):
            await rig.looks(10)
        await rig.looks(1)

    assert rig.pagerduty.phones_rung == 0


async def test_a_store_that_neither_answers_nor_fails_rings_as_well(rig: Rig, lock: sqlite3.Connection) -> None:
    rig.watch = rig.a_watch(patience=0.01)
    await rig.looks(14)
    assert rig.pagerduty.phones_rung == 1

    lock.execute("ROLLBACK")
    async with asyncio.timeout(20):
        while rig.actions() == ["trigger"]:
            await rig.looks(1)
    assert rig.actions() == ["trigger", "resolve"]
    await rig.watch.close()


async def test_a_store_that_was_never_reached_since_the_start_rings_too(rig: Rig) -> None:
    await rig.fails(61)
    assert rig.pagerduty.phones_rung == 1

    await rig.looks(1)
    assert rig.actions() == ["trigger", "resolve"]


async def test_waiting_for_another_process_to_leave_the_store_calls_nobody(rig: Rig) -> None:
    await rig.fails(300, StoreLocked("w.db is held by process 7"))

    assert rig.pagerduty.requests == []


async def test_a_process_that_finds_the_store_unwritten_for_a_minute_ends_what_another_rang_for(rig: Rig) -> None:
    """Whoever rang has died: nobody else would ever close it."""
    await rig.looks(1)
    await rig.fails(70)
    [incident] = rig.pagerduty.of(KEY)

    await rig.a_watch().look(rig.store)

    assert not incident.open


async def test_a_start_after_a_stop_ends_what_may_have_rung_once_and_a_quick_restart_says_nothing(rig: Rig) -> None:
    await rig.looks(1)
    rig.clock.advance(30)
    rig.watch = rig.a_watch()
    await rig.looks(1)
    assert rig.pagerduty.requests == []

    rig.clock.advance(120)
    rig.watch = rig.a_watch()
    await rig.looks(30)
    assert [request.payload["event_action"] for request in rig.pagerduty.requests] == ["resolve"]


async def test_a_call_that_does_not_get_through_is_repeated_under_the_same_key(rig: Rig) -> None:
    rig.pagerduty.faults.next(server_error())
    rig.pagerduty.faults.next(reset(acted=True))
    rig.pagerduty.faults.next(hang())
    with capture_logs() as logs:
        await rig.fails(100)
        await rig.looks(1)

    assert rig.pagerduty.phones_rung == 1
    assert [one["event"] for one in logs] == ["store.call_failed"] * 3 + ["store.called", "store.call_over"]
    assert DEMO_KEY not in str(logs)
    [incident] = rig.pagerduty.of(KEY)
    assert not incident.open
