"""The daemon in this process on a clock that a test sets: steps of an hour and a day, and hours without a daemon.

AWS, PagerDuty and Slack are simulated on the same clock. What CloudWatch says is a function of time, so any past
minute can be asked for again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import until
from tests.support.hosted import BAD, DAY, GOOD, HOUR, MINUTE, World, open_world
from watchtower.client import ask
from watchtower.demo.aws import Fault, Kind
from watchtower.demo.faults import server_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchtower.demo.pagerduty import PagerDutyIncident
    from watchtower.service import Service

pytestmark = pytest.mark.long(3)

EVERY_STEP = [-HOUR, -DAY, HOUR, DAY]


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with open_world(tmp_path, monkeypatch) as opened:
        yield opened


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
        await world.soon(lambda: service.live.late_loops() == [])

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
        await world.soon(lambda: service.live.late_loops() == [])


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
    async with world.daemon() as service:
        # The flush waits a minute of this clock for what is overdue, so the clock stands until that is evaluated.
        await until(lambda: ticks(service) >= 1, 60, "the evaluation that is overdue")
        await world.passes(3 * MINUTE)
        assert world.cpu_pages == 0
        assert [message.text for message in world.shop.slack.messages if "CpuHigh" in message.text] == []


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
