"""`watchtower demo`: a story that pages and resolves as promised, decided by the rules and nothing else."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.support.daemon import COMMAND, free_port
from tests.support.promql import NOT_IN_THE_DEMO, PROMETHEUS, asked, exported

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]
#: Virtual seconds in a real one.
SPEED = 40
#: Real seconds from the start to the first page, whatever the machine.
FIRST_PAGE = 60.0


class Demo:
    """A running demo, read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def until(self, wanted: str) -> str:
        """The first line, from here on, that holds a regular expression."""
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            line = raw.decode().rstrip()
            self.lines.append(line)
            if re.search(wanted, line):
                return line
        raise AssertionError("\n".join([f"{wanted!r} was not said:", *self.lines]))

    async def ended(self) -> int:
        """The exit code, once everything was said."""
        assert self.process.stdout is not None
        self.lines.extend([raw.decode().rstrip() async for raw in self.process.stdout])
        return await self.process.wait()

    def told(self, verdict: str) -> list[str]:
        """The promises that were ``kept``, or ``BROKEN``."""
        return [line.split(maxsplit=1)[1] for line in self.lines if line.startswith(f"  {verdict} ")]


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncIterator[Demo]:
    """The demo until its scenario ends, or the block does."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "demo",
        "--once",
        *("--speed", str(SPEED)),
        *("--listen", f"127.0.0.1:{free_port()}"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=sys.stderr,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    try:
        yield Demo(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def unseen(url: str, wanted: set[str]) -> set[str]:
    """The metrics that no scrape of thirty seconds has: a value is gone two periods later, here within a second."""
    async with aiohttp.ClientSession() as session:
        for _ in range(60):
            async with session.get(url) as response:
                wanted = wanted - exported(await response.text())
            if not wanted:
                break
            await asyncio.sleep(0.5)
    return wanted


@pytest.mark.long(165)
@pytest.mark.timeout(300)
async def test_the_demo_pages_within_a_minute_keeps_every_promise_and_exits_0(tmp_path: Path) -> None:
    began = asyncio.get_running_loop().time()
    async with demo(tmp_path) as running:
        link = await running.until("metrics: http://")
        page = await running.until("PagerDuty  trigger: ")
        assert asyncio.get_running_loop().time() - began < FIRST_PAGE
        assert re.search(r"P1 FIRING.* · SiteDown: ", page)
        url = re.findall(r"http://\S+/metrics", link)[0]
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert 'watchtower_alerts{alert="SiteDown",priority="P1",state="ALARM"} 1.0' in await response.text()
        assert await unseen(url, asked() - NOT_IN_THE_DEMO - PROMETHEUS) == set(), "a dashboard asks for it"

        assert await running.ended() == 0, "\n".join(running.lines)

        assert running.told("BROKEN") == []
        assert len(running.told("kept")) > 4
        assert not any("WatchtowerSourceFailing" in line for line in running.lines)


@pytest.mark.long(20)
@pytest.mark.timeout(180)
async def test_another_threshold_in_a_rule_changes_what_the_same_estate_pages(tmp_path: Path) -> None:
    """A third of the requests fails: beyond 20 % that is P1, and P2 where somebody wrote 50 %."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules, ignore=shutil.ignore_patterns("tests"))
    shutil.copy(ROOT / "watchtower" / "demo" / "rules" / "sites.yaml", rules)
    pack = (rules / "alb.yaml").read_text()
    assert pack.count('"> 20"') == 1
    (rules / "alb.yaml").write_text(pack.replace('"> 20"', '"> 50"'))

    async with demo(tmp_path, "--rules", str(rules)) as running:
        await running.until(r"P2 FIRING.* · AlbErrors: ")  # on a busy machine it says "late by 1 min" in between
        running.process.send_signal(signal.SIGTERM)

        assert await running.ended() == 1

        assert not any(re.search(r"P1 FIRING.* · AlbErrors", line) for line in running.lines)
        assert any(re.search(r"P1 FIRING.* · SiteDown", line) for line in running.lines)
        [said] = [line for line in running.told("BROKEN") if line.startswith("AlbErrors ")]
        assert said.endswith(": heard P2")
