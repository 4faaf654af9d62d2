"""A web site that can fail, the vendors that hear of it, and the files of the daemon that watches it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from tests.support.daemon import COMMAND, Daemon, command, command_here, free_port, until
from tests.support.listening import listening
from tests.support.stores import put_store
from watchtower.clock import Clock, SystemClock
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.demo.slack import DEMO_TOKEN, SlackServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

#: A second integration of the same PagerDuty.
OTHER_KEY = "watchtower0other0routing0key0000"
ENV = {"PD_KEY": DEMO_KEY, "OTHER_PD_KEY": OTHER_KEY, "SLACK_TOKEN": DEMO_TOKEN}


@dataclass
class Site:
    """What the site answers, and how often it was asked; while it ``hangs``, nothing."""

    url: str = ""
    status: int = 200
    page: str = "Welcome"
    asked: int = 0
    hangs: bool = False
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, _: web.Request) -> web.Response:
        """One page for every path."""
        if self.hangs:
            await self.closing.wait()
        self.asked += 1
        kind = "text/html" if self.page.startswith("<") else "text/plain"
        return web.Response(status=self.status, text=self.page, content_type=kind)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """A site on a loopback port."""
    it = Site()
    async with listening(it.answer) as origin:
        it.url = f"{origin}/"
        try:
            yield it
        finally:
            it.closing.set()


def probe_rule(name: str, url: str, **more: Any) -> dict[str, Any]:
    """A rule that looks every second and is sure after one look; ``more`` replaces or adds keys."""
    return {
        "alert": name,
        "probe": {"http": {"url": url, "expect": {"status": 200}}, "interval": "1s", "timeout": "900ms"},
        "when": {"P1": "down"},
        "recover": {"datapoints": "1 of 1"},
        "summary": name + " says: {{ reason }}",
        **more,
    }


def in_chat(slack: SlackServer) -> str:
    """What Slack's first message says by now; nothing before it has come."""
    return slack.messages[0].text if slack.messages else ""


@dataclass
class Shop:
    """``config`` and ``rules`` are what :meth:`write` writes; JSON is YAML."""

    folder: Path
    site: Site
    pagerduty: PagerDutyServer
    slack: SlackServer
    port: int
    config: dict[str, Any]
    rules: list[dict[str, Any]]
    env: dict[str, str]

    @property
    def file(self) -> Path:
        """The configuration's path."""
        return self.folder / "watchtower.yaml"

    @property
    def url(self) -> str:
        """Where the daemon listens."""
        return f"http://127.0.0.1:{self.port}"

    def write(self) -> None:
        """Write the configuration and its one rule file."""
        self.file.write_bytes(orjson.dumps(self.config))
        (self.folder / "rules.yaml").write_bytes(orjson.dumps({"group": "sites", "rules": self.rules}))

    def daemon(self) -> Daemon:
        """The installed command on the written files, not started yet."""
        return Daemon(self.folder, [*COMMAND, "run", "--config", str(self.file)], self.url, self.env)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Daemon]:
        """Write the files and run the daemon; it is ready now, and gone afterwards."""
        self.write()
        await put_store(self.folder / "watchtower.db")
        daemon = self.daemon()
        await daemon.start()
        try:
            await daemon.ready()
            yield daemon
        finally:
            await daemon.kill()

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Another command on the same files."""
        return await command(*arguments, "--config", str(self.file), env=self.env)

    async def command_here(self, *arguments: str) -> tuple[int, str, str]:
        """The same without a process of its own."""
        return await command_here(*arguments, "--config", str(self.file), env=self.env)

    async def pages(self, count: int = 1) -> None:
        """Wait until so many phones rang."""
        await until(lambda: self.pagerduty.phones_rung >= count, 20, f"{count} pages")

    async def resolves(self) -> None:
        """Wait until no PagerDuty incident is open."""
        await until(lambda: all(not one.open for one in self.pagerduty.incidents), 60, "the resolve")


@asynccontextmanager
async def open_shop(
    folder: Path, *, clock: Clock | None = None, keys: Iterable[str] = (DEMO_KEY,)
) -> AsyncIterator[Shop]:
    """A shop whose site is watched by one P1 rule, told to PagerDuty and Slack."""
    time = clock or SystemClock()
    async with site() as place, PagerDutyServer(time, tuple(keys), limit=None) as pagerduty, SlackServer(time) as slack:
        port = free_port()
        config = {
            "environment": "test",
            "store": "sqlite:///watchtower.db",
            "listen": f"127.0.0.1:{port}",
            "rules": ["rules.yaml"],
            "channels": {
                "oncall": {"type": "pagerduty", "routing_key": {"env": "PD_KEY"}, "api_url": pagerduty.url},
                "ops": {"type": "slack", "token": {"env": "SLACK_TOKEN"}, "channel": "#ops", "api_url": slack.url},
            },
            "routes": [{"channels": ["oncall", "ops"], "group_by": ["alert", "target"]}],
        }
        rules = [probe_rule("SiteDown", place.url)]
        yield Shop(folder, place, pagerduty, slack, port, config, rules, dict(ENV))
