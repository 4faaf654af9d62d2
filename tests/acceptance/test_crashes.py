"""kill -9 and a long pause at each step between a failing site and the accepted page: no page lost, none doubled."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.support.daemon import COMMAND, Daemon, free_port, until
from tests.support.listening import listening
from tests.support.shop import in_chat
from watchtower.clock import SystemClock
from watchtower.demo.faults import hang
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.demo.slack import DEMO_TOKEN, SlackServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CONFIG = """
environment: test
store: sqlite:///watchtower.db
listen: 127.0.0.1:{port}
rules: [sites.yaml]
channels:
  oncall: {{type: pagerduty, routing_key: {{env: PD_KEY}}, api_url: "{pagerduty}"}}
  ops: {{type: slack, token: {{env: SLACK_TOKEN}}, channel: "#ops", api_url: "{slack}"}}
routes:
- {{channels: [oncall, ops]}}
"""

RULES = """
group: sites
rules:
- alert: SiteDown
  probe:
    http: {{url: "{site}", expect: {{status: 200}}}}
    interval: 1s
    timeout: 500ms
  when: {{P1: down}}
  datapoints: 2 of 2
  recover: {{datapoints: 2 of 2}}
  summary: "the site is down: {{{{ reason }}}}"
"""


@dataclass
class World:
    """A site that can fail, two vendors, and a daemon's files."""

    folder: Path
    site: list[int]
    pagerduty: PagerDutyServer
    slack: SlackServer
    port: int

    def daemon(self, *command: str) -> Daemon:
        config = self.folder / "watchtower.yaml"
        env = {"PD_KEY": DEMO_KEY, "SLACK_TOKEN": DEMO_TOKEN}
        return Daemon(self.folder, [*command, "--config", str(config)], f"http://127.0.0.1:{self.port}", env)

    async def resolves_everywhere(self) -> None:
        await until(lambda: all(not one.open for one in self.pagerduty.incidents), 60, "PagerDuty's resolve")
        await until(lambda: "RESOLVED" in in_chat(self.slack).upper(), 60, "Slack's resolve")

    def nobody_was_told_twice(self) -> None:
        assert self.pagerduty.phones_rung == 1
        assert len(self.pagerduty.incidents) == 1
        assert len(self.slack.in_channel("ops")) == 1


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = SystemClock()
    status = [200]
    async with _site(status) as url, PagerDutyServer(clock) as pagerduty, SlackServer(clock) as slack:
        port = free_port()
        config = CONFIG.format(port=port, pagerduty=pagerduty.url, slack=slack.url)
        (tmp_path / "watchtower.yaml").write_text(config)
        (tmp_path / "sites.yaml").write_text(RULES.format(site=url))
        yield World(tmp_path, status, pagerduty, slack, port)


@asynccontextmanager
async def _site(status: list[int]) -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status[0], text="Welcome")

    async with listening(answer) as origin:
        yield f"{origin}/"


async def restarted(world: World) -> None:
    """A new process takes over; the site recovers; everybody is told the end."""
    daemon = world.daemon(*COMMAND, "run")
    await daemon.start()
    try:
        await daemon.ready()
        await until(lambda: world.pagerduty.phones_rung > 0, 60, "the page")
        await until(lambda: len(world.slack.messages) > 0, 60, "the Slack message")
        world.site[0] = 200
        await world.resolves_everywhere()
    finally:
        await daemon.kill()
    world.nobody_was_told_twice()


@pytest.mark.long(8)
@pytest.mark.parametrize("step", ["after-poll", "after-tick-commit", "after-flush-commit", "after-response"])
async def test_a_kill_at_any_step_loses_no_page_and_opens_no_second_incident(world: World, step: str) -> None:
    doomed = world.daemon(sys.executable, "-m", "tests.support.crashing", step, "run")
    await doomed.start()
    await doomed.ready()
    world.site[0] = 503

    assert await doomed.ended(30) == -signal.SIGKILL

    await restarted(world)


@pytest.mark.long(7)
@pytest.mark.parametrize("acted", [True, False])
async def test_a_kill_while_the_request_is_out_loses_no_page(world: World, acted: bool) -> None:
    """Nobody knows whether the vendor acted; the page is sent again under the same key."""
    world.pagerduty.faults.next(hang(acted=acted))
    world.slack.faults.next(hang(acted=acted))
    doomed = world.daemon(*COMMAND, "run")
    await doomed.start()
    await doomed.ready()
    world.site[0] = 503
    await until(lambda: world.pagerduty.faults.struck == 1 and world.slack.faults.struck == 1, 60, "both requests")

    await doomed.kill()

    await restarted(world)
    keys = {request.payload["dedup_key"] for request in world.pagerduty.requests}
    assert len(keys) == 1


@pytest.mark.long(23)
async def test_a_process_that_stands_still_for_15_seconds_neither_loses_nor_doubles_a_page(world: World) -> None:
    daemon = world.daemon(*COMMAND, "run")
    await daemon.start()
    try:
        await daemon.ready()
        world.pagerduty.faults.next(hang(acted=True))
        world.site[0] = 503
        await until(lambda: world.pagerduty.faults.struck == 1, 60, "the request")
        daemon.send(signal.SIGSTOP)
        await asyncio.sleep(15)
        daemon.send(signal.SIGCONT)
        await until(lambda: len(world.slack.messages) > 0, 60, "the Slack message")
        await asyncio.sleep(2)
        world.site[0] = 200
        await world.resolves_everywhere()
    finally:
        await daemon.kill()
    world.nobody_was_told_twice()
