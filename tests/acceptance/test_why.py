"""`watchtower why` at three in the morning: whatever kept a page from being sent is named, beside a running daemon."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.support.daemon import command, free_port, until
from tests.support.service import service_on
from tests.support.shop import Shop, open_shop, probe_rule
from watchtower.clock import SystemClock
from watchtower.engine.settings import EngineSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchtower.service import Service

#: What this machine says of the time, once: windows of the configuration are laid around it.
TODAY = datetime.now(UTC)
OTHER_DAY = (TODAY + timedelta(days=3)).strftime("%a")


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        for name, value in opened.env.items():
            monkeypatch.setenv(name, value)
        yield opened


@asynccontextmanager
async def running(shop: Shop) -> AsyncIterator[Service]:
    """The shop's daemon in this process."""
    shop.write()
    async with service_on(shop.file, SystemClock(), settings=EngineSettings(drain_ticks=0.2, drain_sends=0.2)) as it:
        yield it


def restless(shop: Shop) -> None:
    """One rule for each way not to page, all about the one site."""
    url = shop.site.url
    names = ["Silenced", "Muted", "Inhibited", "AtNight", "Crowded", "DeadEnd"]
    shop.rules += [probe_rule(name, url, when={"P3": "down"}) for name in names]
    shop.rules.append(probe_rule("Quiet", url, notify=False))
    shop.rules.append(probe_rule("Patient", url, datapoints="20 of 20"))
    shop.rules.append(probe_rule("Never", url, when={"P5": "no_data"}))
    shop.config["channels"]["dead"] = {
        "type": "pagerduty",
        "routing_key": {"env": "PD_KEY"},
        "api_url": f"http://127.0.0.1:{free_port()}",
    }
    shop.config["mute"] = [{"name": "backups", "match": ["alert=Muted"], "from": stamp(-1), "to": stamp(1)}]
    shop.config["inhibit"] = [{"source": ["alert=SiteDown"], "target": ["alert=Inhibited"], "equal": ["target"]}]
    hours = {"weekly": f"{OTHER_DAY} 08:00-20:00"}
    shop.config["routes"] = [
        {"name": "office", "match": ["alert=AtNight"], "channels": ["ops"], "during": hours},
        {"name": "slow", "match": ["alert=Crowded"], "channels": ["ops"], "group_wait": "1h"},
        {"name": "dead", "match": ["alert=DeadEnd"], "channels": ["dead"]},
        {"name": "rest", "channels": ["oncall", "ops"]},
    ]


def ticked(service: Service) -> bool:
    """A probe's tick was committed."""
    return bool(service.live.metrics.registry.get_sample_value("watchtower_ticks_total", {"source": "probe"}))


def stamp(hours: float) -> str:
    return (TODAY + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def why(shop: Shop, asked: str) -> str:
    """What the command says of it."""
    code, out, err = await shop.command_here("why", asked)
    assert (code, err) == (0, "")
    return out


async def data(shop: Shop, asked: str) -> list[dict[str, Any]]:
    """The same as data."""
    code, out, _ = await shop.command_here("why", asked, "--format", "json")
    assert code == 0
    found: list[dict[str, Any]] = orjson.loads(out)
    return found


async def silence(shop: Shop) -> str:
    """A silence of ana's; its id."""
    about = ["add", "alert=Silenced", "--for", "2h", "--comment", "moving the rack", "--author", "ana"]
    code, out, err = await command("silence", *about, "--url", shop.url)
    assert (code, err) == (0, "")
    return out.strip()


async def tells(shop: Shop, asked: str, *expected: str) -> str:
    """Wait until the command says all of this; what it says."""
    told = ""
    for _ in range(40):
        told = await why(shop, asked)
        if all(part in told for part in expected):
            return told
        await asyncio.sleep(0.25)
    raise AssertionError(f"{expected} not in:\n{told}")


async def test_each_page_that_was_not_sent_names_who_or_what_is_responsible(shop: Shop) -> None:
    restless(shop)
    async with running(shop):
        silenced = await silence(shop)
        shop.site.status = 503
        await shop.pages()

        by = "held back: silenced by ana until "
        await tells(shop, "Silenced", "ALARM P3 since ", by, f"(silence {silenced}: moving the rack)")
        await tells(shop, "Muted", f"held back: mute window backups until {stamp(1)[:10]}")
        await tells(shop, "Inhibited", "held back: inhibited by SiteDown")
        await tells(shop, "AtNight", "held back: outside route hours of office until ")
        await tells(shop, "Crowded", "ops: not told yet; it waits until ", "waits 1h for company (group_wait)")
        dead = await tells(shop, "DeadEnd", "dead: trigger not accepted yet, ", "; next try ")
        assert "trigger to dead: pending next try " in dead or "trigger to dead: ambiguous next try " in dead
        await tells(shop, "Quiet", "not told: rule has notify: false")
        patient = await tells(shop, "Patient", "breach, but no alarm: ", "; P1 needs 20", "rule at ")
        assert "OK, and nothing is remembered of it" in patient
        never = await tells(shop, "Never", "Never never fired", "evaluated by probe/1/")
        assert "1 series" in never
        told = await tells(shop, "SiteDown", "oncall: trigger accepted ", "ops: trigger accepted ")
        assert told.index("ALARM P1 since") < told.index("oncall: trigger accepted") < told.index("what happened")


async def test_what_was_withheld_can_be_read_after_it_is_over_and_after_the_daemon_ended(shop: Shop) -> None:
    shop.rules.append(probe_rule("Silenced", shop.site.url, when={"P3": "down"}))
    async with running(shop):
        silenced = await silence(shop)
        shop.site.status = 503
        await shop.pages()
        await tells(shop, "Silenced", "held back: silenced by ana")
        shop.site.status = 200
        await shop.resolves()
        await tells(shop, "Silenced", "ALARM P3 -> OK")

    told = await why(shop, "Silenced")
    assert f"held back: silenced by ana until {stamp(2)[:10]}" in told
    assert f"(silence {silenced}: moving the rack) (incident " in told
    assert "trigger to" not in told


async def test_an_incident_is_found_by_its_id_and_by_the_eight_digits_that_are_printed(shop: Shop) -> None:
    async with running(shop):
        shop.site.status = 503
        await shop.pages()
        await tells(shop, "SiteDown", "oncall: trigger accepted ")
    [told] = await data(shop, "SiteDown")
    [incident] = told["incidents"]

    whole, short = await why(shop, incident["id"]), await why(shop, incident["id"][:8])

    assert f"incident {incident['id']}: route route-1, P1, opened " in whole
    assert "trigger to oncall: accepted " in whole
    assert "member SiteDown: ALARM P1 since " in whole
    assert "oncall is owed a resolve of wt:" in whole
    assert f"incident {incident['id']}" in short


async def test_the_data_are_complete(shop: Shop) -> None:
    shop.rules.append(probe_rule("Patient", shop.site.url, datapoints="20 of 20"))
    async with running(shop):
        shop.site.status = 503
        await shop.pages()
        await tells(shop, "SiteDown", "oncall: trigger accepted ", "ops: trigger accepted ")
        await tells(shop, "Patient", "breach, but no alarm")

    [told] = await data(shop, "SiteDown")
    [quiet] = await data(shop, "Patient")

    assert told["asked"] == "SiteDown"
    assert told["key"] == {"rule": "SiteDown", "identity": {"kind": "http", "target": shop.site.url}}
    assert told["state"]["state"] == "ALARM"
    [change] = told["transitions"]
    assert (change["rule_file"], change["rule_line"], change["datapoints"][-1][1]) == (
        str(shop.folder / "rules.yaml"),
        1,
        0.0,
    )
    assert [(made["outcome"], made["transition_seq"]) for made in told["decisions"]] == [("opened", change["seq"])]
    assert {debt["channel"] for debt in told["debts"]} == {"oncall", "ops"}
    assert {row["channel"]: row["attempts"] for row in told["deliveries"]} == {"oncall": 1, "ops": 1}
    [watch] = told["watches"]
    assert (watch["unit"]["source"], watch["series"], watch["unit"]["failures"]) == ("probe", 1, 0)
    assert quiet["transitions"] == []
    [breach] = [entry for entry in quiet["log"] if entry["finding"] == "breach"]
    assert (breach["value"], breach["rule_line"]) == (0.0, 1)


async def test_what_cannot_be_meant_exits_2_and_what_is_unknown_1(shop: Shop) -> None:
    async with running(shop) as service:
        await until(lambda: ticked(service), 30, "a first tick")
    outcomes = {
        asked: await shop.command_here("why", asked)
        for asked in ("SiteDown{", '{target="x"}', 'SiteDown{target=~"x"}', "SiteDwon", "0123abcd")
    }
    assert [code for code, _, _ in outcomes.values()] == [2, 2, 2, 1, 1]
    assert "no rule named SiteDwon" in outcomes["SiteDwon"][2]
    assert "no such incident or alert" in outcomes["0123abcd"][2]
    nobody = await why(shop, 'SiteDown{target="http://elsewhere/"}')
    assert "none whose identity is exactly these labels" in nobody


async def test_a_rule_that_the_daemon_never_saw_says_so(shop: Shop) -> None:
    async with running(shop):
        pass
    shop.rules.append(probe_rule("Brandnew", shop.site.url))
    shop.write()
    code, out, err = await command("why", "Brandnew", "--config", str(shop.file), env=shop.env)
    assert (code, out) == (1, "")
    assert err == "Brandnew: the rule is in the configuration, but no daemon evaluates it: is it disabled, or new?\n"


async def test_a_time_without_daemon_is_told_where_somebody_looks_for_a_page(shop: Shop) -> None:
    shop.rules = [probe_rule("SiteDown", shop.site.url)]
    start = datetime(2026, 1, 5, tzinfo=UTC)
    for hour in (0, 3):
        clock = Shifted(start + timedelta(hours=hour))
        shop.write()
        async with service_on(shop.file, clock, settings=EngineSettings(drain_ticks=0.2, drain_sends=0.2)) as service:
            shop.site.status = 503 if hour else 200
            await until(lambda: ticked(service), 30, "a tick")
            if hour:
                await shop.pages()
    told = await why(shop, "SiteDown")
    assert "evaluations were skipped, 2h59m" in told
    assert "Watchtower did not run, or not in time" in told


class Shifted(SystemClock):
    """This machine's clock, as if it were another time."""

    def __init__(self, start: datetime) -> None:
        self._shift = start - datetime.now(UTC)

    def now(self) -> datetime:
        return super().now() + self._shift
