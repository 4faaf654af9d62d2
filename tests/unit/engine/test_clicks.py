"""A click in Slack, from the button to the store, both ways that Slack brings it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from tests.support.clock import ManualClock
from tests.support.deliveries import a_delivery, a_notice
from tests.support.stores import commit_plan, incident, member, open_store, state
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import refused
from watchtower.demo.slack import DEMO_TOKEN, SlackMessage, SlackServer
from watchtower.demo.slack_people import DEMO_APP_TOKEN, DEMO_SIGNING_SECRET
from watchtower.engine.clicks import MOST_TAKEN, Clicks
from watchtower.incidents.model import FlushPlan
from watchtower.live import Live
from watchtower.model import Event, Labels
from watchtower.notifiers.base import Doors
from watchtower.notifiers.slack_config import SlackConfig
from watchtower.notifiers.table import NOTIFIERS
from watchtower.secrets import Secret
from watchtower.web.app import Web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from watchtower.store.store import Store

LABELS = Labels({"alert": "CpuHigh", "account": "prod", "db": "db-1", "team": "data"})
#: Real seconds that nothing here should need.
PATIENT = 10.0


@dataclass
class Rig:
    """An open incident, its message in Slack, and whoever acts on a click."""

    slack: SlackServer
    clock: ManualClock
    store: Store
    clicks: Clicks
    live: Live
    web: Web
    doors: Doors
    channels: dict[str, Any]
    message: SlackMessage
    judged: list[None]

    async def told(self, count: int = 1) -> str:
        """What the last of so many answers said to who clicked."""
        await until(lambda: len(self.slack.people.told) >= count)
        return self.slack.people.told[-1][1]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENT):
        while not holds():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_rig(folder: Path, *, socket: bool) -> AsyncIterator[Rig]:
    clock = ManualClock()
    live = Live(clock)
    judged: list[None] = []
    live.judge = lambda: judged.append(None)
    web = Web(live)
    store = await open_store(f"sqlite:///{folder / 'store.db'}", clock=clock)
    await store.commit_orphans([replace(state("db-1"), labels=LABELS)], ())
    opened = incident("incident-1", members=(member("db-1"),), group_labels=Labels({"account": "prod", "tenant": ""}))
    await commit_plan(store, FlushPlan(incidents=(opened,)))
    web.store = store
    async with (
        SlackServer(clock, pace=None) as slack,
        TestServer(web.application()) as server,
        aiohttp.ClientSession() as http,
    ):
        doors = Doors(http, AwsClients(AwsConfig()), PATIENT)
        clicks = Clicks(live, clock, lambda: web.store)
        live.press = clicks.press
        way = {"app_token": Secret(DEMO_APP_TOKEN)} if socket else {"signing_secret": Secret(DEMO_SIGNING_SECRET)}
        config = SlackConfig(
            type="slack", token=Secret(DEMO_TOKEN), channel="#ops", api_url=slack.url.rstrip("/"), **way
        )
        clicks.configure({"chat": config}, doors)
        notice = a_notice(incident_id="incident-1")
        await NOTIFIERS["slack"].build("chat", config, doors).send(a_delivery(notice=notice))
        if socket:
            await until(lambda: len(slack.people.sockets) == 1)
        else:
            slack.people.request_url = str(server.make_url("/api/v1/slack/actions"))
        try:
            yield Rig(slack, clock, store, clicks, live, web, doors, {"chat": config}, slack.messages[0], judged)
        finally:
            await clicks.close()
            await store.close()


@pytest.fixture(params=["socket", "request"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, socket=request.param == "socket") as opened:
        yield opened


@pytest.fixture
async def connected(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, socket=True) as opened:
        yield opened


@pytest.fixture
async def requested(tmp_path: Path) -> AsyncIterator[Rig]:
    async with open_rig(tmp_path, socket=False) as opened:
        yield opened


async def test_acknowledge_says_who_has_it_and_wakes_the_flush(rig: Rig) -> None:
    assert await rig.slack.click(rig.message, "Acknowledge", user="ana") == 200
    assert "ana has this incident in hand" in await rig.told()
    [kept] = await rig.store.open_incidents()
    assert (kept.acknowledged_by, kept.acknowledged_via) == ("ana", "slack:chat")
    assert rig.judged


async def test_silence_holds_the_alert_of_the_incident_back_for_an_hour(rig: Rig) -> None:
    assert await rig.slack.click(rig.message, "Silence 1 h", user="ana") == 200
    assert "Silenced until 2026-01-05 01:00 UTC" in await rig.told()
    [silence] = await rig.store.silences()
    assert silence.created_by == "ana"
    assert "from Slack" in silence.comment
    assert silence.covers(LABELS, rig.clock.now())
    assert not silence.covers(LABELS.merged({"db": "db-2"}), rig.clock.now())
    assert rig.judged


async def test_a_link_is_no_business_of_ours(rig: Rig) -> None:
    assert await rig.slack.click(rig.message, "Runbook") == 200
    assert await rig.slack.click(rig.message, "Acknowledge") == 200
    await rig.told()
    assert len(rig.slack.people.told) == 1


@pytest.mark.parametrize("label", ["Acknowledge", "Silence 1 h"])
async def test_who_clicks_too_late_is_told_so(requested: Rig, label: str) -> None:
    requested.message.blocks = [
        {**block, "elements": [{**one, "value": "incident-0"} for one in block["elements"]]}
        for block in requested.message.blocks
        if block["type"] == "actions"
    ]
    await requested.slack.click(requested.message, label)
    assert "incident-0 is not open any more" in await requested.told()


async def test_a_click_that_slack_tells_twice_makes_one_silence(requested: Rig) -> None:
    for count in (1, 2):
        await requested.slack.click(requested.message, "Silence 1 h")
        await requested.told(count)
    assert len(await requested.store.silences()) == 1


async def test_a_replayed_click_does_not_bring_back_a_silence_that_was_ended(requested: Rig) -> None:
    await requested.slack.click(requested.message, "Silence 1 h")
    await requested.told()
    [kept] = await requested.store.silences()
    await requested.store.expire_silence(kept.id, requested.clock.now())
    requested.clicks._taken.clear()  # as after a restart
    for count in (2, 3):
        await requested.slack.click(requested.message, "Silence 1 h")
        assert await requested.told(count) == "Nothing was changed: this click was taken before."
    assert await requested.store.silences() == []


async def test_a_replayed_acknowledgement_is_not_taken_for_what_has_become_of_the_incident(requested: Rig) -> None:
    await requested.slack.click(requested.message, "Acknowledge")
    await requested.told()
    [kept] = await requested.store.open_incidents()
    risen = replace(kept, acknowledged_at=None, acknowledged_by="", acknowledged_via="")
    await commit_plan(requested.store, FlushPlan(incidents=(risen,)))
    await requested.slack.click(requested.message, "Acknowledge")
    await requested.told(2)
    assert await requested.store.open_incidents() == [risen]


async def test_only_so_many_clicks_are_remembered(requested: Rig) -> None:
    requested.clicks._taken = {("silence", "incident-0", str(number)): None for number in range(MOST_TAKEN)}
    await requested.slack.click(requested.message, "Acknowledge")
    await requested.told()
    assert len(requested.clicks._taken) == MOST_TAKEN


async def test_an_answer_that_slack_does_not_take_changes_nothing(requested: Rig) -> None:
    requested.slack.faults.always(refused("expired_url", operation="/3"))
    await requested.slack.click(requested.message, "Acknowledge")
    await until(lambda: bool(requested.judged))


@pytest.mark.parametrize("age", [301, -301])
async def test_a_request_older_than_five_minutes_or_of_the_future_is_refused(requested: Rig, age: float) -> None:
    assert await requested.slack.people.send(b"payload={}", age=age) == 401


@pytest.mark.parametrize("signature", ["", "v0=" + "0" * 64, "ümlaut".encode().decode("latin-1")])
async def test_a_request_that_slack_did_not_sign_is_refused(requested: Rig, signature: str) -> None:
    assert await requested.slack.people.send(b"payload={}", signature=signature) == 401


@pytest.mark.parametrize("body", [b"", b"payload=", b"payload=[1]", b"payload=%7B%22type%22%3A%22block_actions%22%7D"])
async def test_what_holds_no_click_is_taken_and_does_nothing(requested: Rig, body: bytes) -> None:
    assert await requested.slack.people.send(body) == 200
    assert not requested.judged


async def test_a_request_larger_than_any_click_is_refused(requested: Rig) -> None:
    assert await requested.slack.people.send(b"x" * 600_000) == 413


async def test_a_request_that_does_not_arrive_is_not_waited_for(requested: Rig) -> None:
    """Strangers reach this port, too."""
    host, port = requested.slack.people.request_url.removeprefix("http://").split("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /api/v1/slack/actions HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    async with asyncio.timeout(PATIENT):
        assert b" 408 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_without_a_signing_secret_there_is_nothing_to_call(connected: Rig) -> None:
    assert connected.clicks.press(b"", {}) == 404


async def test_while_the_store_is_away_who_clicks_is_told_that_nothing_was_done(requested: Rig) -> None:
    requested.web.store = None
    requested.live.waiting_for = "store.db is held by process 7"
    await requested.slack.click(requested.message, "Acknowledge")
    assert "held by process 7" in await requested.told()


async def test_a_connection_that_slack_wants_anew_is_opened_again(connected: Rig) -> None:
    await connected.slack.people.disconnect()
    await until(lambda: not connected.slack.people.sockets)
    connected.clock.advance(2)
    await until(lambda: len(connected.slack.people.sockets) == 1)
    assert await connected.slack.click(connected.message, "Acknowledge") == 200


async def test_a_connection_that_stood_for_long_is_opened_again_at_once(connected: Rig) -> None:
    connected.clock.advance(30)
    await connected.slack.people.disconnect()
    await until(lambda: connected.slack.people.opened == 2)


async def test_a_connection_that_ends_unasked_is_opened_again(connected: Rig) -> None:
    await connected.slack.people.close()
    async with asyncio.timeout(PATIENT):
        while connected.slack.people.opened < 2:
            connected.clock.advance(1)
            await asyncio.sleep(0.01)


async def test_a_connection_that_cannot_be_opened_is_tried_again(connected: Rig) -> None:
    connected.slack.faults.next(refused("internal_error", operation="apps.connections.open"))
    await connected.slack.people.disconnect()
    await until(lambda: not connected.slack.people.sockets)
    connected.clock.advance(2)
    await until(lambda: connected.slack.faults.struck == 1)
    for _ in range(3):
        connected.clock.advance(3)
        await asyncio.sleep(0.02)
    await until(lambda: len(connected.slack.people.sockets) == 1)


async def test_a_connection_is_kept_from_falling_silent_by_a_call_a_minute(connected: Rig) -> None:
    def calls() -> int:
        return [one.operation for one in connected.slack.requests].count("/api/auth.test")

    assert calls() == 0
    for count in (1, 2):
        await asyncio.sleep(0.02)
        connected.clock.advance(60)
        await until(lambda count=count: calls() == count)  # type: ignore[misc]


async def test_channels_of_one_app_share_a_connection_and_a_removed_app_has_none(connected: Rig) -> None:
    shared = {**connected.channels, "more": connected.channels["chat"].model_copy(update={"channel": "#audit"})}
    connected.clicks.configure(shared, connected.doors)
    assert connected.slack.people.opened == 1
    connected.clicks.configure({}, connected.doors)
    await until(lambda: not connected.slack.people.sockets)


async def test_an_acknowledged_message_changes_in_place(requested: Rig) -> None:
    config = requested.channels["chat"]
    slack = NOTIFIERS["slack"].build("chat", config, requested.doors)
    notice = a_notice(incident_id="incident-1", event=Event.ACKNOWLEDGE, acknowledged_by="ana")
    ref = {"channel": requested.message.channel, "ts": requested.message.ts, "tier": "P2"}
    await slack.send(a_delivery(2, Event.ACKNOWLEDGE, notice=notice, ref=ref))
    with pytest.raises(LookupError):
        await requested.slack.click(requested.message, "Acknowledge")
    assert "Acknowledged by ana" in requested.slack.thread(requested.message)[0].text
