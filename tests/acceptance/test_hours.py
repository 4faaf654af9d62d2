"""The daemon on a clock that a test sets: the nights on which clocks change, datapoints that come late, new series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.hosted import BAD, GOOD, MINUTE, World, open_world
from tests.support.simulated_aws import series
from watchtower.clock import epoch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.long(2)

AUTUMN, SPRING = datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)
MADRID = "Europe/Madrid"


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with open_world(tmp_path, monkeypatch) as opened:
        yield opened


# -- the nights on which clocks change --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Night:
    """Times in UTC: the host breaks at ``breaks``; nobody hears of it at ``quiet``, and everybody at ``told``."""

    breaks: datetime
    quiet: tuple[datetime, ...]
    told: datetime
    weekly: str


def on(day: datetime, hours: int, minutes: int = 0) -> datetime:
    return day + timedelta(hours=hours, minutes=minutes)


MUTES = [
    # In autumn 02:00 to 04:00 on the wall lasts three hours: 00:00 to 03:00 in UTC.
    pytest.param(
        Night(on(AUTUMN, 0, 5), (on(AUTUMN, 1, 5), on(AUTUMN, 2, 57)), on(AUTUMN, 3), "Sun 02:00-04:00"), id="autumn"
    ),
    # In spring it lasts one: at 01:00 in UTC the wall goes from 02:00 to 03:00.
    pytest.param(Night(on(SPRING, 1, 5), (on(SPRING, 1, 57),), on(SPRING, 2), "Sun 02:00-04:00"), id="spring"),
]
HOURS = [
    # The summer's eight o'clock is six in UTC, the winter's seven.
    pytest.param(
        Night(on(AUTUMN, 5, 30), (on(AUTUMN, 6, 5), on(AUTUMN, 6, 57)), on(AUTUMN, 7), "Sun 08:00-20:00"), id="autumn"
    ),
    pytest.param(Night(on(SPRING, 5, 30), (on(SPRING, 5, 57),), on(SPRING, 6), "Sun 08:00-20:00"), id="spring"),
]


async def passes_quietly_until_told(world: World, night: Night) -> None:
    """The host breaks; what is held back is held back to the minute, and then told once."""
    world.always(BAD)
    async with world.daemon():
        await world.passes(3 * MINUTE)
        assert world.cpu_pages == 0
        for moment in night.quiet:
            world.clock.step_wall((moment - world.clock.now()).total_seconds())
            await world.passes(2 * MINUTE)
            assert world.cpu_pages == 0, f"at {moment}"
        await world.soon(lambda: world.cpu_pages == 1)
        assert night.told <= world.clock.now() < night.told + timedelta(minutes=10)
        await world.passes(2 * MINUTE)
        assert (world.cpu_pages, world.open) == (1, 1)


@pytest.mark.parametrize("night", MUTES)
async def test_a_mute_window_covers_its_hours_on_the_wall_when_clocks_change(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(tmp_path, monkeypatch, start=night.breaks) as world:
        mute = {"name": "backups", "match": ["Host=web-1"], "weekly": night.weekly, "timezone": MADRID}
        world.shop.config["mute"] = [mute]
        await passes_quietly_until_told(world, night)


@pytest.mark.parametrize("night", HOURS)
async def test_a_route_opens_at_its_hour_on_the_wall_when_clocks_change(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(tmp_path, monkeypatch, start=night.breaks) as world:
        world.shop.config["routes"][0]["during"] = {"weekly": night.weekly, "timezone": MADRID}
        await passes_quietly_until_told(world, night)


# -- late datapoints --------------------------------------------------------------------------------------------------


async def test_datapoints_that_come_too_late_correct_the_state_and_wake_nobody(world: World) -> None:
    world.shop.rules[0] |= {"max_page_age": "3m", "evaluation_range": 12, "missing": "ignore", "datapoints": "2 of 2"}
    async with world.daemon():
        await world.passes(2 * MINUTE)
        silent = epoch(world.clock.now())
        world.readings = [(float("-inf"), GOOD), (silent, None)]
        await world.passes(8 * MINUTE)
        world.readings = [(float("-inf"), GOOD), (silent, BAD), (silent + 3 * MINUTE, None)]
        await world.passes(2 * MINUTE)

        code, told, _ = await world.shop.command_here("why", "CpuHigh")
        assert code == 0
        assert "OK -> ALARM P2" in told
        assert "too old to page" in told
        assert world.pages == []

        world.readings = [*world.readings, (epoch(world.clock.now()), BAD)]
        await world.soon(lambda: world.cpu_pages == 1)
        world.readings = [*world.readings, (epoch(world.clock.now()), GOOD)]
        await world.soon(lambda: world.open == 0)
        assert world.cpu_pages == 1


async def test_datapoints_that_come_late_but_not_too_late_page(world: World) -> None:
    world.shop.rules[0] |= {"max_page_age": "30m", "evaluation_range": 12, "missing": "ignore"}
    async with world.daemon():
        await world.passes(2 * MINUTE)
        silent = epoch(world.clock.now())
        world.readings = [(float("-inf"), GOOD), (silent, None)]
        await world.passes(6 * MINUTE)
        assert world.pages == []
        world.readings = [(float("-inf"), GOOD), (silent, BAD), (silent + 3 * MINUTE, None)]
        await world.soon(lambda: world.cpu_pages == 1)


# -- more series than a rule may have ---------------------------------------------------------------------------------


async def test_a_series_too_many_is_ignored_and_told_and_those_that_were_there_still_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer = series("Cpu", lambda _: BAD, {"Host": "a-first"})
    steady = series("Cpu", lambda _: GOOD, {"Host": "web-2"})
    async with open_world(tmp_path, monkeypatch, more=(newcomer, steady)) as world:
        world.shop.config["series_limit"] = 2
        rule = world.shop.rules[0]
        everybody = rule["cloudwatch"]
        rule["cloudwatch"] = {**everybody, "dimensions": {"Host": "web-*"}}
        async with world.daemon():
            await world.passes(3 * MINUTE)
            assert world.pages == []
        rule["cloudwatch"] = everybody
        async with world.daemon():
            await world.soon(lambda: any("WatchtowerSeriesLimit" in page for page in world.pages))
            world.always(BAD)
            await world.soon(lambda: any("web-1" in page for page in world.pages))
            await world.passes(2 * MINUTE)
            assert not any("a-first" in page for page in world.pages)
