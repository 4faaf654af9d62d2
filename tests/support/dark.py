"""Cuts the network of a daemon that probes over it; run by a test as ``python -m tests.support.dark FOLDER``.

To be run in a network namespace of its own, as its root. The sites and the canaries are in another one, joined by two
interfaces; vendors are on the loopback, which no cut touches. Says what rang, as JSON.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from tests.support.clock import START
from tests.support.service import service_on
from tests.support.shop import open_shop, probe_rule
from watchtower.clock import ScaledClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.shop import Shop

PACE = 10.0
HERE, THERE = "10.77.0.1", "10.77.0.2"
SITE, CANARIES = 8080, (7001, 7002, 7003)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


async def serve() -> None:
    """What is at the far end: a site and three canaries."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readline():
                writer.write(ANSWER)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    for port in (SITE, *CANARIES):
        await asyncio.start_server(answer, "0.0.0.0", port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)


def near_link(state: str) -> None:
    """Cut the near end, or mend it: there is no way any more, and the kernel says so."""
    run("ip", "link", "set", "near", state)


class Far:
    """The other end of the wire."""

    def __init__(self, pid: int) -> None:
        self._inside = ("nsenter", "-t", str(pid), "-n")

    def ip(self, *arguments: str) -> None:
        """Configure the far end."""
        run(*self._inside, "ip", *arguments)

    def link(self, state: str) -> None:
        """Cut the far end, or mend it: what is sent there gets no answer."""
        self.ip("link", "set", "far", state)


@contextmanager
def wired() -> Iterator[Far]:
    """Two namespaces with a wire between them."""
    command = ["unshare", "-n", sys.executable, "-m", "tests.support.dark", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            far = Far(process.pid)
            run("ip", "link", "set", "lo", "up")
            run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(process.pid))
            run("ip", "addr", "add", f"{HERE}/24", "dev", "near")
            far.ip("addr", "add", f"{THERE}/24", "dev", "far")
            run("ip", "link", "set", "near", "up")
            far.link("up")
            yield far
        finally:
            process.kill()


def configure(shop: Shop) -> None:
    """Eight sites at the far end, each worth a page, and three canaries beside them."""
    http = {"url": f"http://{THERE}:{SITE}/{{{{ target }}}}"}
    probe = {"http": http, "targets": [f"site-{n}" for n in range(8)], "interval": "10s", "timeout": "2s"}
    shop.rules = [probe_rule("SiteDown", "", probe=probe, datapoints="2 of 2")]
    canaries = [{"name": f"c{port}", "tcp": {"host": THERE, "port": port}} for port in CANARIES]
    shop.config["probes"] = {"canaries": canaries}
    shop.write()


async def seen_up(shop: Shop) -> int:
    """How many sites the newest probes found well."""
    async with aiohttp.ClientSession() as http, http.get(f"{shop.url}/metrics?family=probe") as response:
        lines = (await response.text()).splitlines()
    return sum(line.startswith("probe_success{") and float(line.split()[-1]) == 1 for line in lines)


async def scenario(folder: Path) -> dict[str, Any]:
    """Cut and mend the far end, then the near one; what rang, and what is open at the end."""
    clock = ScaledClock(START, PACE)
    with wired() as far:
        async with open_shop(folder, clock=clock) as shop:
            configure(shop)
            os.environ.update(shop.env)
            async with service_on(shop.file, clock, pace=PACE):
                await clock.sleep(60)
                before = await seen_up(shop)
                for number, cut in enumerate((far.link, near_link), 1):
                    cut("down")
                    await shop.pages(number)
                    await clock.sleep(60)
                    cut("up")
                    await shop.resolves()
                    await clock.sleep(60)
                after = await seen_up(shop)
        return {
            "pages": [incident.summary for incident in shop.pagerduty.incidents],
            "rang": shop.pagerduty.phones_rung,
            "open": sum(incident.open for incident in shop.pagerduty.incidents),
            "up": [before, after],
        }


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        asyncio.run(serve())
    else:
        sys.stdout.write(orjson.dumps(asyncio.run(scenario(Path(sys.argv[1])))).decode() + "\n")
