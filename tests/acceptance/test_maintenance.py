"""Planned work, through the commands and the daemon: nobody is paged, nothing is lost, and no downtime is counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.daemon import command_here
from tests.support.service import service_on
from tests.support.shop import Shop, open_shop
from watchtower.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        for name, value in opened.env.items():
            monkeypatch.setenv(name, value)
        opened.write()
        yield opened


async def seconds(shop: Shop) -> dict[str, float]:
    """The site's time by what it was, as the API has it."""
    async with aiohttp.ClientSession() as http, http.get(f"{shop.url}/api/v1/uptime?window=1d") as response:
        found: list[dict[str, Any]] = (await response.json())["series"]
    return found[0]["seconds"] if found else dict.fromkeys(("up", "down", "maintenance"), 0.0)


async def spent(shop: Shop, state: str, least: float) -> None:
    """Wait until the site has been this for so long."""
    async with asyncio.timeout(20):
        while (await seconds(shop))[state] < least:
            await asyncio.sleep(0.1)


async def maintenance(shop: Shop, *arguments: str) -> str:
    code, out, err = await command_here("maintenance", *arguments, "--url", shop.url)
    assert code == 0, err
    return out


async def test_a_site_that_is_worked_on_pages_nobody_until_the_work_ends(shop: Shop) -> None:
    async with service_on(shop.file, SystemClock()):
        await spent(shop, "up", 2)
        await maintenance(shop, "start", shop.site.url, "--for", "2h", "--comment", "new certificates")
        assert "new certificates (maintenance)" in await maintenance(shop, "list")
        shop.site.status = 503
        await spent(shop, "maintenance", 3)
        assert shop.pagerduty.phones_rung == 0
        assert (await seconds(shop))["down"] == 0

        assert await maintenance(shop, "end", shop.site.url) == f"{shop.site.url}: maintenance ended\n"
        await shop.pages()
        await spent(shop, "down", 2)
        shop.site.status = 200
        await shop.resolves()

    assert shop.pagerduty.phones_rung == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("start", "", "--for", "1h"), 2, "a target has a name"),
        (("start", "a", "--for", "soon"), 2, "soon"),
        (("end", "a", "--url", "http://127.0.0.1:9"), 1, "no daemon answers"),
    ],
)
async def test_what_cannot_be_is_said(arguments: tuple[str, ...], code: int, said: str) -> None:
    found, out, err = await command_here("maintenance", *arguments)
    assert found == code
    assert said in out + err
