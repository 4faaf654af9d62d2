"""The engine over a real SQLite file, with real sites and vendors on loopback: order, isolation, a store that fails."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import until
from tests.support.service import service_on
from tests.support.shop import Shop, Site, open_shop, probe_rule, site
from tests.support.simulated_aws import ACCOUNT, MAIN, REGION, estate, use_keys
from watchtower.clock import SystemClock
from watchtower.demo.aws import EstateServer, Fault, Faults, Kind
from watchtower.demo.faults import slow, throttled
from watchtower.engine.settings import EngineSettings

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


@pytest.fixture
async def other() -> AsyncIterator[Site]:
    """Another site."""
    async with site() as opened:
        yield opened


@asynccontextmanager
async def running(shop: Shop) -> AsyncIterator[Service]:
    """The shop's daemon in this process; at its end nothing in flight is waited for."""
    shop.write()
    settings = EngineSettings(drain_ticks=0.2, drain_sends=0.2)
    async with service_on(shop.file, SystemClock(), settings=settings) as service:
        yield service


@asynccontextmanager
async def locked(shop: Shop) -> AsyncIterator[None]:
    """Somebody's transaction holds the store; whoever wants it fails after five seconds."""
    with closing(_shell(shop)) as shell:
        await asyncio.to_thread(shell.execute, "BEGIN IMMEDIATE")  # it waits for a commit that this loop must finish
        yield
        shell.execute("ROLLBACK")


@asynccontextmanager
async def without_outbox(shop: Shop) -> AsyncIterator[None]:
    """Whatever touches the outbox fails at once, as on a broken disk."""
    with closing(_shell(shop)) as shell:
        await asyncio.to_thread(shell.execute, "ALTER TABLE delivery RENAME TO gone")
        yield
        await asyncio.to_thread(shell.execute, "ALTER TABLE gone RENAME TO delivery")


def _shell(shop: Shop) -> sqlite3.Connection:
    file = shop.folder / "watchtower.db"
    return sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=20)


def severities(shop: Shop) -> list[str]:
    """What PagerDuty accepted triggers of, in order."""
    accepted = [one.payload for one in shop.pagerduty.requests if one.outcome == "ok"]
    return [event["payload"]["severity"] for event in accepted if event["event_action"] == "trigger"]


async def test_a_p1_leaves_before_every_p3_that_waits_longer(shop: Shop, other: Site) -> None:
    http = {"url": shop.site.url + "{{ target }}"}
    probe = {"http": http, "targets": [f"shelf-{n}" for n in range(8)], "interval": "1s", "timeout": "900ms"}
    shop.rules = [probe_rule("ShelfDown", "", probe=probe, when={"P3": "down"}), probe_rule("TillDown", other.url)]
    shop.config["routes"][0]["channels"] = ["oncall"]
    shop.pagerduty.faults.next(throttled(4))
    async with running(shop):
        shop.site.status = 503
        await until(lambda: shop.pagerduty.faults.struck == 1, 30, "the first P3")
        other.status = 503

        await until(lambda: len(severities(shop)) == 9, 60, "every page")

    assert severities(shop) == ["critical", *["warning"] * 8]


async def test_a_rule_looks_more_often_from_the_moment_an_event_begins(shop: Shop) -> None:
    begins = datetime.now(UTC) + timedelta(seconds=3)
    probe = {"http": {"url": shop.site.url}, "interval": "1h", "timeout": "900ms"}
    event = {"name": "festival", "from": begins.isoformat(), "to": "2999-01-01T00:00:00Z", "interval": "1s"}
    shop.rules = [probe_rule("SiteDown", "", probe=probe, peak=event)]
    shop.site.status = 503
    async with running(shop):
        await shop.pages()

    assert datetime.now(UTC) > begins
    assert shop.pagerduty.phones_rung == 1


async def test_a_channel_that_is_asked_for_patience_delays_no_other(shop: Shop, other: Site) -> None:
    shop.rules.append(probe_rule("TillDown", other.url))
    shop.pagerduty.faults.next(throttled(60))
    async with running(shop):
        shop.site.status = 503
        await until(lambda: len(shop.slack.messages) == 1, 60, "the first message to Slack")
        await until(lambda: shop.pagerduty.faults.struck == 1, 60, "PagerDuty's refusal")
        other.status = 503
        await until(lambda: len(shop.slack.messages) == 2, 60, "the second message to Slack")
        await asyncio.sleep(1)

        assert len(shop.pagerduty.requests) == 1


async def test_a_poll_that_hangs_stops_no_other_unit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = Faults([Fault(Kind.TIMEOUT)])
    async with EstateServer(estate(), SystemClock(), faults) as aws:
        watch_cloudwatch(shop, aws, monkeypatch)
        async with running(shop) as service:
            await until(lambda: faults.struck[Kind.TIMEOUT] > 0, 30, "a call to AWS")
            shop.site.status = 503
            await shop.pages()
            shop.site.status = 200
            await shop.resolves()

            assert ticks(service, "cloudwatch") == 0
            assert ticks(service, "probe") > 1


def watch_cloudwatch(shop: Shop, aws: EstateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = [{"name": MAIN.name, "regions": [REGION]}]
    shop.config["aws"] = {"accounts": accounts, "endpoint_url": aws.url, "publication_delay": "0s"}
    query = {"namespace": "Shop", "metric": "Cpu", "statistic": "Average"}
    shop.rules.append({"alert": "CpuHigh", "cloudwatch": query, "when": {"P3": "> 80"}})
    use_keys(monkeypatch, aws.credentials(ACCOUNT))


def ticks(service: Service, source: str) -> float:
    """How many ticks of a source were committed."""
    return service.live.metrics.registry.get_sample_value("watchtower_ticks_total", {"source": source}) or 0.0


def failures(service: Service) -> float:
    """How often the store could not be used."""
    return service.live.metrics.registry.get_sample_value("watchtower_store_failures_total") or 0.0


async def test_a_store_that_is_locked_when_a_site_breaks_delays_the_page_and_loses_nothing(shop: Shop) -> None:
    async with running(shop) as service:
        await until(lambda: ticks(service, "probe") > 0, 60, "a first tick")
        async with locked(shop):
            shop.site.status = 503
            await until(lambda: failures(service) > 0, 60, "a store that nobody can use")
            assert shop.pagerduty.phones_rung == 0

        await until(lambda: shop.pagerduty.phones_rung == 1, 80, "the page, at the latest when the unit's lease ends")
        await until(lambda: len(shop.slack.messages) > 0, 60, "the Slack message")
        shop.site.status = 200
        await shop.resolves()

    assert shop.pagerduty.phones_rung == 1
    assert len(shop.slack.in_channel("ops")) == 1


async def test_a_store_that_fails_when_a_vendor_answers_neither_forgets_nor_doubles_the_page(shop: Shop) -> None:
    """The outcome cannot be recorded: PagerDuty hears the same key again, in Slack the message is found."""
    shop.pagerduty.faults.next(slow(1))
    shop.slack.faults.next(slow(1, operation="chat.postMessage"))
    async with running(shop):
        shop.site.status = 503
        await until(lambda: shop.pagerduty.faults.struck == shop.slack.faults.struck == 1, 30, "both requests")
        async with without_outbox(shop):
            await until(lambda: len(shop.slack.messages) == shop.pagerduty.phones_rung == 1, 30, "both answers")
            await asyncio.sleep(0.5)

        shop.site.status = 200
        await shop.resolves()
        await until(lambda: "RESOLVED" in shop.slack.messages[0].text.upper(), 60, "Slack's resolve")

    assert shop.pagerduty.phones_rung == 1
    assert len(shop.slack.in_channel("ops")) == 1
    events = [request.payload["event_action"] for request in shop.pagerduty.requests]
    assert events == ["trigger", "trigger", "resolve"]
    assert len({request.payload["dedup_key"] for request in shop.pagerduty.requests}) == 1
