"""Debian's amtool as a client of /api/v2, against a daemon whose site is down."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import pytest_asyncio

from tests.support.shop import Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]

NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Amtool:
    """amtool that talks to one daemon."""

    url: str

    async def run(self, *arguments: str, standard_input: str = "") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        tool = shutil.which("amtool")
        assert tool is not None, "amtool is not installed; run tests/peers.sh"
        process = await asyncio.create_subprocess_exec(
            tool,
            f"--alertmanager.url={self.url}",
            "--no-version-check",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(standard_input.encode())
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def says(self, *arguments: str, standard_input: str = "") -> str:
        """What a command prints that succeeds and complains of nothing."""
        code, out, err = await self.run(*arguments, standard_input=standard_input)
        assert (code, err) == (0, "")
        return out

    async def data(self, *arguments: str) -> list[dict[str, Any]]:
        """The same as data."""
        found: list[dict[str, Any]] = orjson.loads(await self.says("-o", "json", *arguments))
        return found

    async def silenced(self, *arguments: str) -> str:
        """The id of a silence that was accepted."""
        return (await self.says("silence", "add", "--author=ana", "--comment=moving", *arguments)).strip()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """The site is down and everybody knows."""
    async with open_shop(tmp_path_factory.mktemp("amtool")) as opened:
        opened.config["routes"].insert(
            0, {"match": ['team="db"', 'tier=~"gold|silver"'], "channels": ["ops"], "continue": True}
        )
        opened.site.status = 503
        async with opened.running():
            await opened.pages()
            yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def amtool(shop: Shop) -> AsyncIterator[Amtool]:
    """A client; the silences it leaves are ended."""
    client = Amtool(shop.url)
    yield client
    left = await client.data("silence", "query")
    if left:
        await client.says("silence", "expire", *(silence["id"] for silence in left))


async def test_it_shows_the_alert_that_fires(amtool: Amtool, shop: Shop) -> None:
    table = await amtool.says("alert", "query")
    [alert] = await amtool.data("alert", "query", "SiteDown", "target=~http://127.*")

    heading, row, *rest = table.splitlines()
    assert heading.split() == ["Alertname", "Starts", "At", "Summary", "State"]
    assert row.split()[0] == "SiteDown"
    assert "SiteDown says: status 503" in row
    assert row.split()[-1] == "active"
    assert rest == []
    assert alert["labels"]["target"] == shop.site.url
    assert alert["receivers"] == [{"name": "oncall"}, {"name": "ops"}]
    assert await amtool.data("alert", "query", "SiteUp") == []


async def test_it_chooses_alerts_by_receiver(amtool: Amtool) -> None:
    assert len(await amtool.data("alert", "query", "--receiver=on.*")) == 1
    assert await amtool.data("alert", "query", "--receiver=nobody") == []


async def test_a_silence_it_adds_suppresses_the_alert_until_it_expires_it(amtool: Amtool) -> None:
    known = await amtool.silenced("SiteDown", "--duration=2h")

    assert await amtool.data("alert", "query") == []
    [alert] = await amtool.data("alert", "query", "--silenced")
    assert alert["status"] == {"state": "suppressed", "silencedBy": [known], "inhibitedBy": []}

    await amtool.says("silence", "expire", known)

    assert len(await amtool.data("alert", "query")) == 1
    assert await amtool.data("silence", "query") == []
    assert [silence["id"] for silence in await amtool.data("silence", "query", "--expired")] == [known]


async def test_it_finds_silences_by_their_matchers_and_shows_them(amtool: Amtool) -> None:
    mine = await amtool.silenced("alertname=~Nothing.*", "team!=web")
    other = await amtool.silenced("Other")

    [found] = await amtool.data("silence", "query", "alertname=~Nothing.*")
    table = await amtool.says("silence", "query", "Other")

    assert found["id"] == mine
    assert found["matchers"] == [
        {"name": "alertname", "value": "Nothing.*", "isRegex": True, "isEqual": True},
        {"name": "team", "value": "web", "isRegex": False, "isEqual": False},
    ]
    assert table.splitlines()[1].split()[:2] == [other, 'alertname="Other"']
    assert table.splitlines()[1].split()[-2:] == ["ana", "moving"]
    assert len(await amtool.data("silence", "query", "--within=2h")) == 2
    assert await amtool.data("silence", "query", "--within=10m") == []


async def test_it_prolongs_a_silence_in_place(amtool: Amtool) -> None:
    known = await amtool.silenced("Nothing", "--duration=1h")
    [before] = await amtool.data("silence", "query")

    await amtool.says("silence", "update", "--duration=3h", "--comment=longer", known)

    [after] = await amtool.data("silence", "query")
    assert (after["id"], after["comment"], after["startsAt"]) == (known, "longer", before["startsAt"])
    lasts = datetime.fromisoformat(after["endsAt"]) - datetime.fromisoformat(after["startsAt"])
    assert abs(lasts - timedelta(hours=3)) < timedelta(seconds=2)


async def test_what_it_moves_to_another_beginning_is_a_new_silence(amtool: Amtool) -> None:
    known = await amtool.silenced("Nothing", "--duration=1h")

    moved = ("--start=2099-01-01T00:00:00Z", "--end=2099-01-02T00:00:00Z")
    await amtool.says("silence", "update", *moved, known)

    [left] = await amtool.data("silence", "query")
    assert left["id"] != known
    assert (left["status"]["state"], left["startsAt"]) == ("pending", "2099-01-01T00:00:00.000Z")


async def test_it_takes_silences_from_one_daemon_to_another(amtool: Amtool) -> None:
    known = await amtool.silenced("Nothing", "shop=a b")
    written = await amtool.says("-o", "json", "silence", "query")
    await amtool.says("silence", "expire", known)

    await amtool.says("silence", "import", standard_input=written)

    [copy] = await amtool.data("silence", "query")
    [source] = orjson.loads(written)
    assert copy["id"] != known
    assert (copy["matchers"], copy["comment"]) == (source["matchers"], source["comment"])


async def test_it_shows_why_a_silence_is_refused(amtool: Amtool) -> None:
    code, out, err = await amtool.run("silence", "add", "--comment=c", "team=")

    assert (code, out) == (1, "")
    assert "[POST /silences][400] postSilencesBadRequest  at least one matcher must not match the empty string" in err


async def test_it_fails_on_a_silence_that_is_not_there(amtool: Amtool) -> None:
    assert (await amtool.run("silence", "expire", NOBODY))[0] == 1
    assert (await amtool.run("silence", "update", "--duration=3h", NOBODY))[0] == 1


async def test_ending_a_silence_twice_is_fine(amtool: Amtool) -> None:
    known = await amtool.silenced("Nothing")

    await amtool.says("silence", "expire", known)
    await amtool.says("silence", "expire", known)


async def test_its_own_parser_reads_our_routes(amtool: Amtool, shop: Shop) -> None:
    """It validates the whole configuration before it walks it."""
    assert (await amtool.says("config", "routes", "test", "team=db", "tier=gold")).strip() == "ops,oncall,ops"
    assert (await amtool.says("config", "routes", "test", "team=db", "tier=lead")).strip() == "oncall,ops"
    tree = await amtool.says("config", "routes", "show")
    assert '{team="db",tier=~"gold|silver"}  continue: true  receiver: ops' in tree
    shown = await amtool.says("config", "show")
    assert "receiver: oncall" in shown
    assert not any(secret in shown for secret in shop.env.values())


async def test_it_asks_for_the_cluster(amtool: Amtool) -> None:
    assert (await amtool.says("cluster", "show")).split() == ["Cluster", "Status:", "disabled", "Node", "Name:"]


async def test_it_cannot_make_alerts_here(amtool: Amtool) -> None:
    code, _, err = await amtool.run("alert", "add", "Theirs")

    assert code == 1
    assert "501" in err
