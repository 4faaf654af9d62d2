"""The engine over real sites and vendors: inhibitors at the start, and a window that ends."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import until
from tests.support.service import service_on
from tests.support.shop import Shop, Site, open_shop, probe_rule, site
from watchtower.clock import SystemClock
from watchtower.engine.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchtower.service import Service

INHIBIT = {"source": ["alert=GatewayDown"], "target": ["alert=SiteDown"]}


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        for name, value in opened.env.items():
            monkeypatch.setenv(name, value)
        opened.site.status = 503
        yield opened


@pytest.fixture
async def gateway() -> AsyncIterator[Site]:
    async with site() as opened:
        opened.hangs = True
        yield opened


@asynccontextmanager
async def running(shop: Shop) -> AsyncIterator[Service]:
    shop.write()
    settings = EngineSettings(drain_ticks=0.2, drain_sends=0.2)
    async with service_on(shop.file, SystemClock(), settings=settings) as service:
        yield service


def paged(shop: Shop) -> list[str]:
    return [incident.summary for incident in shop.pagerduty.incidents]


async def test_nobody_is_paged_before_a_slow_inhibitor_was_evaluated_for_the_first_time(
    shop: Shop, gateway: Site
) -> None:
    slow = {"http": {"url": gateway.url}, "interval": "3s", "timeout": "2500ms"}
    shop.rules.append(probe_rule("GatewayDown", "", probe=slow))
    shop.config["inhibit"] = [INHIBIT]
    async with running(shop) as service:
        await until(lambda: shop.pagerduty.phones_rung > 0, 45, "the gateway's page")
        ticks = service.live.metrics.registry.get_sample_value("watchtower_ticks_total", {"source": "probe"}) or 0
        assert ticks > 2, "the site was seen to be down all the while"
        await asyncio.sleep(1)

        assert ["GatewayDown" in title for title in paged(shop)] == [True]
        gateway.hangs = False
        gateway.closing.set()
        await until(lambda: shop.pagerduty.phones_rung == 2, 45, "the site's page")


async def test_what_fires_when_a_window_ends_is_told_at_once(shop: Shop) -> None:
    now = datetime.now(UTC)
    start, end = now - timedelta(hours=1), now + timedelta(seconds=4)
    shop.config["mute"] = [
        {"name": "cutover", "match": ["alert=SiteDown"], "from": start.isoformat(), "to": end.isoformat()}
    ]
    async with running(shop):
        await asyncio.sleep(3)
        assert shop.pagerduty.phones_rung == 0
        await until(lambda: shop.pagerduty.phones_rung == 1, 10, "the page when the window ends")
        shop.site.status = 200
        await shop.resolves()
