"""Channels that get new names while an incident is open: one page, everything that follows it, and one resolve."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import until
from tests.support.service import service_on
from tests.support.shop import Shop, in_chat, open_shop
from watchtower.clock import SystemClock
from watchtower.demo.faults import slow
from watchtower.engine.settings import EngineSettings
from watchtower.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchtower.service import Service


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        for name, value in opened.env.items():
            monkeypatch.setenv(name, value)
        opened.slack.pace = None
        yield opened


@asynccontextmanager
async def running(shop: Shop) -> AsyncIterator[Service]:
    """The shop's daemon in this process."""
    shop.write()
    async with service_on(shop.file, SystemClock(), settings=EngineSettings(drain_ticks=0.2, drain_sends=0.2)) as it:
        yield it


def rename(shop: Shop) -> None:
    """The same places under other names."""
    channels = shop.config["channels"]
    shop.config["channels"] = {"pager": channels["oncall"], "chat": channels["ops"]}
    shop.config["routes"][0]["channels"] = ["pager", "chat"]
    shop.write()


@asynccontextmanager
async def inside(shop: Shop) -> AsyncIterator[Store]:
    """A look into the store."""
    store = await Store.open_readonly(f"sqlite:///{shop.folder}/watchtower.db", clock=SystemClock())
    try:
        yield store
    finally:
        await store.close()


def reloads(service: Service) -> float | None:
    """1 when the last reload was taken over."""
    return service.live.metrics.registry.get_sample_value("watchtower_config_last_reload_successful")


async def test_a_page_that_is_under_way_while_its_channel_is_renamed_rings_once_and_ends_once(shop: Shop) -> None:
    shop.pagerduty.faults.next(slow(1.0))
    async with running(shop) as service:
        shop.site.status = 503
        await until(lambda: shop.pagerduty.faults.struck == 1, 60, "the page under way")
        rename(shop)
        await service.reload()
        shop.site.status = 200
        await until(lambda: "RESOLVED" in in_chat(shop.slack), 60, "Slack's resolve")
        await shop.resolves()
        async with inside(shop) as store:
            health = await store.channel_health()

    assert {name: each.possible_duplicates for name, each in health.items()} == {"chat": 0, "pager": 0}
    assert shop.pagerduty.phones_rung == 1
    assert [one.log for one in shop.pagerduty.incidents] == [["resolve"]]
    assert len(shop.slack.in_channel("ops")) == 1


async def test_what_was_renamed_while_the_daemon_was_away_goes_on_under_its_new_name(shop: Shop) -> None:
    shop.site.status = 503
    async with running(shop):
        await until(lambda: shop.pagerduty.phones_rung == 1 and bool(shop.slack.messages), 60, "the page")
    rename(shop)
    async with running(shop):
        async with inside(shop) as store:
            [incident] = await store.open_incidents()
        assert incident.channels == ("pager", "chat")
        shop.site.status = 200
        await shop.resolves()

    assert shop.pagerduty.phones_rung == 1


async def test_a_reload_that_the_store_cannot_take_over_is_tried_again(shop: Shop) -> None:
    async with running(shop) as service:
        rename(shop)
        file = shop.folder / "watchtower.db"
        with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=20)) as shell:
            await asyncio.to_thread(shell.execute, "ALTER TABLE meta RENAME TO gone")
            reload = asyncio.create_task(service.reload())
            await until(lambda: reloads(service) == 0, 60, "the refusal")
            await asyncio.to_thread(shell.execute, "ALTER TABLE gone RENAME TO meta")
        await reload
        assert reloads(service) == 1
        shop.site.status = 503
        await shop.pages()
        async with inside(shop) as store:
            [incident] = await store.open_incidents()
        assert incident.channels == ("pager", "chat")
        shop.site.status = 200
        await shop.resolves()
