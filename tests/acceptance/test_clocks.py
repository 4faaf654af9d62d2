"""The daemon in this process on a clock that a test sets: steps of an hour and a day, and hours without a daemon.

AWS, PagerDuty and Slack are simulated on the same clock. What CloudWatch says is a function of time, so any past
minute can be asked for again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import ManualClock
from tests.support.service import service_on
from tests.support.shop import Shop, open_shop
from tests.support.simulated_aws import ACCOUNT, MAIN, REGION, START_EPOCH, estate, series
from watchtower.client import ask, post
from watchtower.demo.aws import EstateServer, Fault, Faults, Kind
from watchtower.demo.faults import server_error
from watchtower.engine.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from watchtower.demo.pagerduty import PagerDutyIncident
    from watchtower.service import Service

MINUTE, HOUR, DAY = 60, 3_600, 86_400
BAD, GOOD = 95.0, 20.0
EVERY_STEP = [-HOUR, -DAY, HOUR, DAY]

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
    readings: list[tuple[float, float]] = field(default_factory=lambda: [(float("-inf"), GOOD)])

    def reading(self, at: float) -> float:
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


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    clock, faults = ManualClock(), Faults([])
    async with open_shop(tmp_path, clock=clock) as shop:
        made = World(shop, clock, faults)
        hosts = estate(series("Cpu", made.reading, {"Host": "web-1"}))
        async with EstateServer(hosts, clock, faults) as aws:
            for name, value in shop.env.items():
                monkeypatch.setenv(name, value)
            credentials = aws.credentials(ACCOUNT)
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
            monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
            shop.slack.pace = None
            shop.rules = [dict(RULE)]
            shop.config["routes"] = [{"channels": ["oncall", "ops"]}]
            accounts = [{"name": MAIN.name, "regions": [REGION]}]
            shop.config["aws"] = {"accounts": accounts, "endpoint_url": aws.url, "publication_delay": "0s"}
            yield made


def ticks(service: Service) -> float:
    return service.live.metrics.registry.get_sample_value("watchtower_ticks_total", {"source": "cloudwatch"}) or 0.0


# -- steps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", EVERY_STEP)
async def test_a_step_neither_pages_again_nor_resolves_nor_stops_a_loop(world: World, step: float) -> None:
    async with world.daemon() as service:
        await world.passes(2 * MINUTE)
        world.always(BAD)
        await world.soon(lambda: world.cpu_pages == 1)

        world.clock.step_wall(step)
        before = ticks(service)
        await world.soon(lambda: ticks(service) >= before + 4)
        assert (world.cpu_pages, world.open) == (1, 1)
        assert service.live.late_loops() == []

        world.clock.step_wall(-step)
        await world.passes(3 * MINUTE)
        assert (world.cpu_pages, world.open) == (1, 1)

        world.always(GOOD)
        await world.soon(lambda: world.open == 0)
        assert world.cpu_pages == 1
        assert world.false_alarms == []


@pytest.mark.parametrize("step", [-DAY, HOUR])
async def test_a_page_that_waits_for_its_next_try_is_tried_after_a_step(world: World, step: float) -> None:
    world.always(BAD)
    world.shop.pagerduty.faults.next(server_error(503), 4)
    async with world.daemon():
        await world.soon(lambda: world.shop.pagerduty.faults.struck > 1)
        world.clock.step_wall(step)
        await world.soon(lambda: world.cpu_pages == 1)


@pytest.mark.parametrize("step", [-DAY, HOUR])
async def test_a_group_wait_neither_lasts_an_hour_longer_nor_pages_twice(world: World, step: float) -> None:
    world.always(BAD)
    world.shop.rules[0]["when"] = {"P3": "> 80"}
    world.shop.config["routes"][0]["group_wait"] = "2m"
    async with world.daemon():
        await world.passes(2 * MINUTE)
        assert world.pages == []
        world.clock.step_wall(step)
        await world.soon(lambda: world.cpu_pages == 1)
        await world.passes(2 * MINUTE)
        assert world.cpu_pages == 1


async def test_before_a_silence_ends_by_a_step_everything_is_evaluated_once(world: World) -> None:
    async with world.daemon():
        await world.passes(MINUTE)
        await world.silence("30m")
        world.always(BAD)
        await world.passes(2 * MINUTE)
        assert world.pages == []

        world.always(GOOD)
        world.clock.step_wall(DAY)
        for _ in range(3):
            await world.settles()
        await world.passes(3 * MINUTE)
        assert world.pages == []
        assert world.shop.slack.messages == []


async def test_an_alert_that_fires_when_a_step_ends_its_silence_is_told_once(world: World) -> None:
    async with world.daemon():
        await world.passes(MINUTE)
        await world.silence("30m")
        world.always(BAD)
        await world.passes(2 * MINUTE)
        assert world.pages == []
        world.clock.step_wall(HOUR)
        await world.soon(lambda: world.cpu_pages == 1)
        await world.passes(2 * MINUTE)
        assert (world.cpu_pages, world.open) == (1, 1)


async def test_a_silence_that_somebody_ended_does_not_come_back_with_the_clock(world: World) -> None:
    async with world.daemon():
        await world.passes(MINUTE)
        known = await world.silence("2d")
        world.clock.advance(2 * HOUR)
        await ask("DELETE", world.shop.url, f"/api/v2/silence/{known}")
        world.clock.step_wall(-HOUR)
        world.always(BAD)
        await world.soon(lambda: world.cpu_pages == 1)


async def test_a_step_does_not_make_a_short_failure_a_long_one(world: World) -> None:
    """A source that has failed for a minute is not told to have failed for an hour, nor a tick to be late."""
    async with world.daemon() as service:
        await world.passes(2 * MINUTE)
        world.faults.add(Fault(Kind.HTML_500))
        await world.passes(2 * MINUTE)
        world.clock.step_wall(HOUR)
        await world.passes(2 * MINUTE)
        assert world.pages == []
        await world.soon(lambda: world.false_alarms != [])
        assert ["WatchtowerSourceFailing" in page for page in world.pages] == [True]
        assert service.live.late_loops() == []


# -- hours without a daemon -------------------------------------------------------------------------------------------


async def test_what_fired_and_recovered_meanwhile_is_not_told(world: World) -> None:
    async with world.daemon():
        await world.passes(2 * MINUTE)
    world.during(BAD, HOUR, 2 * HOUR)
    world.clock.advance(3 * HOUR)
    async with world.daemon() as service:
        await world.passes(3 * MINUTE)
        assert ticks(service) >= 2
        assert world.pages == []
        assert world.shop.slack.messages == []


async def test_what_still_fires_pages_once(world: World) -> None:
    async with world.daemon():
        await world.passes(2 * MINUTE)
    world.during(BAD, HOUR, 9 * HOUR)
    world.clock.advance(3 * HOUR)
    async with world.daemon():
        await world.soon(lambda: world.cpu_pages == 1)
        await world.passes(2 * MINUTE)
        assert (world.cpu_pages, world.open) == (1, 1)
    world.clock.advance(3 * HOUR)
    async with world.daemon():
        await world.passes(3 * MINUTE)
        assert (len(world.pages), world.open, world.shop.pagerduty.phones_rung) == (1, 1, 1)


async def test_an_open_incident_whose_alert_is_well_by_now_is_resolved_once(world: World) -> None:
    world.during(BAD, 0, HOUR)
    async with world.daemon():
        await world.soon(lambda: world.open == 1)
    world.clock.advance(3 * HOUR)
    async with world.daemon():
        await world.soon(lambda: world.open == 0)
        await world.passes(2 * MINUTE)
        assert world.cpu_pages == 1
    [incident] = world.shop.pagerduty.incidents
    about_it = [one.payload for one in world.shop.pagerduty.requests if one.payload["dedup_key"] == incident.key]
    assert [sent["event_action"] for sent in about_it] == ["trigger", "resolve"]


async def test_a_silence_that_ended_meanwhile_tells_nothing_of_an_alert_that_recovered(world: World) -> None:
    async with world.daemon():
        await world.passes(MINUTE)
        await world.silence("30m")
        world.during(BAD, 0, HOUR)
        await world.passes(3 * MINUTE)
    world.clock.advance(3 * HOUR)
    async with world.daemon():
        await world.passes(3 * MINUTE)
        assert world.pages == []
        assert world.shop.slack.messages == []


async def test_a_silence_that_ended_meanwhile_tells_of_an_alert_that_still_fires_once(world: World) -> None:
    async with world.daemon():
        await world.passes(MINUTE)
        await world.silence("30m")
        world.always(BAD)
        await world.passes(3 * MINUTE)
        assert world.pages == []
    world.clock.advance(3 * HOUR)
    async with world.daemon():
        await world.soon(lambda: world.cpu_pages == 1)
        await world.passes(2 * MINUTE)
        assert (world.cpu_pages, world.open) == (1, 1)


async def test_a_store_from_a_clock_that_was_ahead_is_taken_up_at_once(world: World) -> None:
    world.clock.step_wall(DAY)
    async with world.daemon():
        await world.passes(2 * MINUTE)
    world.clock.step_wall(-DAY)
    world.always(BAD)
    async with world.daemon() as service:
        await world.soon(lambda: world.cpu_pages == 1)
        await world.soon(lambda: ticks(service) > 3)


def about_the_source(world: World) -> list[PagerDutyIncident]:
    """What rang because AWS does not answer; a busy machine may be late with other things."""
    return [one for one in world.shop.pagerduty.incidents if "WatchtowerSourceFailing" in one.summary]


async def test_time_without_a_daemon_is_no_failure_of_the_source(world: World) -> None:
    async with world.daemon() as service:
        await world.soon(lambda: ticks(service) >= 1)
        world.faults.add(Fault(Kind.HTML_500, operation="GetMetricData"))
        await world.soon(lambda: world.faults.struck[Kind.HTML_500] > 0)
    world.clock.advance(20 * MINUTE)
    world.faults.clear()
    async with world.daemon() as service:
        await world.soon(lambda: ticks(service) >= 3)
        await world.passes(MINUTE)
        assert about_the_source(world) == []


async def test_a_source_that_fails_before_and_after_a_stop_is_told_once_and_resolved_when_it_is_back(
    world: World,
) -> None:
    async with world.daemon() as service:
        await world.soon(lambda: ticks(service) >= 1)
        world.faults.add(Fault(Kind.HTML_500))
        await world.soon(lambda: len(about_the_source(world)) == 1)
    world.clock.advance(20 * MINUTE)
    struck = world.faults.struck[Kind.HTML_500]
    async with world.daemon():
        await world.soon(lambda: world.faults.struck[Kind.HTML_500] >= struck + 4)
        await world.passes(8 * MINUTE)
        [incident] = about_the_source(world)
        assert (incident.open, incident.log) == (True, [])

        world.faults.clear()
        await world.soon(lambda: not incident.open)
        await world.passes(2 * MINUTE)
    [incident] = about_the_source(world)
    assert incident.log == ["resolve"]
