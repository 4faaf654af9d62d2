"""Silences as a user has them: added, listed and ended by command, felt on the pager."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from tests.support.daemon import command_here, free_port, own_address
from tests.support.listening import listening
from tests.support.shop import Shop, open_shop, probe_rule

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.daemon import Daemon

ABOUT = ("alertname=SiteDown", "--comment", "moving the shop", "--author", "ana")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_day(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Shop, Daemon]]:
    """A daemon that listens on every address and has paged; several tests leave their silences there."""
    async with open_shop(tmp_path_factory.mktemp("open_day")) as opened:
        opened.config["listen"] = f"0.0.0.0:{opened.port}"
        opened.site.status = 503
        async with opened.running() as daemon:
            await opened.pages()
            yield opened, daemon


shared = pytest.mark.asyncio(loop_scope="module")


async def silence(shop: Shop, *arguments: str) -> tuple[int, str, str]:
    """`watchtower silence …` at the shop's daemon."""
    return await command_here("silence", *arguments, env={"WATCHTOWER_URL": shop.url})


async def added(shop: Shop, *arguments: str) -> str:
    """The id of a silence that was accepted."""
    code, out, err = await silence(shop, "add", *arguments)
    assert (code, err) == (0, "")
    return out.strip()


async def page(daemon: Daemon, path: str) -> Any:
    """What a page of the API says."""
    status, text = await daemon.get(path)
    assert status == 200, text
    return orjson.loads(text)


async def alert_is(daemon: Daemon, state: str) -> dict[str, Any]:
    """Wait until the one alert stands so; the alert."""
    async with asyncio.timeout(20):
        while True:
            alerts: list[dict[str, Any]] = await page(daemon, "/api/v2/alerts")
            if [alert["status"]["state"] for alert in alerts] == [state]:
                return alerts[0]
            await asyncio.sleep(0.05)


async def told_incident(daemon: Daemon) -> None:
    """Wait until the flush has put the alert into an incident."""
    async with asyncio.timeout(20):
        while not await page(daemon, "/api/v2/alerts/groups"):
            await asyncio.sleep(0.05)


# -- what a silence does ----------------------------------------------------------------------------------------------


async def test_a_silence_holds_a_page_back_until_it_is_expired(shop: Shop) -> None:
    async with shop.running() as daemon:
        known = await added(shop, *ABOUT, "--for", "2h")
        shop.site.status = 503
        alert = await alert_is(daemon, "suppressed")
        await told_incident(daemon)
        assert alert["status"]["silencedBy"] == [known]
        assert shop.pagerduty.phones_rung == 0
        assert shop.slack.messages == []

        code, out, _ = await silence(shop, "expire", known)
        assert (code, out) == (0, f"{known} expired\n")
        await shop.pages()
        await alert_is(daemon, "active")
        shop.site.status = 200
        await shop.resolves()


async def test_a_silence_does_not_swallow_the_resolve_of_what_was_paged(shop: Shop) -> None:
    shop.site.status = 503
    async with shop.running() as daemon:
        await shop.pages()
        await added(shop, *ABOUT, "--for", "2h")
        await alert_is(daemon, "suppressed")
        shop.site.status = 200
        await shop.resolves()

        assert shop.pagerduty.phones_rung == 1


async def test_a_silence_may_end_with_the_last_alert_it_held_back(shop: Shop) -> None:
    async with shop.running() as daemon:
        known = await added(shop, *ABOUT, "--for", "2h", "--expire-on-resolve")
        shop.site.status = 503
        await alert_is(daemon, "suppressed")
        await told_incident(daemon)
        shop.site.status = 200
        async with asyncio.timeout(20):
            while (await page(daemon, f"/api/v2/silence/{known}"))["status"]["state"] != "expired":
                await asyncio.sleep(0.05)

        assert shop.pagerduty.phones_rung == 0


async def test_a_silence_outlives_the_daemon(shop: Shop) -> None:
    async with shop.running():
        known = await added(shop, *ABOUT, "--for", "2h")
    async with shop.running() as daemon:
        assert [one["id"] for one in await page(daemon, "/api/v2/silences")] == [known]


async def test_an_inhibited_alert_is_shown_with_the_alert_that_holds_it_back(shop: Shop) -> None:
    shop.rules.append(probe_rule("ShopDown", shop.site.url, when={"P2": "down"}))
    shop.config["inhibit"] = [{"source": ["alert=SiteDown"], "target": ["alert=ShopDown"], "equal": ["target"]}]
    shop.site.status = 503
    async with shop.running() as daemon:
        async with asyncio.timeout(20):
            while len(found := await page(daemon, "/api/v2/alerts?active=false&unprocessed=false")) != 1:
                await asyncio.sleep(0.05)
        [source] = await page(daemon, "/api/v2/alerts?filter=alertname%3DSiteDown")

        assert found[0]["labels"]["alertname"] == "ShopDown"
        assert found[0]["status"] == {
            "state": "suppressed",
            "silencedBy": [],
            "inhibitedBy": [source["fingerprint"]],
            "mutedBy": [],
        }


async def test_an_alert_in_a_mute_window_is_suppressed_and_says_by_which(shop: Shop) -> None:
    shop.config["mute"] = [{"name": "always", "weekly": "Mon-Sun"}]
    shop.site.status = 503
    async with shop.running() as daemon:
        alert = await alert_is(daemon, "suppressed")

        assert len(alert["status"]["mutedBy"]) == 1
        assert alert["status"]["mutedBy"][0].startswith("mute window always")
        assert shop.pagerduty.phones_rung == 0


# -- the commands -----------------------------------------------------------------------------------------------------


@shared
async def test_silences_are_listed_for_people_and_as_data(open_day: tuple[Shop, Daemon]) -> None:
    shop, _ = open_day
    now = await added(shop, *ABOUT, "--for", "2h", "--expire-on-resolve")
    other = ("team!=web", "path=~/api/.*", "--for", "1d", "--comment", "a\x1b[2Jb")
    later = await added(shop, *other, "--start", "2099-01-01T00:00:00Z")
    ended = await added(shop, *ABOUT, "--for", "1h")
    await silence(shop, "expire", ended)

    code, out, _ = await silence(shop, "list")
    json_code, json_out, _ = await silence(shop, "list", "--format", "json")
    _, everything, _ = await silence(shop, "list", "--expired")

    rows = {line.split()[0]: line for line in out.splitlines()}
    assert (code, json_code) == (0, 0)
    assert next(iter(rows)) == "id"
    assert [name for name in rows if name in (now, later, ended)] == [now, later]
    assert rows[now].split(maxsplit=8)[1] == "active"
    assert rows[now].split(maxsplit=8)[8].split(maxsplit=1)[0] == 'alertname="SiteDown"'
    assert rows[now].endswith("  moving the shop (expires on resolve)")
    assert rows[later].split()[1:8] == ["pending", "2099-01-01", "00:00:00", "UTC", "2099-01-02", "00:00:00", "UTC"]
    assert 'team!="web", path=~"/api/.*"' in rows[later]
    assert "\x1b" not in out
    assert [one["id"] for one in orjson.loads(json_out) if one["id"] in rows] == list(rows)[1:]
    assert f"{ended}  expired" in everything


@shared
async def test_add_as_data_and_the_author_is_who_asks(open_day: tuple[Shop, Daemon]) -> None:
    shop, daemon = open_day
    arguments = ("silence", "add", "alert=x", "--for", "1h", "--comment", "c", "--format", "json")

    code, out, _ = await command_here(*arguments, env={"WATCHTOWER_URL": shop.url, "LOGNAME": "berta"})

    kept = await page(daemon, f"/api/v2/silence/{orjson.loads(out)['silenceID']}")
    assert (code, kept["createdBy"]) == (0, "berta")


MISUSE = {
    "a matcher": (("add", "SiteDown", "--for", "2h", "--comment", "c"), "'SiteDown' has none of =, !=, =~ and !~"),
    "an expression": (("add", "a=~(", "--for", "2h", "--comment", "c"), "'(' is not a regular expression"),
    "everything": (("add", 'a=""', "--for", "2h", "--comment", "c"), "must not match the empty string"),
    "a duration": (("add", "a=b", "--for", "2 h", "--comment", "c"), "'2 h' is not a duration"),
    "no time at all": (("add", "a=b", "--for", "0s", "--comment", "c"), "longer than nothing"),
    "an empty comment": (("add", "a=b", "--for", "2h", "--comment", " "), "--comment is empty"),
    "no comment": (("add", "a=b", "--for", "2h"), "--comment"),
    "no duration": (("add", "a=b", "--comment", "c"), "--for"),
    "no matcher": (("add", "--for", "2h", "--comment", "c"), "MATCHER"),
    "a start": (("add", "a=b", "--for", "2h", "--comment", "c", "--start", "noon"), "--start 'noon' is not a time"),
    "a start without zone": (
        ("add", "a=b", "--for", "2h", "--comment", "c", "--start", "2026-12-01T22:00:00"),
        "is not a time with its zone",
    ),
    "no id": (("expire",), "ID"),
}


@pytest.mark.parametrize(("arguments", "sentence"), MISUSE.values(), ids=MISUSE)
async def test_misuse_is_told_before_anybody_is_asked(arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = await command_here("silence", *arguments, "--url", f"http://127.0.0.1:{free_port()}")

    assert (code, out) == (2, "")
    assert sentence in err


@pytest.mark.parametrize("arguments", [("add", *ABOUT, "--for", "2h"), ("list",), ("expire", "x")])
async def test_without_a_daemon_the_exit_code_is_1_and_the_address_is_named(arguments: tuple[str, ...]) -> None:
    url = f"http://ana:hunter2@127.0.0.1:{free_port()}"

    code, out, err = await command_here("silence", *arguments, "--url", url)

    assert (code, out) == (1, "")
    assert err.startswith("no daemon answers at http://ana:")
    assert "hunter2" not in err


@shared
async def test_what_the_daemon_does_not_accept_exits_1_with_its_sentence(open_day: tuple[Shop, Daemon]) -> None:
    shop, _ = open_day

    unknown = await silence(shop, "expire", "nobody/../knows")
    endless = await silence(shop, "add", "alert=x", "--for", "99999999w", "--comment", "c")

    assert unknown == (1, "", "no silence nobody/../knows\n")
    assert endless == (1, "", "for: 99999999w is too long\n")


async def test_the_token_travels_as_bearer_and_is_shown_to_nobody() -> None:
    seen: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.json_response("who are you?", status=401)

    async with listening(refuse) as origin:
        env = {"WATCHTOWER_URL": f"{origin}/", "WATCHTOWER_TOKEN": "open-sesame"}
        asked = [("add", *ABOUT, "--for", "2h"), ("list",), ("expire", "x")]
        answers = [await command_here("silence", *arguments, env=env) for arguments in asked]

    assert seen == ["Bearer open-sesame"] * 3
    assert answers == [(1, "", "who are you?\n")] * 3


@pytest.mark.parametrize("name", ["add", "list", "expire"])
async def test_every_command_has_help_with_an_example_of_itself(name: str) -> None:
    code, out, _ = await command_here("silence", name, "--help")

    assert code == 0
    assert f"Example: watchtower silence {name}" in out
    assert "--url" in out
    assert "--format" in out


# -- who may, and what is told ----------------------------------------------------------------------------------------


@shared
async def test_from_elsewhere_silences_are_read_and_not_changed(open_day: tuple[Shop, Daemon]) -> None:
    shop, daemon = open_day
    address = own_address()
    if address is None:
        pytest.skip("this machine has no other address than loopback; the guard's own test still runs")
    known = await added(shop, "alert=x", "--for", "2h", "--comment", "c")
    before = await page(daemon, "/api/v2/silences")

    elsewhere = ("--url", f"http://{address}:{shop.port}")
    listed = await command_here("silence", "list", *elsewhere)
    refused = [
        await command_here("silence", *arguments, *elsewhere)
        for arguments in (("add", *ABOUT, "--for", "2h"), ("expire", known))
    ]

    assert listed[0] == 0
    assert known in listed[1]
    assert refused == [(1, "", "changes are accepted from loopback only\n")] * 2
    assert await page(daemon, "/api/v2/silences") == before


@shared
async def test_no_page_of_the_api_holds_a_secret(open_day: tuple[Shop, Daemon]) -> None:
    shop, daemon = open_day
    known = await added(shop, *ABOUT, "--for", "2h")

    pages = ("status", "receivers", "alerts", "alerts/groups", "silences", f"silence/{known}")
    said = [(await daemon.get(f"/api/v2/{name}"))[1] for name in pages]

    assert "oncall" in said[0]
    assert "SiteDown" in said[2]
    for secret in shop.env.values():
        assert secret not in "".join(said)
        assert secret not in daemon.said()
