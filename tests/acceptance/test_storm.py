"""Three hundred alerts at once: who must act is woken within seconds, and nobody reads three hundred messages."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.support.daemon import until
from tests.support.service import service_on
from tests.support.shop import Shop, open_shop, probe_rule
from watchtower.clock import SystemClock
from watchtower.engine.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ALERTS = 300
MOST_URGENT = 4
#: Ten incidents, one storm for all others, and P1s that came after the ten: they ring in any case.
RINGS = 11 + MOST_URGENT


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        for name, value in opened.env.items():
            monkeypatch.setenv(name, value)
        opened.rules = [
            looked_at(opened, "SiteDown", "P1", MOST_URGENT),
            looked_at(opened, "ShelfDown", "P2", 200),
            looked_at(opened, "LampDown", "P3", ALERTS - 200 - MOST_URGENT),
        ]
        opened.write()
        yield opened


def looked_at(shop: Shop, name: str, priority: str, count: int) -> dict[str, object]:
    http = {"url": shop.site.url + "{{ target }}"}
    targets = [f"{name.lower()}-{number}" for number in range(count)]
    probe = {"http": http, "targets": targets, "interval": "3s", "timeout": "2s"}
    return probe_rule(name, "", probe=probe, when={priority: "down"})


async def test_three_hundred_alerts_wake_at_once_whom_they_must_and_are_twenty_messages_with_their_ends(
    shop: Shop,
) -> None:
    async with service_on(shop.file, SystemClock(), settings=EngineSettings(gathers_for=5)):
        shop.site.status = 503
        await until(lambda: len(seconds_to_page(shop)) == MOST_URGENT, 60, "the P1s at PagerDuty")
        await calm(shop, owed=ALERTS)
        rung = shop.pagerduty.phones_rung

        shop.site.status = 200
        await shop.resolves()
        await calm(shop, owed=0)

    assert max(seconds_to_page(shop)) < 5
    assert shop.pagerduty.phones_rung == rung <= RINGS
    assert len(shop.slack.messages) <= 20
    assert {one.outcome for one in shop.slack.requests} == {"ok"}
    digests = [one for one in shop.slack.messages if "incidents:" in one.text]
    assert digests
    assert all("RESOLVED" in one.text for one in digests)


def seconds_to_page(shop: Shop) -> list[float]:
    """From the moment each P1 fired to its arrival at PagerDuty."""
    pages = [one for one in shop.pagerduty.requests if one.payload.get("payload", {}).get("severity") == "critical"]
    fired = [one.payload["payload"]["custom_details"]["members"][0]["since"] for one in pages]
    return [(one.at - datetime.fromisoformat(at)).total_seconds() for one, at in zip(pages, fired, strict=True)]


async def calm(shop: Shop, owed: int) -> None:
    """Wait until nothing waits, and as many incidents as there should be are open on Slack."""
    async with asyncio.timeout(40), aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{shop.url}/metrics") as answer:
                text = await answer.text()
            if not _total(text, "watchtower_outbox_depth") and _total(text, "resolves_owed", "ops") == owed:
                return
            await asyncio.sleep(0.2)


def _total(text: str, metric: str, channel: str = "") -> float:
    lines = (line for line in text.splitlines() if metric in line and channel in line and not line.startswith("#"))
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
