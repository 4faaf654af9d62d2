"""Two daemons: on one SQLite file the second waits for the first to end, on one PostgreSQL they work together."""

from __future__ import annotations

import asyncio
import copy
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.support.daemon import free_port, until
from tests.support.shop import Shop, in_chat, open_shop, probe_rule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.postgres import Postgres


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        yield opened


def second(shop: Shop) -> Shop:
    """The same shop as another container sees it: the same store and rules, its own folder and port."""
    folder = shop.folder / "second"
    folder.mkdir()
    other = replace(shop, folder=folder, port=free_port(), config=copy.deepcopy(shop.config))
    other.config["listen"] = f"127.0.0.1:{other.port}"
    return other


def quiet_rule(shop: Shop, seconds: int) -> dict[str, Any]:
    """A rule that never fires: work for both daemons."""
    probe = {"http": {"url": f"{shop.site.url}{seconds}"}, "interval": f"{seconds}s", "timeout": "900ms"}
    return probe_rule(f"Quiet{seconds}", shop.site.url, probe=probe, when={"P5": "no_data"})


async def test_a_second_daemon_on_one_sqlite_file_waits_saying_why_and_takes_over_when_the_first_ends(
    shop: Shop,
) -> None:
    store = shop.folder / "watchtower.db"
    shop.config["store"] = f"sqlite:///{store}"
    other = second(shop)
    other.write()
    waiting = other.daemon()
    async with shop.running() as first:
        shop.site.status = 503
        await shop.pages()
        await waiting.start()
        try:
            await until(lambda: bool(waiting.events("store.waiting")), 60, "the second daemon")

            code, said = await waiting.get("/readyz")
            assert code == 503
            assert orjson.loads(said)["reason"].startswith(f"{store} is held by process ")
            assert (await waiting.get("/healthz"))[0] == 200

            await first.kill()
            await waiting.ready()
            shop.site.status = 200
            await shop.resolves()
            assert shop.pagerduty.phones_rung == 1
        finally:
            await waiting.kill()


async def test_a_daemon_that_is_told_to_stop_while_it_waits_for_its_store_says_that_it_stopped(shop: Shop) -> None:
    shop.config["store"] = f"sqlite:///{shop.folder / 'watchtower.db'}"
    other = second(shop)
    other.write()
    waiting = other.daemon()
    async with shop.running():
        await waiting.start()
        try:
            await until(lambda: bool(waiting.events("store.waiting")), 60, "the second daemon")
            waiting.send(signal.SIGTERM)
            assert await waiting.ended(10) == 0
            assert len(waiting.events("stopped")) == 1
        finally:
            await waiting.kill()


@pytest.mark.long(19)
async def test_two_daemons_on_one_postgresql_page_exactly_once_together(shop: Shop, postgres: Postgres) -> None:
    await postgres.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    shop.config["store"] = postgres.url
    shop.rules += [quiet_rule(shop, seconds) for seconds in (1, 2, 3, 4)]
    other = second(shop)
    async with shop.running() as first, other.running() as also:
        await until(lambda: bool(first.events("tick") and also.events("tick")), 60, "ticks of both")
        shop.site.status = 503
        await shop.pages()
        await until(lambda: len(shop.slack.messages) > 0, 30, "the Slack message")
        await asyncio.sleep(3)
        shop.site.status = 200
        await shop.resolves()
        await until(lambda: "RESOLVED" in in_chat(shop.slack).upper(), 30, "Slack's resolve")

        assert shop.pagerduty.phones_rung == 1
        assert len(shop.pagerduty.requests) == 2
        assert len(shop.slack.in_channel("ops")) == 1
