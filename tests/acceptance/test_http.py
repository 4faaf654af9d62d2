"""What the daemon serves: metrics in two formats and three families, its health, and who may change something."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import orjson
import pytest
import pytest_asyncio
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from tests.support.daemon import own_address, until
from tests.support.shop import open_shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from prometheus_client import Metric

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True)
class Served:
    """A daemon that listens on every address and has paged about its site."""

    port: int
    site: str

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and the body as it came over the wire."""
        return await self.ask("GET", path, "127.0.0.1", headers)

    async def ask(
        self, method: str, path: str, host: str, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(method, f"http://{host}:{self.port}{path}", headers=headers) as response,
        ):
            return response.status, response.headers, await response.read()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with open_shop(tmp_path_factory.mktemp("http")) as shop:
        shop.config["listen"] = f"0.0.0.0:{shop.port}"
        shop.site.status = 503
        shop.slack.pace = None
        async with shop.running():
            await shop.pages()
            await until(lambda: len(shop.slack.messages) > 0, 30, "the Slack message")
            yield Served(shop.port, shop.site.url)


def prometheus_families(body: bytes) -> dict[str, Metric]:
    """The families by name, read by Prometheus's own parser for Python."""
    return {family.name: family for family in text_string_to_metric_families(body.decode())}


async def test_metrics_are_prometheus_text_that_its_own_parser_reads(served: Served) -> None:
    status, headers, body = await served.get("/metrics", {"Accept": "text/plain", "Accept-Encoding": "identity"})

    found = prometheus_families(body)

    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert found["watchtower_ticks"].samples[0].value > 0
    [success] = found["probe_success"].samples
    assert (success.labels["target"], success.value) == (served.site, 0.0)
    [alert] = found["watchtower_alerts"].samples
    assert alert.labels == {"alert": "SiteDown", "priority": "P1", "state": "ALARM"}


async def test_metrics_are_openmetrics_when_the_accept_header_asks_for_it(served: Served) -> None:
    status, headers, body = await served.get("/metrics", {"Accept": OPENMETRICS, "Accept-Encoding": "identity"})

    families: Iterable[Metric] = openmetrics_families(body.decode())  # type: ignore[no-untyped-call]
    names = {family.name for family in families}

    assert status == 200
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert {"watchtower_ticks", "probe_success"} <= names
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize(("family", "others"), [("watchtower", "probe_"), ("probe", "watchtower_")])
async def test_one_family_is_served_alone(served: Served, family: str, others: str) -> None:
    _, _, body = await served.get(f"/metrics?family={family}", {"Accept-Encoding": "identity"})

    names = set(prometheus_families(body))

    assert names
    assert all(name.startswith(f"{family}_") for name in names)
    assert f"\n{others}" not in body.decode()


async def test_an_unknown_family_is_refused_naming_those_there_are(served: Served) -> None:
    status, _, body = await served.get("/metrics?family=prob")

    assert status == 400
    assert orjson.loads(body)["error"] == "no family 'prob'; there are watchtower, probe, aws"


async def test_a_scrape_is_compressed_for_whom_that_suits(served: Served) -> None:
    _, headers, body = await served.get("/metrics", {"Accept-Encoding": "gzip"})

    assert headers["Content-Encoding"] == "gzip"
    assert b"watchtower_ticks_total" in gzip.decompress(body)


async def test_a_daemon_that_works_is_alive_and_ready(served: Served) -> None:
    assert (await served.get("/healthz"))[0] == 200
    assert (await served.get("/readyz"))[0] == 200


async def test_what_changes_something_is_taken_from_loopback(served: Served) -> None:
    status, _, body = await served.ask("POST", "/api/v1/channels/ops/test", "127.0.0.1")

    assert status == 200
    assert orjson.loads(body)["accepted"] is True


async def test_what_changes_something_is_refused_from_elsewhere_while_reading_is_not(served: Served) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no other address than loopback; the guard's own test still runs")

    assert (await served.ask("GET", "/healthz", address))[0] == 200
    assert (await served.ask("POST", "/api/v1/channels/ops/test", address))[0] == 403


async def test_a_page_in_somebodys_browser_cannot_change_anything(served: Served) -> None:
    origin = {"Origin": "https://evil.example"}

    assert (await served.ask("POST", "/api/v1/channels/ops/test", "127.0.0.1", origin))[0] == 403


@pytest.mark.parametrize("header", [{"Host": "evil.example:9464"}, {"X-Forwarded-For": "127.0.0.1"}])
async def test_neither_a_rebound_name_nor_a_proxy_counts_as_loopback(served: Served, header: dict[str, str]) -> None:
    assert (await served.ask("POST", "/api/v1/channels/ops/test", "127.0.0.1", header))[0] == 403
    assert (await served.ask("DELETE", "/api/v2/silence/none", "127.0.0.1", header))[0] == 403
    assert (await served.ask("GET", "/api/v2/silences", "127.0.0.1", header))[0] == 200
