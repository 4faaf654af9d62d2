"""The daemon in this process, its vendors strict, down and back: pace, rest, and who watches the watcher."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.support.daemon import until
from tests.support.service import service_on
from tests.support.shop import Shop, open_shop, probe_rule
from watchtower import config as configuration
from watchtower.clock import ScaledClock, SystemClock
from watchtower.demo.faults import server_error
from watchtower.demo.loopback import LoopbackVendor, Reply
from watchtower.engine.settings import EngineSettings
from watchtower.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

#: Clock seconds in one real second, where a test has minutes to tell of.
SPEED = 20.0


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        for name, value in opened.env.items():
            monkeypatch.setenv(name, value)
        yield opened


async def test_ten_messages_at_once_reach_slack_one_a_second_without_a_single_429(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ScaledClock(SystemClock().now(), 5.0)
    async with open_shop(tmp_path, clock=clock) as shop:
        monkeypatch.setenv("PD_KEY", shop.env["PD_KEY"])
        monkeypatch.setenv("SLACK_TOKEN", shop.env["SLACK_TOKEN"])
        http = {"url": shop.site.url + "{{ target }}"}
        probe = {"http": http, "targets": [f"shelf-{n}" for n in range(10)], "interval": "10s", "timeout": "8s"}
        shop.rules = [probe_rule("ShelfDown", "", probe=probe, when={"P3": "down"})]
        shop.config["routes"][0]["channels"] = ["ops"]
        shop.site.status = 503
        shop.write()
        async with service_on(shop.file, clock, 5.0):
            await until(lambda: len(shop.slack.messages) == 10, 40, "ten messages")

    assert {one.outcome for one in shop.slack.requests} == {"ok"}
    posted = [one.at for one in shop.slack.requests]
    assert min((later - earlier).total_seconds() for earlier, later in pairwise(posted)) >= 1


async def test_a_pagerduty_that_is_down_is_probed_and_gets_what_it_missed_when_it_is_back(shop: Shop) -> None:
    http = {"url": shop.site.url + "{{ target }}"}
    probe = {"http": http, "targets": ["a", "b", "c"], "interval": "1s", "timeout": "900ms"}
    shop.rules = [probe_rule("ShelfDown", "", probe=probe, when={"P3": "down"})]
    shop.config["routes"][0]["channels"] = ["oncall"]
    shop.pagerduty.faults.always(server_error())
    shop.site.status = 503
    shop.write()
    async with service_on(shop.file, SystemClock(), settings=EngineSettings(rest_first=3.0, rest_most=3.0)):
        async with asyncio.timeout(20):
            while not await rests(shop):
                await asyncio.sleep(0.05)
        before = len(shop.pagerduty.requests)
        await asyncio.sleep(1.5)
        assert len(shop.pagerduty.requests) <= before + 1, "while it rests, one probe at most"

        shop.pagerduty.faults.clear()
        await shop.pages(3)
        shop.site.status = 200
        await shop.resolves()
        assert not await rests(shop)

    assert shop.pagerduty.phones_rung == 3


async def rests(shop: Shop) -> bool:
    """What the daemon's own metric says of the channel."""
    async with aiohttp.ClientSession() as http, http.get(f"{shop.url}/metrics") as answer:
        return 'watchtower_channel_open{channel="oncall"} 1.0' in await answer.text()


# -- who watches the watcher -------------------------------------------------------------------------------------------


class Listener(LoopbackVendor):
    """Somebody outside who waits for heartbeats."""

    def act(self, request: web.Request, body: bytes) -> Reply:
        return Reply(200, "OK")


async def test_a_daemon_that_works_sends_its_heartbeat(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ScaledClock(SystemClock().now(), SPEED)
    async with Listener(SystemClock()) as listener:
        monkeypatch.setenv("HEARTBEAT_URL", f"{listener.origin}/3f0a")
        shop.config["heartbeat"] = {"url": {"env": "HEARTBEAT_URL"}, "every": "30s"}
        calmly(shop)
        async with service_on(shop.file, clock, SPEED):
            await until(lambda: len(listener.requests) >= 2, 60, "two heartbeats")

    assert {one.operation for one in listener.requests} == {"/3f0a"}


async def test_a_store_that_was_never_there_is_paged_directly_and_resolved_when_it_comes(shop: Shop) -> None:
    clock = ScaledClock(SystemClock().now(), SPEED)
    shop.config["store"] = "sqlite:///later/watchtower.db"
    calmly(shop)
    service = Service(shop.file, configuration.load(shop.file), clock=clock)
    running = asyncio.create_task(service.run())
    try:
        await shop.pages()
        assert [one.key for one in shop.pagerduty.incidents] == ["wt:test:store"]
        (shop.folder / "later").mkdir()
        await shop.resolves()
    finally:
        service.stop()
        await running

    assert shop.pagerduty.phones_rung == 1


async def test_a_start_and_a_reload_are_recorded_as_changes_and_call_nobody(shop: Shop) -> None:
    shop.config["channels"]["oncall"]["change_events"] = True
    calmly(shop)
    async with service_on(shop.file, SystemClock()) as service:
        await until(lambda: len(shop.pagerduty.changes) == 1, 30, "the start")
        shop.rules.append(probe_rule("TillDown", shop.site.url))
        shop.write()
        await service.reload()
        await until(lambda: len(shop.pagerduty.changes) == 2, 30, "the reload")

    started, reloaded = shop.pagerduty.changes
    assert started["summary"] == "Watchtower (test) started, with 1 rules"
    assert reloaded["custom_details"] == {"added": ["TillDown"], "removed": []}
    assert shop.pagerduty.phones_rung == 0


def calmly(shop: Shop) -> None:
    """Write the files, with a rule that looks every twenty seconds: clock seconds are short here."""
    probe = {"http": {"url": shop.site.url}, "interval": "20s", "timeout": "10s"}
    shop.rules = [probe_rule("SiteDown", "", probe=probe)]
    shop.write()
