"""Signals to the running daemon: SIGTERM drains and ends it, SIGHUP reads the files again."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import until
from tests.support.moto import CREDENTIALS
from tests.support.shop import OTHER_KEY, Shop, in_chat, open_shop, probe_rule
from tests.support.simulated_aws import ACCOUNT, MAIN, REGION, estate
from watchtower.clock import SystemClock
from watchtower.demo.aws import EstateServer
from watchtower.demo.aws.faults import Fault as AwsFault
from watchtower.demo.aws.faults import Faults, Kind
from watchtower.demo.faults import hang, slow
from watchtower.demo.pagerduty import DEMO_KEY
from watchtower.demo.slack import SlackServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.daemon import Daemon

#: Real seconds in which a daemon that was told to stop must be gone.
PROMISED = 10.0


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, keys=(DEMO_KEY, OTHER_KEY)) as opened:
        yield opened


async def seconds_to_end(daemon: Daemon) -> float:
    """SIGTERM; how long the daemon took to end, with exit code 0."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    daemon.send(signal.SIGTERM)
    assert await daemon.ended(30) == 0, daemon.said()
    return loop.time() - began


async def metric(daemon: Daemon, name: str) -> float:
    """The value of a metric without labels."""
    _, text = await daemon.get("/metrics?family=watchtower")
    [line] = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


async def test_sigterm_ends_the_daemon_in_time_and_a_delivery_that_is_due_still_leaves(shop: Shop) -> None:
    """Two messages wait behind a slow vendor: the second has not been attempted when the signal comes."""
    shop.slack.pace = None
    shop.slack.faults.next(slow(1.5, operation="chat.postMessage"), times=2)
    shop.rules.append(probe_rule("CheckoutDown", shop.site.url + "checkout"))
    async with shop.running() as daemon:
        shop.site.status = 503
        await until(lambda: shop.slack.faults.struck == 1, 60, "the first message's request")
        await shop.pages(2)

        assert await seconds_to_end(daemon) < PROMISED

        assert len(shop.slack.in_channel("ops")) == 2
        assert shop.pagerduty.phones_rung == 2


async def test_sigterm_ends_the_daemon_in_time_while_a_poll_and_a_vendor_hang(shop: Shop) -> None:
    shop.pagerduty.faults.always(hang())
    faults = Faults([AwsFault(Kind.TIMEOUT)])
    async with EstateServer(estate(), SystemClock(), faults) as aws:
        account = {"name": MAIN.name, "regions": [REGION]}
        shop.config["aws"] = {"accounts": [account], "endpoint_url": aws.url, "publication_delay": "0s"}
        shop.rules.append(
            {
                "alert": "CpuHigh",
                "cloudwatch": {
                    "namespace": "Shop",
                    "metric": "Cpu",
                    "statistic": "Average",
                    "dimensions": {"Host": "*"},
                },
                "when": {"P3": "> 80"},
            }
        )
        shop.env |= {**CREDENTIALS, "AWS_ACCESS_KEY_ID": aws.credentials(ACCOUNT).access_key}
        shop.env["AWS_SECRET_ACCESS_KEY"] = aws.credentials(ACCOUNT).secret_key
        async with shop.running() as daemon:
            shop.site.status = 503
            await until(lambda: faults.struck[Kind.TIMEOUT] > 0, 60, "a call to AWS")
            await until(lambda: shop.pagerduty.faults.struck > 0, 60, "a call to PagerDuty")

            assert await seconds_to_end(daemon) < PROMISED


async def test_sighup_takes_over_a_changed_rule_and_a_removed_rule_ends_what_it_had_opened(shop: Shop) -> None:
    healthy, shop.rules = shop.rules, [probe_rule("SiteDown", shop.site.url, when={"P1": "no_data"})]
    async with shop.running() as daemon:
        shop.site.status = 503
        await until(lambda: len(daemon.events("tick")) > 3, 60, "some ticks")
        assert shop.pagerduty.phones_rung == 0

        shop.rules = healthy
        shop.write()
        daemon.send(signal.SIGHUP)
        await shop.pages()

        shop.rules = [probe_rule("Other", shop.site.url, when={"P5": "no_data"})]
        shop.write()
        daemon.send(signal.SIGHUP)
        await shop.resolves()
        await until(lambda: "RESOLVED" in in_chat(shop.slack).upper(), 60, "Slack's resolve")

        code, told, _ = await shop.command("why", "SiteDown")
        assert code == 0
        assert "rule removed" in told
        assert shop.pagerduty.phones_rung == 1


async def test_sighup_with_a_faulty_file_changes_nothing_and_logs_every_fault_with_its_place(shop: Shop) -> None:
    async with shop.running() as daemon:
        assert await metric(daemon, "watchtower_config_last_reload_successful") == 1
        rules = shop.folder / "rules.yaml"
        probe = "  probe: {http: {url: 'http://127.0.0.1/'}, intervall: 1s}\n"
        rules.write_text(f"group: sites\nrules:\n- alert: One\n{probe}")
        daemon.send(signal.SIGHUP)
        await until(lambda: bool(daemon.events("reload.refused")), 30, "the refusal")

        [refused] = daemon.events("reload.refused")
        incomplete, misspelt = sorted(refused["faults"])
        assert incomplete.startswith(f"{rules}:3:3: ")
        assert "`when`" in incomplete
        assert misspelt.startswith(f"{rules}:4:{probe.index('intervall') + 1}: ")
        assert "did you mean `interval`" in misspelt
        assert await metric(daemon, "watchtower_config_last_reload_successful") == 0

        shop.site.status = 503
        await shop.pages()

        shop.write()
        daemon.send(signal.SIGHUP)
        await until(lambda: bool(daemon.events("reloaded")), 30, "the reload")
        assert await metric(daemon, "watchtower_config_last_reload_successful") == 1
        assert shop.pagerduty.phones_rung == 1


async def test_a_channel_that_a_reload_gives_another_key_resolves_at_the_key_that_was_paged(shop: Shop) -> None:
    async with shop.running() as daemon:
        shop.site.status = 503
        await shop.pages()

        shop.config["channels"]["oncall"]["routing_key"] = {"env": "OTHER_PD_KEY"}
        shop.write()
        daemon.send(signal.SIGHUP)
        await until(lambda: bool(daemon.events("reloaded")), 30, "the reload")
        shop.site.status = 200
        await shop.resolves()

        [paged] = shop.pagerduty.incidents
        assert paged.routing_key == DEMO_KEY
        assert paged.resolved_at is not None

        shop.site.status = 503
        await shop.pages(2)
        assert shop.pagerduty.incidents[1].routing_key == OTHER_KEY


async def test_a_slack_channel_that_gets_another_token_is_sent_what_it_is_owed_with_the_old_one(shop: Shop) -> None:
    """The new token belongs to another workspace: the old message cannot be edited with it."""
    async with SlackServer(SystemClock(), token="xoxb-other") as elsewhere:
        shop.env["OTHER_SLACK_TOKEN"] = elsewhere.token
        async with shop.running() as daemon:
            shop.site.status = 503
            await until(lambda: len(shop.slack.messages) == 1, 60, "Slack's message")

            shop.config["channels"]["ops"] |= {"token": {"env": "OTHER_SLACK_TOKEN"}, "api_url": elsewhere.url}
            shop.write()
            daemon.send(signal.SIGHUP)
            await until(lambda: bool(daemon.events("reloaded")), 30, "the reload")
            shop.site.status = 200
            await until(lambda: "RESOLVED" in in_chat(shop.slack).upper(), 60, "Slack's resolve")

            assert elsewhere.requests == []
