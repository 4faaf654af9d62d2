"""A heartbeat says that evaluation and delivery go on, and is missing when they do not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.support import make
from tests.support.clock import START, ManualClock
from tests.support.outbox import claim, send
from tests.support.stores import delivery, enqueue, open_store, tick, unit
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import server_error
from watchtower.demo.loopback import LoopbackVendor, Reply
from watchtower.engine.heartbeat import Heartbeat, Work, withheld, work
from watchtower.engine.plan import SELF
from watchtower.live import Live
from watchtower.model import DeliveryState, Priority
from watchtower.notifiers.base import Doors
from watchtower.notifiers.ping import ping
from watchtower.secrets import Secret
from watchtower.store.values import OutboxDepth, Settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from watchtower.store.store import Store

SECRET = "3f0a-not-for-logs"
LATER = START + timedelta(seconds=60)
BEFORE = Work(START, frozenset({("u1", 0, 0)}))
NOW = Work(LATER, frozenset({("u1", 60, 0)}))


# -- the decision ------------------------------------------------------------------------------------------------------


def test_work_that_goes_on_is_told() -> None:
    assert withheld(BEFORE, NOW) == ""


def test_without_an_evaluation_nothing_is_told() -> None:
    assert withheld(BEFORE, replace(NOW, ticks=BEFORE.ticks)) == "no evaluation was committed since the last heartbeat"


def test_a_failed_poll_that_was_committed_is_an_evaluation() -> None:
    assert withheld(BEFORE, replace(NOW, ticks=frozenset({("u1", 0, 1)}))) == ""


def test_own_alerts_that_go_on_while_every_rule_stands_still_are_no_work() -> None:
    assert withheld(BEFORE, replace(NOW, all_late=True)) == "every rule is late"


def test_a_delivery_that_waits_and_nothing_accepted_is_a_delivery_that_stands_still() -> None:
    stuck = replace(NOW, waiting_since=START - timedelta(seconds=30))

    assert withheld(BEFORE, stuck).startswith("a delivery has waited for 1m30s, and nothing was accepted")
    assert withheld(BEFORE, replace(stuck, accepted=True)) == ""


def test_a_delivery_younger_than_the_last_heartbeat_may_still_be_on_its_way() -> None:
    assert withheld(BEFORE, replace(NOW, waiting_since=START + timedelta(seconds=1))) == ""


def test_one_late_rule_is_not_every_rule() -> None:
    hour_ago = START - timedelta(hours=1)
    own, late, fine = (make.health(id=SELF.id), make.health(id="a", due_at=hour_ago), make.health(id="b"))

    assert not work(START, [own, late, fine], [], accepted=False).all_late
    assert work(START, [own, late], [], accepted=False).all_late
    assert not work(START, [own], [], accepted=False).all_late


def test_the_oldest_delivery_of_all_channels_counts() -> None:
    depths = [OutboxDepth("a", Priority.P3, 1, LATER), OutboxDepth("b", Priority.P1, 1, START)]

    assert work(LATER, [], depths, accepted=False).waiting_since == START


# -- sending it --------------------------------------------------------------------------------------------------------


class Listener(LoopbackVendor):
    """Somebody outside who waits for heartbeats."""

    def act(self, request: web.Request, body: bytes) -> Reply:
        return Reply(200, "OK") if request.method == "GET" else Reply(405, "", "method")


class Rig:
    """A heartbeat every minute, the store it looks at, the listener."""

    def __init__(self, folder: Path, clock: ManualClock, store: Store, listener: Listener, doors: Doors) -> None:
        self.file, self.clock, self.store, self.listener = folder / "w.db", clock, store, listener
        self.live = Live(clock)
        self.heartbeat = Heartbeat(store, self.live, clock)
        self.heartbeat.configure(60, partial(ping, Secret(f"{listener.origin}/{SECRET}"), doors))

    async def minute(self, *, evaluated: bool = True) -> None:
        """A minute passes, with or without an evaluation; the loop looks every five seconds."""
        if evaluated:
            [unit] = await self.store.claim_units("w", limit=1, lease=60)
            now = self.clock.now()
            done = tick("u1", unit.epoch, last_tick=int(now.timestamp()), due_at=now + timedelta(seconds=50))
            await self.store.commit_ticks([done])
        for _ in range(12):
            await self.heartbeat.step()
            self.clock.advance(5)

    def counted(self, outcome: str) -> float:
        name = "watchtower_heartbeats_total"
        return self.live.metrics.registry.get_sample_value(name, {"outcome": outcome}) or 0.0


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = ManualClock()
    store = await open_store(f"sqlite:///{tmp_path}/w.db", clock=clock)
    await store.sync_units([unit()])
    async with Listener(ManualClock()) as listener, aiohttp.ClientSession() as http:
        yield Rig(tmp_path, clock, store, listener, Doors(http, AwsClients(AwsConfig()), 2.0))
    await store.close()


async def test_work_that_goes_on_is_told_every_minute(rig: Rig) -> None:
    for _ in range(5):
        await rig.minute()

    assert [one.operation for one in rig.listener.requests] == [f"/{SECRET}"] * 4
    assert rig.counted("sent") == 4


async def test_an_engine_that_stands_still_is_told_by_silence(rig: Rig) -> None:
    await rig.minute()
    await rig.minute(evaluated=False)
    with capture_logs() as logs:
        await rig.minute(evaluated=False)

    assert len(rig.listener.requests) == 0
    assert [(one["event"], one["reason"]) for one in logs] == [
        ("heartbeat.withheld", "no evaluation was committed since the last heartbeat")
    ]
    assert rig.counted("withheld") == 2


async def test_a_store_that_fails_withholds_the_heartbeat_until_it_is_back(rig: Rig) -> None:
    await rig.minute()
    await rig.minute()
    with closing(sqlite3.connect(rig.file, isolation_level=None)) as shell:
        shell.execute("ALTER TABLE work_unit RENAME TO gone")
        await rig.minute(evaluated=False)
        await rig.minute(evaluated=False)
        assert (rig.counted("sent"), rig.counted("withheld")) == (1, 2)
        shell.execute("ALTER TABLE gone RENAME TO work_unit")
    await rig.minute()

    assert rig.counted("sent") == 2


async def test_a_delivery_that_nobody_accepts_withholds_it_and_one_that_is_accepted_does_not(rig: Rig) -> None:
    await rig.minute()
    await enqueue(rig.store, replace(delivery("a"), created_at=rig.clock.now() - timedelta(seconds=61)))
    await rig.minute()
    assert rig.counted("withheld") == 1

    epoch = await claim(rig.store)
    await send(rig.store, epoch, Settled(DeliveryState.ACCEPTED, ""))
    await enqueue(rig.store, replace(delivery("b"), created_at=START))
    await rig.minute()
    assert rig.counted("sent") == 1


async def test_a_heartbeat_that_did_not_get_through_is_tried_again_soon_and_its_address_stays_secret(rig: Rig) -> None:
    await rig.minute()
    rig.listener.faults.next(server_error(), times=2)
    with capture_logs() as logs:
        await rig.minute()

    assert [one.acted for one in rig.listener.requests] == [False, False, True]
    assert rig.counted("failed") == 2
    assert [one["event"] for one in logs] == ["heartbeat.failed"] * 2
    assert SECRET not in str(logs)


async def test_without_an_address_nothing_is_looked_at(rig: Rig) -> None:
    rig.heartbeat.configure(0, None)
    await rig.minute()
    await rig.minute()

    assert rig.listener.requests == []
    assert rig.counted("withheld") == 0
