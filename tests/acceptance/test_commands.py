"""The commands as a user types them: what they print, and their exit codes."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from tests.support.daemon import command, command_here, free_port, until
from tests.support.shop import Shop, open_shop, probe_rule
from tests.support.simulated_aws import ACCOUNT, REGION, estate
from watchtower.cli import app
from watchtower.clock import SystemClock
from watchtower.demo.aws import EstateServer
from watchtower.demo.faults import refused, server_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

#: Every command there is.
COMMANDS: Mapping[str, Any] = vars(get_command(app))["commands"]
FIVE_MISTAKES = Path(__file__).parents[1] / "data" / "bad_rules" / "five_mistakes.yaml"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as opened:
        opened.write()
        yield opened


def data(text: str) -> Any:
    """What a command printed with ``--format json``."""
    return orjson.loads(text)


def without_warnings(out: str) -> list[str]:
    """The lines that say what must not start."""
    return [line for line in out.splitlines() if ": warning: " not in line]


# -- check ------------------------------------------------------------------------------------------------------------


async def test_check_prints_five_mistakes_as_five_faults_at_their_places_and_exits_1(shop: Shop) -> None:
    rules = shop.folder / "rules.yaml"
    shutil.copy(FIVE_MISTAKES, rules)
    shop.config["aws"] = {"accounts": [{"name": "main", "regions": ["eu-west-1"]}]}
    shop.file.write_bytes(orjson.dumps(shop.config))
    expected = [
        line.removeprefix("# expect: ") for line in rules.read_text().splitlines() if line.startswith("# expect: ")
    ]

    code, out, err = await shop.command("check")
    json_code, json_out, _ = await shop.command_here("check", "--format", "json")

    assert len(expected) == 5
    assert without_warnings(out) == [f"{rules}:{fault}" for fault in expected]
    assert (code, err) == (1, "")
    faults = [fault for fault in data(json_out)["faults"] if fault["severity"] == "error"]
    assert [(fault["line"], fault["column"]) for fault in faults] == [
        tuple(map(int, fault.split(":")[:2])) for fault in expected
    ]
    assert json_code == 1


async def test_check_of_a_sound_file_exits_0_with_a_worst_case_for_each_rule(shop: Shop) -> None:
    shop.rules.append(probe_rule("SlowDown", shop.site.url, datapoints="2 of 2", when={"P2": "down"}))
    shop.write()

    code, out, _ = await shop.command_here("check")
    json_code, json_out, _ = await shop.command_here("check", "--format", "json")

    assert code == json_code == 0
    *_, first, other, count = out.splitlines()
    assert first.startswith("SiteDown: pages at most ")
    assert other.startswith("SlowDown: pages at most ")
    assert count.startswith("2 rules, ")
    assert count.endswith("no faults")
    rules = {rule["alert"]: rule["worst_case_seconds"] for rule in data(json_out)["rules"]}
    assert 0 < rules["SiteDown"] < rules["SlowDown"] < 60


async def test_a_file_that_cannot_be_read_and_misuse_exit_2(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    outcomes = [
        await command("check", "--config", str(missing)),
        await command_here("run", "--config", str(missing)),
        await command_here("check"),
        await command_here("check", "--config", str(missing), "--format", "xml"),
    ]

    assert [code for code, _, _ in outcomes] == [2, 2, 2, 2]
    assert all(out == "" for _, out, _ in outcomes)
    assert str(missing) in outcomes[0][2]
    assert str(missing) in outcomes[1][2]
    assert "--config" in outcomes[2][2]
    assert "xml" in outcomes[3][2]


async def test_run_on_a_faulty_file_says_the_faults_and_exits_1(shop: Shop) -> None:
    shop.config["lissten"] = "127.0.0.1:1"
    shop.write()

    code, out, err = await shop.command("run")

    assert code == 1
    assert f"{shop.file}:1:" in err
    assert "unknown key `lissten` (did you mean `listen`?)" in err
    assert out == ""


# -- once -------------------------------------------------------------------------------------------------------------


async def test_once_prints_a_table_of_every_rule_sends_nothing_and_stores_nothing(shop: Shop) -> None:
    shop.site.status = 503
    shop.rules.append(probe_rule("CheckoutDown", shop.site.url, when={"P5": "no_data"}))
    shop.write()

    code, out, _ = await shop.command("once")
    json_code, json_out, _ = await shop.command("once", "--format", "json")

    assert code == json_code == 0
    header, fine, down = (line.split() for line in out.splitlines())
    assert header == ["rule", "state", "labels", "priority", "value", "reason"]
    assert fine[:2] == ["CheckoutDown", "OK"]
    assert down[:5] == ["SiteDown", "ALARM", "kind=http", f"target={shop.site.url}", "P1"]
    found = {alert["rule"]: alert for alert in data(json_out)["alerts"]}
    assert found["SiteDown"]["priority"] == "P1"
    assert data(json_out)["troubles"] == []
    assert shop.pagerduty.requests == shop.slack.requests == []
    assert not (shop.folder / "watchtower.db").exists()


async def test_once_exits_1_and_says_why_when_a_poll_fails(shop: Shop) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    shop.config["aws"] = {"accounts": [{"name": "main", "regions": ["eu-west-1"]}], "endpoint_url": nobody}
    metric = {"namespace": "Shop", "metric": "Cpu", "statistic": "Average", "dimensions": {"Host": "*"}}
    shop.rules.append({"alert": "CpuHigh", "cloudwatch": metric, "when": {"P3": "> 80"}})
    shop.write()
    shop.env |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

    code, out, err = await shop.command("once")

    assert code == 1
    assert "SiteDown" in out
    assert "poll failed: cloudwatch main eu-west-1: unreachable: " in err


# -- why, send-test, secrets: with a daemon ---------------------------------------------------------------------------


async def test_why_explains_a_fired_alert_while_the_daemon_runs_and_after_it_stopped(shop: Shop) -> None:
    alert = f'SiteDown{{target="{shop.site.url}"}}'
    async with shop.running() as daemon:
        shop.site.status = 503
        await shop.pages()
        await until(lambda: len(shop.slack.messages) > 0, 30, "the Slack message")
        code, out, _ = await shop.command("why", alert)
        assert code == 0
        assert "ALARM P1 since " in out
        assert "datapoints, newest last: " in out
        assert f"rule at {shop.folder / 'rules.yaml'}:1" in out
        assert "trigger to oncall: accepted" in out
        assert "trigger to ops: accepted" in out

        shop.site.status = 200
        await shop.resolves()
        daemon.send(signal.SIGTERM)
        assert await daemon.ended() == 0

    code, out, _ = await shop.command_here("why", "SiteDown")
    json_code, json_out, _ = await shop.command_here("why", alert, "--format", "json")
    unknown = await shop.command_here("why", "SiteDwon")
    assert code == json_code == 0
    assert "resolve to oncall: accepted" in out
    assert "incident " in out
    [told] = data(json_out)
    assert [change["to_state"] for change in told["transitions"]] == ["OK", "ALARM"]
    assert told["transitions"][1]["datapoints"][-1][1] == 0.0
    assert {(one["channel"], one["event"], one["state"]) for one in told["deliveries"]} == {
        (channel, event, "accepted") for channel in ("oncall", "ops") for event in ("trigger", "resolve")
    }
    assert unknown[0] == 1
    assert "no rule named SiteDwon" in unknown[2]


@pytest.fixture
async def everywhere(shop: Shop) -> AsyncIterator[EstateServer]:
    """The shop tells every kind of channel there is; the topic's AWS is handed over."""
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
    async with EstateServer(estate(topics=frozenset({topic})), SystemClock()) as aws:
        shop.slack.pace = None
        shop.env |= {"AWS_ACCESS_KEY_ID": aws.credentials().access_key, "HOOK": shop.slack.webhook_url}
        shop.env["AWS_SECRET_ACCESS_KEY"] = aws.credentials().secret_key
        shop.config["channels"] |= {
            "hook": {"type": "slack", "webhook_url": {"env": "HOOK"}},
            "audit": {"type": "sns", "topic_arn": topic, "api_url": aws.url},
        }
        shop.config["routes"][0]["channels"] = ["oncall", "ops", "hook", "audit"]
        yield aws


async def send_test(shop: Shop, *arguments: str) -> tuple[int, str, str]:
    return await command_here("send-test", *arguments, "--url", shop.url)


async def test_send_test_reaches_every_kind_of_channel_and_leaves_nothing_open(
    shop: Shop, everywhere: EstateServer
) -> None:
    async with shop.running():
        oncall = await command("send-test", "oncall", "--format", "json", env={"WATCHTOWER_URL": shop.url})
        ops, hook, audit, unknown = [await send_test(shop, name) for name in ("ops", "hook", "audit", "opps")]

    assert [code for code, _, _ in (oncall, ops, hook, audit, unknown)] == [0, 0, 0, 0, 1]
    assert data(oncall[1]) == {"channel": "oncall", "accepted": True, "detail": "trigger and resolve accepted"}
    assert ops[1] == "ops: trigger and resolve accepted\n"
    assert unknown[2] == "no channel 'opps'; configured: audit, hook, oncall, ops\n"
    [page] = shop.pagerduty.incidents
    assert "WatchtowerTest" in page.summary
    assert not page.open
    assert [(one.via, one.edits) for one in sorted(shop.slack.in_channel("ops"), key=lambda one: one.via)] == [
        ("bot", 1),
        ("webhook", 0),
        ("webhook", 0),
    ]
    assert [sent.attributes["event"] for sent in everywhere.published] == ["trigger", "resolve"]


async def test_send_test_without_a_daemon_exits_1_and_names_the_address(shop: Shop) -> None:
    code, out, err = await send_test(shop, "ops")

    assert (code, out) == (1, "")
    assert err.startswith(f"no daemon answers at {shop.url}: ")


async def test_no_secret_appears_in_anything_that_is_printed_logged_stored_or_served(
    shop: Shop, everywhere: EstateServer
) -> None:
    """The vendors repeat what they were sent, as vendors do."""
    secrets = [shop.env[name] for name in ("PD_KEY", "SLACK_TOKEN", "HOOK", "AWS_SECRET_ACCESS_KEY")]
    secrets.append(shop.slack.webhook_url.rsplit("/", 1)[-1])
    shop.pagerduty.faults.next(refused(f"no such routing_key: {shop.env['PD_KEY']}"), times=2)
    shop.slack.faults.next(refused(f"invalid token {shop.env['SLACK_TOKEN']}", operation="chat.postMessage"), times=2)
    shop.slack.faults.next(server_error(), times=1)
    shop.site.status = 503
    said: list[str] = []
    async with shop.running() as daemon:
        for channel in ("oncall", "ops", "hook"):
            said.extend((await send_test(shop, channel))[1:])
        await until(lambda: len(everywhere.published) > 0, 60, "the page to SNS")
        await until(lambda: len(daemon.events("delivery")) >= 4, 60, "an attempt on each channel")
        said.extend([(await daemon.get(page))[1] for page in ("/metrics", "/readyz", "/healthz")])
        said.extend((await shop.command_here("why", "SiteDown", "--format", "json"))[1:])
        said.extend((await shop.command_here("check"))[1:])
        said.append(daemon.said())
        stored = [file.read_bytes() for file in shop.folder.glob("watchtower.db*")]

    assert "no such routing_key" in "".join(said)
    assert len(stored) > 1
    for secret in secrets:
        assert secret not in "\n".join(said)
        assert not any(secret.encode() in file for file in stored)


# -- help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_of_itself(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])

    assert shown.exit_code == 0
    assert f"Example: watchtower {name} " in shown.output


async def test_the_installed_command_lists_every_command() -> None:
    code, out, _ = await command("--help")

    assert code == 0
    assert {"run", "demo", "check", "once", "why", "send-test"} <= set(COMMANDS)
    assert all(f"  {name} " in out for name in COMMANDS)
