"""Graphs leave beside the text: whatever becomes of them, no page is late for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.clock import START, ManualClock
from tests.support.make import delivery as a_row
from tests.support.stores import delivery, enqueue, look, open_store
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import refused, reset
from watchtower.demo.slack import DEMO_TOKEN, SlackServer
from watchtower.engine.send import GRAPH_TRIES, Sender, Switchboard, settle
from watchtower.engine.settings import EngineSettings
from watchtower.errors import Ambiguous, Rejected
from watchtower.incidents.lanes import evidence_lane, lane
from watchtower.live import Live
from watchtower.model import DeliveryState, Event, Notice, Priority
from watchtower.notifiers.base import Doors
from watchtower.notifiers.slack import Slack
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchtower.store.store import Store

SETTINGS = EngineSettings()
LANE = lane("ops")


@dataclass
class Easel:
    """A painter that paints when it is let."""

    free: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def paint(self, notice: Notice, *, by_aws: bool = False) -> bytes:
        self.asked.set()
        await self.free.wait()
        return f"a picture of {notice.title} {by_aws}".encode()


@dataclass
class Desk:
    """One Slack channel: its text and its graphs, each with a sender."""

    store: Store
    slack: SlackServer
    clock: ManualClock
    easel: Easel
    text: Sender
    graphs: Sender
    destination: str

    async def page(self, name: str = "i", *, graph: bool = True) -> None:
        """A page, and the graph that follows it."""
        now = self.clock.now()
        where: dict[str, Any] = {
            "destination": self.destination,
            "incident_id": name,
            "created_at": now,
            "next_at": now,
        }
        page = delivery(f"{name}-page", channel="ops", dedup_key=name, **where)
        rows = [page]
        if graph:
            shown = delivery(f"{name}-graph", Event.GRAPH, channel=LANE, dedup_key=f"{name}:graph", **where)
            rows.append(replace(shown, after=page.id))
        await enqueue(self.store, *rows)

    async def say(self, after: float = 0.0) -> None:
        self.clock.advance(after)
        await self.text.drain(asyncio.Event())

    async def show(self, after: float = 0.0) -> None:
        self.clock.advance(after)
        await self.graphs.drain(asyncio.Event())

    async def states(self) -> dict[str, DeliveryState]:
        return {row.id: row.state for row in (await look(self.store)).deliveries}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock, easel = ManualClock(), Easel()
    easel.free.set()
    async with SlackServer(clock, pace=None) as slack, aiohttp.ClientSession() as http:
        doors = Doors(http, AwsClients(AwsConfig()), 2, easel)
        url = slack.url.rstrip("/")
        ops = Slack("ops", token=Secret(DEMO_TOKEN), channel="#ops", api_url=url, doors=doors, graph="local")
        store = await open_store(f"sqlite:///{tmp_path}/store.db", clock=clock)
        switchboard = Switchboard()
        switchboard.configure({"ops": ops})
        text, graphs = (Sender(name, switchboard, store, Live(clock), clock, SETTINGS, "w") for name in ("ops", LANE))
        yield Desk(store, slack, clock, easel, text, graphs, ops.traits.destination)
        await store.close()


async def test_after_the_page_the_graph_is_in_its_thread(desk: Desk) -> None:
    await desk.page()
    await desk.say()
    await desk.show()
    [picture] = desk.slack.pictures
    assert picture.thread_ts == desk.slack.messages[0].ts
    assert (await desk.states())["i-graph"] is DeliveryState.ACCEPTED


async def test_a_graph_that_hangs_delays_no_page(desk: Desk) -> None:
    await desk.page("first")
    await desk.say()
    desk.easel.free.clear()
    drawing = asyncio.create_task(desk.show())
    await desk.easel.asked.wait()
    await desk.page("second", graph=False)
    await desk.say(after=2)
    assert [len(desk.slack.messages), len(desk.slack.pictures)] == [2, 0]
    desk.easel.free.set()
    await drawing
    assert len(desk.slack.pictures) == 1


async def test_graphs_that_fail_make_neither_channel_nor_page_fail(desk: Desk) -> None:
    desk.slack.faults.always(refused("missing_scope", operation="files.getUploadURLExternal"))
    await desk.page("first")
    await desk.say()
    await desk.show()
    await desk.page("second")
    await desk.say(after=2)
    assert len(desk.slack.messages) == 2
    assert not (await desk.store.standings())["ops"].failures
    assert (await desk.states())["first-graph"] is DeliveryState.DEAD
    assert await desk.store.dead_letters(limit=5) == []


async def test_a_graph_whose_answer_was_lost_is_there_once(desk: Desk) -> None:
    desk.slack.faults.next(reset(acted=True, operation="files.completeUploadExternal"))
    await desk.page()
    await desk.say()
    await desk.show()
    assert (await desk.states())["i-graph"] is DeliveryState.AMBIGUOUS
    await desk.show(after=5)
    assert (await desk.states())["i-graph"] is DeliveryState.ACCEPTED
    assert len(desk.slack.pictures) == 1


async def test_lanes_are_no_channels_that_the_flush_may_use(desk: Desk) -> None:
    assert list(desk.text.switchboard.traits) == ["ops"]
    assert desk.text.switchboard.lanes == {LANE, evidence_lane("ops")}


@pytest.mark.parametrize("answer", [Ambiguous("reset"), Rejected("503", permanent=False)])
def test_a_graph_is_tried_a_few_times_within_ten_minutes_however_urgent_its_page(answer: Ambiguous | Rejected) -> None:
    graph = replace(a_row(tier=Priority.P1), event=Event.GRAPH)
    assert settle(graph, answer, START, SETTINGS).state.open
    last = replace(graph, attempts=GRAPH_TRIES - 1)
    assert settle(last, answer, START, SETTINGS).state is DeliveryState.DEAD
    assert settle(graph, answer, START + timedelta(minutes=11), SETTINGS).state is DeliveryState.DEAD


def test_a_graph_that_is_refused_for_good_is_given_up_and_told_by_nobody_else() -> None:
    graph = replace(a_row(tier=Priority.P1), event=Event.GRAPH)
    settled = settle(graph, Rejected("missing_scope", permanent=True), START, SETTINGS)
    assert (settled.state, settled.refused) == (DeliveryState.DEAD, False)
