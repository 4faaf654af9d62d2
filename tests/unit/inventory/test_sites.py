"""Lists of names in files and over HTTP: read again, bounded, and not believed when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from tests.support.clock import ManualClock
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.inventory import sites
from watchtower.inventory.hosts import Site
from watchtower.inventory.sites import FILE_INTERVAL, MOST_BYTES, MOST_SITES, SiteInventory, SiteKey
from watchtower.model import EMPTY, Labels

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def inventory(clock: ManualClock) -> AsyncIterator[SiteInventory]:
    made = SiteInventory(AwsClients(AwsConfig()), clock, 300.0)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def discovery() -> AsyncIterator[tuple[BaseTestServer, list[web.Response]]]:
    """A service discovery that gives these answers, one after the other."""
    answers: list[web.Response] = []

    async def answer(_: web.Request) -> web.Response:
        return answers.pop(0)

    app = web.Application()
    app.router.add_get("/sites", answer)
    async with TestServer(app) as server:
        yield server, answers


async def names(inventory: SiteInventory, key: SiteKey) -> tuple[list[str], bool, str]:
    known = await inventory.sites(key)
    return sorted(site.name for site in known.items or ()), known.fresh, known.detail


async def test_a_file_that_halves_is_believed_after_somebody_could_hear_of_it(
    inventory: SiteInventory, clock: ManualClock, tmp_path: Path
) -> None:
    path = tmp_path / "sites.txt"
    key = SiteKey("file", str(path))
    path.write_text("a.example\nb.example\n")
    await inventory.sites(key)
    path.write_text("a.example\n")
    for wait in (FILE_INTERVAL, FILE_INTERVAL, 600):
        clock.advance(wait)
        assert await names(inventory, key) == (
            ["a.example", "b.example"],
            False,
            "only 1 of 2 were listed; kept until it is so for 11m",
        )
    clock.advance(60)
    assert await names(inventory, key) == (["a.example"], True, "")


async def test_a_file_is_read_again_and_a_broken_one_keeps_the_targets(
    inventory: SiteInventory, clock: ManualClock, tmp_path: Path
) -> None:
    path = tmp_path / "sites.txt"
    key = SiteKey("file", str(path))
    path.write_text("a.example # ours\n\nb.example\n")
    assert await names(inventory, key) == (["a.example", "b.example"], True, "")
    path.write_text("a.example\nb.example\nc.example\n")
    assert (await names(inventory, key))[0] == ["a.example", "b.example"]
    clock.advance(FILE_INTERVAL)
    assert (await names(inventory, key))[0] == ["a.example", "b.example", "c.example"]
    for content, words in ((b"\xff", "is not UTF-8 text"), (b"# none\n", "names no target"), (None, "cannot be read")):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        clock.advance(FILE_INTERVAL)
        found, fresh, detail = await names(inventory, key)
        assert (found, fresh) == (["a.example", "b.example", "c.example"], False)
        assert words in detail
        path.write_bytes(b"")


async def test_a_file_that_is_no_list_is_not_read_to_its_end(inventory: SiteInventory, tmp_path: Path) -> None:
    path = tmp_path / "sites.txt"
    path.write_bytes(b"a" * (MOST_BYTES + 1))
    assert "larger than" in (await names(inventory, SiteKey("file", str(path))))[2]
    path.write_text("\n".join(f"{number}.example" for number in range(MOST_SITES + 1)))
    assert f"more than {MOST_SITES}" in (await names(inventory, SiteKey("file", str(path), "other")))[2]


async def test_a_service_discovery_gives_targets_with_the_labels_of_their_group(
    inventory: SiteInventory, discovery: tuple[BaseTestServer, list[web.Response]]
) -> None:
    server, answers = discovery
    answers.append(
        web.json_response(
            [{"targets": ["a.example:443", "b.example"], "labels": {"env": "prod"}}, {"targets": ["c.example"]}]
        )
    )
    known = await inventory.sites(SiteKey("http_sd", str(server.make_url("/sites"))))
    prod = Labels({"env": "prod"})
    expected = frozenset({Site("a.example:443", EMPTY, prod), Site("b.example", EMPTY, prod), Site("c.example")})
    assert known.items == expected


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: web.Response(status=503), "it answered 503"),
        (lambda: web.Response(text="<html>"), "did not answer a JSON list"),
        (lambda: web.json_response({"targets": []}), "did not answer a JSON list"),
        (lambda: web.json_response([{"targets": [5]}]), "did not answer a JSON list"),
        (lambda: web.Response(body=b" " * (MOST_BYTES + 1)), "larger than"),
    ],
    ids=["status", "html", "object", "number", "endless"],
)
async def test_a_service_discovery_that_fails_keeps_its_targets(
    inventory: SiteInventory,
    clock: ManualClock,
    discovery: tuple[BaseTestServer, list[web.Response]],
    answer: object,
    words: str,
) -> None:
    server, answers = discovery
    assert callable(answer)
    answers += [web.json_response([{"targets": ["a.example"]}]), answer()]
    key = SiteKey("http_sd", str(server.make_url("/sites")))
    assert (await names(inventory, key))[1]
    clock.advance(300)
    found, fresh, detail = await names(inventory, key)
    assert (found, fresh) == (["a.example"], False)
    assert words in detail


async def test_a_service_discovery_that_is_away_is_told_without_its_credentials(inventory: SiteInventory) -> None:
    found, fresh, detail = await names(inventory, SiteKey("http_sd", "http://me:s3cretpassword@127.0.0.1:1/sites"))
    assert (found, fresh) == ([], False)
    assert "127.0.0.1" in detail
    assert "s3cret" not in detail


async def test_a_mistake_of_ours_with_a_list_is_a_list_that_failed_and_is_read_again_later(
    inventory: SiteInventory, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    async def fails(_: object, account: str, *__: object) -> frozenset[Site]:
        reads.append(account)
        if len(reads) > 1:
            raise KeyError("Aliases")
        return frozenset({Site("a.example")})

    monkeypatch.setattr(sites, "cloudfront", fails)
    key = SiteKey("cloudfront", account="prod", region="eu-west-1")
    assert await names(inventory, key) == (["a.example"], True, "")
    clock.advance(300)

    assert await names(inventory, key) == (["a.example"], False, "a mistake of Watchtower's, KeyError: 'Aliases'")
    await names(inventory, key)
    assert len(reads) == 2
