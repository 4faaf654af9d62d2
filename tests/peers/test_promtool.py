"""What Debian's Prometheus says about our metrics: its linter, and a server that scrapes and is asked."""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from tests.support.daemon import Daemon, free_port, until
from tests.support.docs import ROOT
from tests.support.promql import ALERTS, alerts, queries
from tests.support.shop import Shop, open_shop
from tests.support.simulated_aws import ACCOUNT, MAIN, REGION, estate, series
from watchtower.clock import SystemClock
from watchtower.demo.aws import EstateServer
from watchtower.demo.shapes import steady

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]

SCRAPE = """
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: watchtower
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    """It has probed, polled CloudWatch, paged, resolved, and met a vendor that failed."""
    cpu = series("CPUUtilization", steady(42), {"DBInstanceIdentifier": "db-1"}, namespace="AWS/RDS")
    async with open_shop(tmp_path_factory.mktemp("peers")) as shop, EstateServer(estate(cpu), SystemClock()) as aws:
        watch_cloudwatch(shop, aws)
        shop.site.status = 503
        async with shop.running() as running:
            await shop.pages()
            await until(
                lambda: any(tick["unit"].startswith("cloudwatch") for tick in running.events("tick")), 20, "a poll"
            )
            await shop.pagerduty.stop()
            shop.site.status = 200
            await until(lambda: attempts(running, "oncall", "rejected") > 0, 60, "a refused connection")
            await shop.pagerduty.start()
            await until(lambda: attempts(running, "oncall", "accepted") > 1, 60, "the resolve")
            yield running


def watch_cloudwatch(shop: Shop, aws: EstateServer) -> None:
    accounts = [{"name": MAIN.name, "regions": [REGION]}]
    shop.config["aws"] = {"accounts": accounts, "endpoint_url": aws.url, "publication_delay": "0s"}
    every = {"DBInstanceIdentifier": "*"}
    query = {"namespace": "AWS/RDS", "metric": "CPUUtilization", "statistic": "Average", "dimensions": every}
    shop.rules.append({"alert": "CpuHigh", "cloudwatch": query, "when": {"P3": "> 80"}})
    credentials = aws.credentials(ACCOUNT)
    shop.env |= {"AWS_ACCESS_KEY_ID": credentials.access_key, "AWS_SECRET_ACCESS_KEY": credentials.secret_key}


def attempts(daemon: Daemon, channel: str, outcome: str) -> int:
    """How many attempts on a channel ended so."""
    return sum((it["channel"], it["outcome"]) == (channel, outcome) for it in daemon.events("delivery"))


async def promtool(*arguments: str, standard_input: str = "") -> tuple[int, str]:
    """Its exit code and everything it said."""
    tool = shutil.which("promtool")
    assert tool is not None, "promtool is not installed; run tests/peers.sh"
    process = await asyncio.create_subprocess_exec(
        tool,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(standard_input.encode())
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.parametrize(
    ("family", "must_hold"),
    [
        ("watchtower", ["watchtower_detection_to_accepted_seconds_bucket", "watchtower_ambiguous_total"]),
        ("probe", ["probe_success{", "probe_duration_seconds{", 'probe_http_duration_seconds{phase="connect"']),
    ],
)
async def test_promtool_has_nothing_to_say_about_a_family(daemon: Daemon, family: str, must_hold: list[str]) -> None:
    status, text = await daemon.get(f"/metrics?family={family}")

    assert status == 200
    assert [name for name in must_hold if name not in text] == []
    assert await promtool("check", "metrics", standard_input=text) == (0, "")


async def test_promtool_does_find_fault_with_what_is_at_fault() -> None:
    """Otherwise the test above would prove nothing."""
    code, said = await promtool("check", "metrics", standard_input="# TYPE faulty counter\nfaulty 1\n")

    assert code != 0
    assert "faulty" in said


async def test_promtool_has_nothing_to_say_about_the_alert_rules_that_we_ship() -> None:
    code, said = await promtool("check", "rules", str(ALERTS))

    assert (code, re.findall(r"SUCCESS: (\d+) rules", said)) == (0, [str(len(alerts()))])


async def test_the_alert_rules_fire_when_they_should_and_only_then() -> None:
    code, said = await promtool("test", "rules", str(ROOT / "tests" / "data" / "prometheus_rules.test.yaml"))

    assert code == 0, said


async def test_a_real_prometheus_reads_every_query_of_the_dashboards(daemon: Daemon, tmp_path: Path) -> None:
    """Our parser is another one's; Prometheus has the last word."""
    port = int(daemon.url.rpartition(":")[2])
    async with prometheus(tmp_path, port) as url, aiohttp.ClientSession() as session:
        await known(session, url, "up == 1")
        refused = [str(query) for query in queries() if not await reads(session, url, query.plain)]

    assert refused == []


async def reads(session: aiohttp.ClientSession, url: str, query: str) -> bool:
    """Whether Prometheus can answer a query, be it with nothing."""
    async with session.get(f"{url}/api/v1/query", params={"query": query}) as response:
        return response.status == 200


@asynccontextmanager
async def prometheus(folder: Path, port: int) -> AsyncIterator[str]:
    """A Prometheus that scrapes the daemon every second; its URL."""
    tool = shutil.which("prometheus")
    assert tool is not None, "prometheus is not installed; run tests/peers.sh"
    config, listen = folder / "prometheus.yaml", f"127.0.0.1:{free_port()}"
    config.write_text(SCRAPE.format(port=port))
    assert (await promtool("check", "config", str(config)))[0] == 0
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            tool,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={listen}",
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://{listen}"
    finally:
        process.terminate()
        await process.wait()


async def answers(session: aiohttp.ClientSession, url: str, query: str) -> list[dict[str, Any]]:
    """What Prometheus knows now; nothing while it starts."""
    try:
        async with session.get(f"{url}/api/v1/query", params={"query": query}) as response:
            found: list[dict[str, Any]] = orjson.loads(await response.read())["data"]["result"]
            return found
    except (aiohttp.ClientError, orjson.JSONDecodeError, KeyError):
        return []


async def known(session: aiohttp.ClientSession, url: str, query: str) -> dict[str, Any]:
    """The first series a query finds, within 20 s."""
    async with asyncio.timeout(20):
        while not (found := await answers(session, url, query)):
            await asyncio.sleep(0.2)
        return found[0]


async def test_a_real_prometheus_scrapes_every_family_and_answers_from_it(daemon: Daemon, tmp_path: Path) -> None:
    port = int(daemon.url.rpartition(":")[2])
    async with prometheus(tmp_path, port) as url, aiohttp.ClientSession() as session:
        up = await known(session, url, "up == 1")
        ticks = await known(session, url, 'watchtower_ticks_total{source="probe"} > 0')
        success = await known(session, url, "probe_success == 1")
        cpu = await known(session, url, "aws_rds_cpuutilization_average")

    assert up["metric"]["job"] == "watchtower"
    assert ticks["metric"]["__name__"] == "watchtower_ticks_total"
    assert success["metric"]["target"].startswith("http://127.0.0.1:")
    assert cpu["metric"]["dimension_DBInstanceIdentifier"] == "db-1"
    assert float(cpu["value"][1]) == 42.0
