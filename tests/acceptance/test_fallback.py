"""The daemon in this process, a vendor of its that is down: who hears of a page instead, and of its end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.support.daemon import until
from tests.support.service import service_on
from tests.support.shop import Shop, open_shop, probe_rule
from watchtower import client
from watchtower.clock import ScaledClock, SystemClock, epoch
from watchtower.commands.status import PATH
from watchtower.demo.faults import refused, server_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from watchtower.demo.slack import SlackMessage

#: Clock seconds in one real second.
SPEED = 60.0
#: Clock seconds that a busy machine may lose: half a real one.
LOST = 30.0
#: Told to PagerDuty alone, and to Slack too.
ALERTS = ("SiteDown", "TillDown")


@asynccontextmanager
async def shop_on(clock: ScaledClock, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """Two sites, one told to PagerDuty alone and one to Slack too; Slack stands in for PagerDuty."""
    async with open_shop(folder, clock=clock) as shop:
        for name, value in shop.env.items():
            monkeypatch.setenv(name, value)
        probe = {"http": {"url": shop.site.url}, "interval": "30s", "timeout": "25s"}
        shop.rules = [probe_rule(name, "", probe=probe) for name in ALERTS]
        shop.config["fallback"] = {"oncall": "ops"}
        shop.config["routes"] = [
            {"name": "site", "match": ["alert=SiteDown"], "channels": ["oncall"]},
            {"name": "till", "match": ["alert=TillDown"], "channels": ["oncall", "ops"]},
            {"name": "rest", "channels": ["ops"]},
        ]
        shop.write()
        yield shop


def told_of(shop: Shop, name: str) -> list[SlackMessage]:
    """What Slack has about an alert, replies included."""
    return [one for one in shop.slack.messages if name in one.text]


def fell_back(shop: Shop, name: str) -> list[SlackMessage]:
    """The messages that say that they stand in, as they were posted."""
    return [one for one in told_of(shop, name) if "(fallback for oncall" in (*one.earlier, one.text)[0]]


async def test_a_pagerduty_that_is_down_for_ten_minutes_is_stood_in_for_and_gets_the_page_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ScaledClock(SystemClock().now(), SPEED)
    async with shop_on(clock, tmp_path, monkeypatch) as shop:
        shop.pagerduty.faults.always(server_error())
        shop.site.status = 503
        async with service_on(shop.file, clock, SPEED) as service:
            await until(lambda: bool(shop.pagerduty.requests), 60, "the first attempt")
            began = shop.pagerduty.requests[0].at
            await until(lambda: all(fell_back(shop, name) for name in ALERTS), 60, "the fallbacks")
            waited = [float(fell_back(shop, name)[0].ts) - epoch(began) for name in ALERTS]
            [oncall] = [one for one in (await status(shop))["channels"] if one["name"] == "oncall"]

            await until(lambda: (clock.now() - began).total_seconds() >= 600, 30, "ten minutes")
            assert shop.pagerduty.incidents == []
            shop.pagerduty.faults.clear()
            await shop.pages(2)
            summaries = [one.summary for one in shop.pagerduty.incidents]
            shop.site.status = 200
            await ended(shop)

    counted = service.live.metrics.registry.get_sample_value("watchtower_fallbacks_total", {"channel": "ops"})
    assert counted == 2
    assert all(60 - LOST <= seconds <= 60 + LOST for seconds in waited)
    assert (oncall["waiting"], oncall["dead_letters"]) == ({"P1": 2}, 0)
    assert all("FIRING (late by 1" in summary for summary in summaries), "by ten minutes and some"
    assert shop.pagerduty.phones_rung == 2, "one incident each"
    [message], [reply] = (fell_back(shop, name) for name in ALERTS)
    assert not message.broadcast
    assert reply.broadcast, "where the incident is known already, a reply that the channel sees"


async def test_a_silence_another_route_a_restart_and_no_rule_keep_no_resolve_from_whoever_was_paged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ScaledClock(SystemClock().now(), SPEED)
    async with shop_on(clock, tmp_path, monkeypatch) as shop:
        shop.pagerduty.faults.next(refused("invalid key"))
        shop.pagerduty.faults.next(refused("invalid key"))
        shop.site.status = 503
        async with service_on(shop.file, clock, SPEED) as service:
            await until(lambda: all(fell_back(shop, name) for name in ALERTS), 60, "the fallbacks, at once")
            await shop.pages(2)
            everything = [{"name": "alert", "value": ".+", "isRegex": True, "isEqual": True}]
            silence = {"matchers": everything, "for": "9d", "createdBy": "ana", "comment": "moving"}
            await client.post(shop.url, "/api/v2/silences", silence)
            shop.config["routes"] = [{"name": "rest", "channels": ["audit"]}]
            shop.config["channels"]["audit"] = {**shop.config["channels"]["ops"], "channel": "#audit"}
            shop.write()
            await service.reload()
        shop.rules = [probe_rule("Other", f"{shop.site.url}other")]
        shop.write()
        async with service_on(shop.file, clock, SPEED):
            await ended(shop)

    assert shop.pagerduty.phones_rung == 2


async def ended(shop: Shop) -> None:
    """Wait until whoever heard of the alerts has heard of their end, and nobody is owed one."""
    await shop.resolves()
    heads = [one for name in ALERTS for one in told_of(shop, name) if one.thread_ts in (None, one.ts)]
    await until(lambda: all("RESOLVED" in one.text for one in heads), 30, "the ends in Slack")
    async with asyncio.timeout(10):
        while any(one["resolves_owed"] for one in (await status(shop))["channels"]):
            await asyncio.sleep(0.05)


async def status(shop: Shop) -> Any:
    """What ``watchtower status`` prints."""
    return await client.ask("GET", shop.url, PATH)
