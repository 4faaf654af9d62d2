"""A host on a simulated AWS and the daemon that watches it, in this process and on a clock that a test sets.

AWS, PagerDuty and Slack are simulated on the same clock. What CloudWatch says is a function of time, so any past
minute can be asked for again, and can turn out otherwise than it looked: then datapoints came late.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.clock import START, ManualClock
from tests.support.service import service_on
from tests.support.shop import Shop, open_shop
from tests.support.simulated_aws import ACCOUNT, MAIN, REGION, START_EPOCH, estate, series, use_keys
from tests.support.stores import put_store
from watchtower.client import post
from watchtower.demo.aws import EstateServer, Faults
from watchtower.engine.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime
    from pathlib import Path

    import pytest

    from watchtower.demo.estate import Series
    from watchtower.service import Service

MINUTE, HOUR, DAY = 60, 3_600, 86_400
BAD, GOOD = 95.0, 20.0

RULE: dict[str, Any] = {
    "alert": "CpuHigh",
    "cloudwatch": {
        "namespace": "Shop",
        "metric": "Cpu",
        "statistic": "Average",
        "period": "1m",
        "dimensions": {"Host": "*"},
    },
    "when": {"P2": "> 80"},
    "datapoints": "2 of 2",
    "recover": {"datapoints": "2 of 2"},
}


@dataclass
class World:
    """The estate, the vendors and the clock; ``cpu`` is what the one host reports, by the start of the minute."""

    shop: Shop
    clock: ManualClock
    faults: Faults
    readings: list[tuple[float, float | None]] = field(default_factory=lambda: [(float("-inf"), GOOD)])

    def reading(self, at: float) -> float | None:
        """What the host reported at this time: the newest that was set for it or before."""
        return [value for since, value in self.readings if since <= at][-1]

    def always(self, value: float) -> None:
        """What the host reports at any time: a clock that is set does not change it."""
        self.readings = [(float("-inf"), value)]

    def during(self, value: float, begin: float, end: float) -> None:
        """What the host reports from one time to another, in seconds after the start."""
        self.readings = [(float("-inf"), GOOD), (START_EPOCH + begin, value), (START_EPOCH + end, GOOD)]

    async def passes(self, seconds: float) -> None:
        """Let time pass, slowly enough for everybody to do in it what is to be done."""
        for _ in range(int(seconds / 10)):
            self.clock.advance(10)
            await asyncio.sleep(0.03)
            await asyncio.to_thread(self._turn)

    async def settles(self) -> None:
        """Ten seconds that take a real one: however busy the machine is, what is due in them gets done."""
        self.clock.advance(10)
        await asyncio.sleep(1)

    def _turn(self) -> None:
        """Wait for one's turn at the store: where its disk is busy, this clock waits too."""
        with closing(sqlite3.connect(self.shop.folder / "watchtower.db", isolation_level=None, timeout=30)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            shell.execute("ROLLBACK")

    async def soon(self, holds: Callable[[], bool]) -> None:
        """Let time pass until it holds, half an hour at most: a busy machine does less in a minute of this clock."""
        for _ in range(180):
            if holds():
                return
            await self.passes(10)
        raise AssertionError(f"not within half an hour: {self.pages}, {self.open} open")

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Service]:
        """A daemon on the store that earlier ones left."""
        self.shop.write()
        await put_store(self.shop.folder / "watchtower.db")
        settings = EngineSettings(drain_ticks=0.2, drain_sends=0.2)
        async with service_on(self.shop.file, self.clock, settings=settings) as service:
            yield service

    @property
    def pages(self) -> list[str]:
        """What rang, in order, Watchtower's own alerts included."""
        return [one.summary for one in self.shop.pagerduty.incidents]

    @property
    def cpu_pages(self) -> int:
        """How many of them are about the host."""
        return sum("CpuHigh" in page for page in self.pages)

    @property
    def open(self) -> int:
        """Incidents about the host that are open."""
        return sum(one.open and "CpuHigh" in one.summary for one in self.shop.pagerduty.incidents)

    @property
    def false_alarms(self) -> list[str]:
        """What was said of Watchtower itself that a step of the clock makes look so; a busy machine may be slow."""
        return [page for page in self.pages if "TickLate" in page or "SourceFailing" in page]

    async def silence(self, lasts: str) -> str:
        """ana is quiet about the host for so long; the silence's id."""
        about = {"name": "Host", "value": "web-1", "isRegex": False}
        body = {"matchers": [about], "for": lasts, "createdBy": "ana", "comment": "moving"}
        return str((await post(self.shop.url, "/api/v2/silences", body))["silenceID"])


@asynccontextmanager
async def open_world(
    folder: Path, environment: pytest.MonkeyPatch, *, start: datetime = START, more: tuple[Series, ...] = ()
) -> AsyncIterator[World]:
    """One host, and ``more`` series, from ``start`` on."""
    clock, faults = ManualClock(start), Faults([])
    async with open_shop(folder, clock=clock) as shop:
        made = World(shop, clock, faults)
        hosts = estate(series("Cpu", made.reading, {"Host": "web-1"}), *more)
        async with EstateServer(hosts, clock, faults) as aws:
            for name, value in shop.env.items():
                environment.setenv(name, value)
            use_keys(environment, aws.credentials(ACCOUNT))
            shop.slack.pace = None
            shop.rules = [dict(RULE)]
            shop.config["routes"] = [{"channels": ["oncall", "ops"]}]
            accounts = [{"name": MAIN.name, "regions": [REGION]}]
            shop.config["aws"] = {"accounts": accounts, "endpoint_url": aws.url, "publication_delay": "0s"}
            yield made
