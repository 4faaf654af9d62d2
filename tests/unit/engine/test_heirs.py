"""What is owed under a channel's old name, or at its old place, is paid through whatever reaches it now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.support.clock import ManualClock
from tests.support.stores import delivery, enqueue
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.slack import DEMO_TOKEN, SlackServer
from watchtower.engine.send import Sender, Switchboard
from watchtower.engine.settings import EngineSettings
from watchtower.live import Live
from watchtower.model import DeliveryState, Event
from watchtower.notifiers.base import Doors
from watchtower.notifiers.slack import Slack
from watchtower.secrets import Secret
from watchtower.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass
class House:
    """A Slack, a store, and a process that can be started again with other channels."""

    store: Store
    slack: SlackServer
    clock: ManualClock
    doors: Doors

    def notifier(self, name: str, channel: str) -> Slack:
        """A bot's channel, always with the same token."""
        url = self.slack.url.rstrip("/")
        return Slack(name, token=Secret(DEMO_TOKEN), channel=channel, api_url=url, doors=self.doors)

    async def tell(self, event: Event, incidents: int = 1, *, under: str = "ops") -> None:
        """Write one message of each incident for the channel as it was at the beginning."""
        where = {"channel": under, "destination": self.notifier("ops", "#ops").traits.destination}
        now = self.clock.now()
        rows = [
            delivery(f"{event}{n}", event, incident_id=f"i{n}", dedup_key=f"k{n}", created_at=now, next_at=now, **where)
            for n in range(incidents)
        ]
        await enqueue(self.store, *rows)

    async def drain(self, name: str, channels: dict[str, str]) -> None:
        """What a process with these channels sends of what waits under ``name``."""
        switchboard = Switchboard()
        switchboard.configure({key: self.notifier(key, place) for key, place in channels.items()})
        sender = Sender(name, switchboard, self.store, Live(self.clock), self.clock, EngineSettings(), "w")
        for _ in range(3):
            self.clock.advance(40)
            await sender.drain(asyncio.Event())

    async def owed(self) -> int:
        """How many resolves are owed."""
        return len(await self.store.debts())


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = ManualClock()
    channels = ("ops", "third")
    async with SlackServer(clock, pace=None, channels=channels) as slack, aiohttp.ClientSession() as http:
        store = await Store.open(f"sqlite:///{tmp_path}/store.db", clock=clock)
        yield House(store, slack, clock, Doors(http, AwsClients(AwsConfig()), 2))
        await store.close()


async def test_a_channel_that_was_renamed_pays_what_its_old_name_owes(house: House) -> None:
    await house.tell(Event.TRIGGER)
    await house.drain("ops", {"ops": "#ops"})
    await house.tell(Event.RESOLVE)
    await house.drain("ops", {"chat": "#ops"})

    assert await house.owed() == 0
    assert [message.edits for message in house.slack.messages if message.thread_ts is None] == [1]


async def test_a_page_that_waits_under_an_old_name_is_told_by_the_new_one(house: House) -> None:
    await house.tell(Event.TRIGGER)
    await house.drain("ops", {"chat": "#ops"})

    assert len(house.slack.messages) == 1


async def test_a_message_in_the_place_that_a_channel_had_is_edited_with_the_same_token(house: House) -> None:
    await house.tell(Event.TRIGGER)
    await house.drain("ops", {"ops": "#ops"})
    await house.tell(Event.RESOLVE)
    await house.drain("ops", {"ops": "#third"})

    assert await house.owed() == 0
    assert [message.edits for message in house.slack.messages if message.thread_ts is None] == [1]


async def test_a_digest_under_an_old_name_ends_as_one_edit(house: House) -> None:
    await house.tell(Event.TRIGGER, 12)
    await house.drain("ops", {"ops": "#ops"})
    await house.tell(Event.RESOLVE, 12)
    await house.drain("ops", {"chat": "#ops"})

    assert await house.owed() == 0
    assert len(house.slack.messages) == 1


async def test_a_page_is_not_posted_where_only_the_token_is_the_same(house: House) -> None:
    """Another channel of the bot has other readers."""
    await house.tell(Event.TRIGGER)
    await house.drain("ops", {"audit": "#third"})

    assert house.slack.messages == []
    assert [depth.channel for depth in await house.store.outbox()] in ([], ["ops"])
    assert DeliveryState.ACCEPTED not in {row.state for row in await house.store.dead_letters(limit=5)}
