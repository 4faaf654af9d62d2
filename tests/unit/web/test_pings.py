"""Pings from wherever a job runs: who may, what is kept, and what is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.clock import START
from tests.support.make import rule
from tests.support.stores import unit
from tests.unit.sources.heartbeat.test_source import TOKEN, ask
from watchtower.engine.doorbell import BURST, Doorbell
from watchtower.engine.plan import Plan
from watchtower.model import Priority
from watchtower.sources.base import Received
from watchtower.sources.heartbeat.source import UNIT
from watchtower.web.pings import MAX_BODY

if TYPE_CHECKING:
    from tests.unit.web.rig import Rig
    from watchtower.rulebook.rule import Rule

#: What a proxy adds: a change that comes through one is refused everywhere else.
ABROAD = {"X-Forwarded-For": "203.0.113.9", "Host": "watch.example.com", "Origin": "https://example.com"}


def heartbeat() -> Rule:
    plain = ask()
    return replace(rule(plain.rule, Priority.P1), source="heartbeat", query=plain.query)


@pytest_asyncio.fixture
async def looks(rig: Rig) -> list[str]:
    """A doorbell at the rig's surface; each look at what is due is noted."""
    noted: list[str] = []
    bell = Doorbell(rig.live, rig.clock, lambda: rig.web.store, lambda: noted.append("look"))
    bell.configure(Plan({"BackupMissing": heartbeat()}, {}))
    rig.live.bell = bell.find
    await rig.store.sync_units([replace(unit(UNIT, due=60), source="heartbeat")])
    return noted


async def ping(rig: Rig, path: str = "", method: str = "GET", body: bytes = b"") -> int:
    async with rig.client.request(method, f"/ping/{TOKEN}{path}", data=body, headers=ABROAD) as response:
        return response.status


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_a_ping_from_anywhere_is_kept_and_looked_at_at_once(rig: Rig, looks: list[str], method: str) -> None:
    assert await ping(rig, method=method) == 200
    assert await rig.store.received("heartbeat") == (Received("backup", "success", START),)
    assert looks == ["look"]
    [claimed] = await rig.store.claim_units("w", limit=1, lease=60)
    assert claimed.woken == 1


async def test_a_run_says_that_it_began_and_failed_and_why_without_its_secrets(rig: Rig, looks: list[str]) -> None:
    assert await ping(rig, "/start") == 200
    rig.clock.advance(60)
    assert await ping(rig, "/fail", "POST", b"x" * 100_000 + b"\nno space left\npassword=hunter2hunter2") == 200
    failed, started = await rig.store.received("heartbeat")
    assert (started.kind, started.at) == ("start", START)
    assert (failed.kind, failed.at) == ("fail", START + timedelta(seconds=60))
    assert failed.text.endswith("x no space left password=[redacted]")
    assert len(failed.text) <= 500
    assert looks == ["look", "look"]


async def test_an_unknown_token_and_an_unknown_word_are_not_found(rig: Rig, looks: list[str]) -> None:
    for path in (f"/ping/{TOKEN}x", f"/ping/{TOKEN[:-1]}", f"/ping/{TOKEN}/ends", "/ping/%ff", "/ping/"):
        async with rig.client.post(path, headers=ABROAD) as response:
            assert response.status in {403, 404}, path
    assert await rig.store.received("heartbeat") == ()
    assert looks == []


async def test_a_loop_that_pings_does_not_write_at_its_own_pace(rig: Rig, looks: list[str]) -> None:
    statuses = [await ping(rig) for _ in range(int(BURST) + 1)]
    assert statuses == [200] * int(BURST) + [429]
    rig.clock.advance(1)
    assert await ping(rig) == 200
    assert len(looks) == int(BURST) + 1


async def test_a_body_beyond_the_bound_is_too_large(rig: Rig, looks: list[str]) -> None:
    assert await ping(rig, method="POST", body=b"x" * (MAX_BODY + 1)) == 413
    assert looks == []


async def test_who_pings_is_told_to_try_again_where_it_could_not_be_kept(rig: Rig, looks: list[str]) -> None:
    with closing(sqlite3.connect(rig.folder / "store.db")) as connection:
        connection.execute("DROP TABLE received")
    assert await ping(rig) == 503
    rig.web.store = None
    assert await ping(rig) == 503
    assert looks == []


async def test_before_the_rules_are_known_nobody_is_told_that_a_token_is_wrong(rig: Rig) -> None:
    assert await ping(rig) == 503
