from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.support.clock import ManualClock
from tests.support.simulated_aws import estate
from watchtower.demo.estate import Outage, SiteState
from watchtower.demo.sites import Sites

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


@asynccontextmanager
async def a_site(clock: ManualClock, outages: Sequence[Outage] = ()) -> AsyncIterator[str]:
    world = estate(sites={"shop": "Welcome to the shop"}, outages=tuple(outages))
    async with Sites(world, clock) as sites:
        yield sites.urls["shop"]


async def visit(url: str, patience: float = 5.0) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=patience)) as session,
        session.get(url) as response,
    ):
        return response.status, await response.text()


async def visit_until_refused(url: str) -> None:
    for _ in range(200):
        await visit(url)
        await asyncio.sleep(0.005)


async def eventually_visit(url: str) -> tuple[int, str]:
    for _ in range(200):
        try:
            return await visit(url)
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.005)
    raise AssertionError(f"{url} never came back")


async def test_a_site_that_is_well_shows_its_page() -> None:
    async with a_site(ManualClock()) as url:
        status, text = await visit(url)
    assert status == 200
    assert "Welcome to the shop" in text


async def test_a_failing_site_answers_its_status_only_while_the_outage_lasts() -> None:
    clock = ManualClock()
    async with a_site(clock, [Outage("shop", 120, 540, SiteState.FAILING, status=503)]) as url:
        seen = []
        for seconds in (119, 1, 419, 1):
            clock.advance(seconds)
            seen.append((await visit(url))[0])
    assert seen == [200, 503, 503, 200]


async def test_a_refusing_site_refuses_and_comes_back_on_the_same_port() -> None:
    clock = ManualClock()
    async with a_site(clock, [Outage("shop", 60, 120, SiteState.REFUSING)]) as url:
        assert (await visit(url))[0] == 200
        clock.advance(60)
        with pytest.raises(aiohttp.ClientConnectorError):
            await visit_until_refused(url)
        clock.advance(60)
        assert (await eventually_visit(url))[0] == 200


async def test_a_site_may_refuse_from_the_very_start() -> None:
    async with a_site(ManualClock(), [Outage("shop", 0, 60, SiteState.REFUSING)]) as url:
        with pytest.raises(aiohttp.ClientConnectorError):
            await visit(url)


async def test_a_hanging_site_never_answers() -> None:
    async with a_site(ManualClock(), [Outage("shop", 0, 60, SiteState.HANGING)]) as url:
        with pytest.raises(TimeoutError):
            await visit(url, patience=0.1)


async def test_a_slow_site_takes_its_virtual_seconds() -> None:
    clock = ManualClock()
    async with a_site(clock, [Outage("shop", 0, 60, SiteState.SLOW, seconds=8)]) as url:
        visiting = asyncio.create_task(visit(url))
        await asyncio.sleep(0.1)
        assert not visiting.done()
        clock.advance(8)
        assert (await visiting)[0] == 200


async def test_a_hijacked_site_answers_200_with_a_strangers_page() -> None:
    async with a_site(ManualClock(), [Outage("shop", 0, 60, SiteState.WRONG)]) as url:
        status, text = await visit(url)
    assert status == 200
    assert "Welcome" not in text
