"""The main job against an AWS that we did not write: a metric breaches and recovers, each channel hears it once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import free_port, running, until
from tests.support.moto import CREDENTIALS, Moto, moto_server
from watchtower.clock import SystemClock
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.demo.slack import DEMO_TOKEN, SlackServer

if TYPE_CHECKING:
    from pathlib import Path

PERIOD = 10
#: Publication delay (0 here) plus one period plus 10 s, as promised.
PROMISED = PERIOD + 10

RULES = """
group: shop
rules:
- alert: LatencyHigh
  cloudwatch:
    namespace: Shop
    metric: Latency
    statistic: Maximum
    period: 10s
    dimensions: {Host: "*"}
  when: {P1: "> 100"}
  missing: ignore
  recover: {when: "< 50"}
  summary: "{{ labels.Host }}: {{ value | int }} ms"
"""

CONFIG = """
environment: test
store: sqlite:///watchtower.db
listen: 127.0.0.1:{port}
rules: [shop.yaml]
aws:
  accounts: [{{name: main, regions: [us-east-1]}}]
  endpoint_url: {aws}
  publication_delay: 0s
  discovery_interval: 1s
channels:
  oncall: {{type: pagerduty, routing_key: {{env: PD_KEY}}, api_url: "{pagerduty}"}}
  ops: {{type: slack, token: {{env: SLACK_TOKEN}}, channel: "#ops", api_url: "{slack}"}}
  audit: {{type: sns, topic_arn: "{topic}", api_url: "{aws}"}}
routes:
- {{channels: [oncall, ops, audit]}}
"""


async def feed(moto: Moto, value: list[float]) -> None:
    while True:
        await moto.put("Shop", "Latency", value[0], Host="web-1")
        await asyncio.sleep(1)


async def sns_events(moto: Moto) -> list[str]:
    return [sent[3]["event"]["Value"] for sent in await moto.published()]


@pytest.mark.long(29)
async def test_a_breach_pages_each_channel_once_and_its_recovery_resolves_each_once(tmp_path: Path) -> None:
    clock = SystemClock()
    async with moto_server() as moto, PagerDutyServer(clock) as pagerduty, SlackServer(clock) as slack:
        port = free_port()
        config = tmp_path / "watchtower.yaml"
        topic = await moto.topic("alerts")
        config.write_text(CONFIG.format(port=port, aws=moto.url, pagerduty=pagerduty.url, slack=slack.url, topic=topic))
        (tmp_path / "shop.yaml").write_text(RULES)
        env = {**CREDENTIALS, "PD_KEY": DEMO_KEY, "SLACK_TOKEN": DEMO_TOKEN}
        latency = [20.0]
        feeding = asyncio.create_task(feed(moto, latency))
        try:
            async with running(tmp_path, config, f"http://127.0.0.1:{port}", env) as daemon:
                await until(lambda: bool(daemon.events("tick")), 60, "a first tick")

                latency[0] = 300.0
                await until(lambda: pagerduty.phones_rung == 1, PROMISED, "the page")
                await until(lambda: len(slack.in_channel("ops")) == 1, 60, "the Slack message")
                await until(lambda: len(slack.pictures) == 1, 30, "the graph")

                latency[0] = 20.0
                await until(lambda: not pagerduty.incidents[0].open, PROMISED, "the resolve")
                await until(lambda: slack.in_channel("ops")[0].edits > 0, 60, "the message's update")
                await asyncio.sleep(PERIOD)

                assert pagerduty.phones_rung == 1
                assert len(slack.in_channel("ops")) == 1
                [graph] = slack.pictures
                assert graph.thread_ts == slack.in_channel("ops")[0].ts
                assert (graph.files[0].body or b"").startswith(b"\x89PNG")
                assert await sns_events(moto) == ["trigger", "resolve"]
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
