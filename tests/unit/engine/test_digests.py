"""A sender and a Slack that remembers: many messages are one, whatever happens on the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.support.clock import ManualClock
from tests.support.stores import delivery, enqueue, open_store
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import refused, reset, server_error, throttled
from watchtower.demo.slack import DEMO_TOKEN, SlackServer
from watchtower.engine.send import Sender, Switchboard
from watchtower.engine.settings import EngineSettings
from watchtower.live import Live
from watchtower.model import Event
from watchtower.notifiers.base import Doors
from watchtower.notifiers.slack import Slack
from watchtower.notifiers.slack_webhook import SlackWebhook
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchtower.notifiers.base import Notifier
    from watchtower.store.store import Store

SETTINGS = EngineSettings()


@dataclass
class Desk:
    """One channel with its sender."""

    store: Store
    slack: SlackServer
    clock: ManualClock
    sender: Sender
    destination: str

    async def say(self, event: Event, numbers: range) -> None:
        """One message for each of these incidents."""
        where = {"channel": "ops", "destination": self.destination}
        now = self.clock.now()
        rows = [
            delivery(
                f"{event}-{n}", event, incident_id=f"i{n}", dedup_key=f"k{n}", created_at=now, next_at=now, **where
            )
            for n in numbers
        ]
        await enqueue(self.store, *rows)

    async def drain(self, after: float = 0.0) -> None:
        """Send what may leave so many seconds later."""
        self.clock.advance(after)
        await self.sender.drain(asyncio.Event())

    def counted(self, metric: str) -> float:
        """What a metric of the channel says."""
        return self.sender.live.metrics.registry.get_sample_value(metric, {"channel": "ops"}) or 0.0


async def _desk(path: Path, slack: SlackServer, clock: ManualClock, notifier: Notifier) -> Desk:
    store = await open_store(f"sqlite:///{path}/store.db", clock=clock)
    switchboard = Switchboard()
    switchboard.configure({"ops": notifier})
    sender = Sender("ops", switchboard, store, Live(clock), clock, SETTINGS, "w")
    return Desk(store, slack, clock, sender, notifier.traits.destination)


@pytest.fixture(params=["bot"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    clock = ManualClock()
    async with SlackServer(clock, pace=None) as slack, aiohttp.ClientSession() as http:
        doors = Doors(http, AwsClients(AwsConfig()), 2)
        notifier: Notifier = SlackWebhook("ops", Secret(slack.webhook_url), doors)
        if request.param == "bot":
            notifier = Slack(
                "ops", token=Secret(DEMO_TOKEN), channel="#ops", api_url=slack.url.rstrip("/"), doors=doors
            )
        made = await _desk(tmp_path, slack, clock, notifier)
        yield made
        await made.store.close()


async def test_twelve_incidents_are_one_message_which_turns_green_with_the_last(desk: Desk) -> None:
    await desk.say(Event.TRIGGER, range(12))
    await desk.drain()
    [message] = desk.slack.messages
    assert "12 incidents: CpuHigh 12" in message.text
    assert desk.counted("watchtower_digests_total") == 1
    await desk.say(Event.RESOLVE, range(7))
    await desk.drain(after=2)
    assert "5 firing, 7 resolved" in str(message.blocks)
    await desk.say(Event.RESOLVE, range(7, 12))
    await desk.drain(after=2)
    assert "RESOLVED" in message.text
    assert (len(desk.slack.messages), message.edits) == (1, 2)
    assert await desk.store.debts() == []


@pytest.mark.parametrize("acted", [True, False])
async def test_a_digest_without_an_answer_is_looked_for_and_there_once(desk: Desk, acted: bool) -> None:
    desk.slack.faults.next(reset(acted=acted, operation="chat.postMessage"))
    await desk.say(Event.TRIGGER, range(12))
    await desk.drain()
    assert len(await desk.store.debts()) == 12, "it may have arrived"
    await desk.say(Event.TRIGGER, range(20, 32))
    await desk.drain(after=2)
    assert ["12 incidents" in one.text for one in desk.slack.messages] == [True]
    await desk.drain(after=SETTINGS.gathers_for)
    assert ["12 incidents" in one.text for one in desk.slack.messages] == [True, True]
    assert all(debt.ref for debt in await desk.store.debts())


async def test_an_edit_without_an_answer_is_made_again(desk: Desk) -> None:
    await desk.say(Event.TRIGGER, range(12))
    await desk.drain()
    desk.slack.faults.next(server_error(operation="chat.update"))
    await desk.say(Event.RESOLVE, range(12))
    await desk.drain(after=2)
    assert len(await desk.store.debts()) == 12
    await desk.drain(after=2)
    [message] = desk.slack.messages
    assert "RESOLVED" in message.text
    assert await desk.store.debts() == []


async def test_a_digest_that_somebody_deleted_is_posted_again_with_its_ends(desk: Desk) -> None:
    await desk.say(Event.TRIGGER, range(12))
    await desk.drain()
    desk.slack.delete(desk.slack.messages[0])
    for first in (0, 6):
        await desk.say(Event.RESOLVE, range(first, first + 6))
        await desk.drain(after=2)
    [message] = desk.slack.messages
    assert "12 incidents" in message.text
    assert await desk.store.debts() == []


async def test_a_digest_that_slack_asks_to_wait_for_takes_in_what_came_meanwhile(desk: Desk) -> None:
    desk.slack.faults.next(throttled(5, operation="chat.postMessage"))
    await desk.say(Event.TRIGGER, range(12))
    await desk.drain()
    assert await desk.store.debts() == []
    await desk.say(Event.TRIGGER, range(20, 25))
    await desk.drain(after=6)
    [message] = desk.slack.messages
    assert "17 incidents" in message.text


async def test_a_digest_that_slack_refuses_for_good_is_given_up_row_by_row(desk: Desk) -> None:
    desk.slack.faults.always(refused("channel_not_found", operation="chat.postMessage"))
    await desk.say(Event.TRIGGER, range(12))
    await desk.drain()
    assert await desk.store.outbox() == []
    assert desk.counted("watchtower_digests_total") == 0


@pytest.mark.parametrize("desk", ["webhook"], indirect=True)
async def test_a_webhook_gets_a_digest_of_the_ends_too(desk: Desk) -> None:
    await desk.say(Event.TRIGGER, range(12))
    await desk.drain()
    await desk.say(Event.RESOLVE, range(12))
    await desk.drain(after=SETTINGS.gathers_for)
    assert [one.text.split(" · ")[0] for one in desk.slack.messages] == ["🟡 P3 FIRING", "🟢 P3 RESOLVED"]
    assert await desk.store.debts() == []
