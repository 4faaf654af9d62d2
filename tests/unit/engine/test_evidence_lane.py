"""Evidence that was late leaves beside the text: once, to every place that was told, and no page is late for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.support.clock import START, ManualClock
from tests.support.make import delivery as a_row
from tests.support.make import rule, unit
from tests.support.stores import commit_plan, delivery, incident, look, member, notice, open_store
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import refused, reset, throttled
from watchtower.demo.slack import DEMO_TOKEN, SlackServer
from watchtower.engine.archive import Archive
from watchtower.engine.evidence import NOTHING_FOUND, Clerk
from watchtower.engine.plan import Plan
from watchtower.engine.send import EVIDENCE_TRIES, ONCE, Sender, Switchboard, settle
from watchtower.engine.settings import EngineSettings
from watchtower.errors import Ambiguous, Rejected, SourceError
from watchtower.incidents.lanes import evidence_lane
from watchtower.incidents.model import FlushPlan
from watchtower.live import Live
from watchtower.lookup import Lookup
from watchtower.model import DeliveryState, Event, Labels, NoticeMember, PollResult, Priority, TroubleReason
from watchtower.notifiers.base import Doors
from watchtower.notifiers.slack import Slack
from watchtower.notifiers.slack_webhook import SlackWebhook
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from watchtower.sources.base import Ask, Place, Poll, Unit
    from watchtower.store.store import Store

SETTINGS = EngineSettings()
LINES = ("CRITICAL no rooms, password=[redacted]",)
LOOKUP = Lookup("CpuHigh", member().labels, 0, 60, START)


@dataclass
class Shelf:
    """A source that shows its lines when it is let, or fails."""

    free: asyncio.Event = field(default_factory=asyncio.Event)
    lines: tuple[str, ...] = LINES
    fails: SourceError | None = None
    asked: int = 0
    name: str = "cloudwatch"

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        return []

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        return True

    async def poll(self, poll: Poll) -> PollResult:
        return PollResult(())

    async def close(self) -> None:
        pass

    async def evidence(self, unit: Unit, rule: str, identity: Labels, since: int, until: int) -> tuple[str, ...]:
        self.asked += 1
        if self.fails:
            raise self.fails
        await self.free.wait()
        return self.lines


@dataclass
class Night:
    """A Slack channel and a webhook that hold one incident, whose evidence is late."""

    store: Store
    slack: SlackServer
    clock: ManualClock
    shelf: Shelf
    archive: Archive
    switchboard: Switchboard
    live: Live

    def sender(self, name: str) -> Sender:
        clerk = Clerk(self.archive, self.store, patience=0.05)
        return Sender(name, self.switchboard, self.store, self.live, self.clock, SETTINGS, "w", clerk=clerk)

    def late(self, **more: Any) -> NoticeMember:
        return replace(member(), **{"evidence": ("evidence is late: not there within 3 s",), "late": LOOKUP, **more})

    def rows(self, channel: str) -> list[Any]:
        now, to = self.clock.now(), self.switchboard.traits[channel].destination
        where: dict[str, Any] = {"destination": to, "created_at": now, "next_at": now}
        told = replace(
            notice("i1", Event.EVIDENCE, Priority.P3), members=(self.late(evidence=()),), label="no new alert"
        )
        page = delivery(f"{channel}-page", channel=channel, dedup_key="i1", **where)
        more = delivery(
            f"{channel}-evidence", Event.EVIDENCE, channel=evidence_lane(channel), dedup_key="i1:e", **where
        )
        return [page, replace(more, after=page.id, notice=told)]

    async def page(self, *channels: str) -> None:
        """Tell these channels, and let the evidence wait."""
        rows = tuple(row for channel in channels for row in self.rows(channel))
        await commit_plan(self.store, FlushPlan(incidents=(incident(members=(self.late(),)),), deliveries=rows))
        for channel in channels:
            await self.sender(channel).drain(asyncio.Event())

    async def follow(self, *channels: str, after: float = 2.0) -> None:
        self.clock.advance(after)
        for channel in channels:
            await self.sender(evidence_lane(channel)).drain(asyncio.Event())

    async def rows_left(self) -> dict[str, DeliveryState]:
        return {row.id: row.state for row in (await look(self.store)).deliveries if row.event is Event.EVIDENCE}

    def said(self) -> list[str]:
        """What Slack shows that is evidence."""
        return [str(each.blocks) for each in self.slack.messages if "🔎" in str(each.blocks)]

    def counted(self) -> Counter[str]:
        outcomes = ("arrived", "given_up")
        return Counter({name: int(self.live.metrics.evidence.labels(name)._value.get()) for name in outcomes})


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    clock, shelf = ManualClock(), Shelf()
    shelf.free.set()
    async with SlackServer(clock, pace=None) as slack, aiohttp.ClientSession() as http:
        doors = Doors(http, AwsClients(AwsConfig()), 2)
        ops = Slack("ops", token=Secret(DEMO_TOKEN), channel="#ops", api_url=slack.url.rstrip("/"), doors=doors)
        hook = SlackWebhook("hook", Secret(slack.webhook_url), doors)
        store = await open_store(f"sqlite:///{tmp_path}/store.db", clock=clock)
        switchboard, live, one = Switchboard(), Live(clock), unit()
        switchboard.configure({"ops": ops, "hook": hook})
        plan = Plan({"CpuHigh": rule("CpuHigh")}, {one.id: one}, {"cloudwatch": shelf})
        archive = Archive(lambda: plan, live.metrics)
        yield Night(store, slack, clock, shelf, archive, switchboard, live)
        await archive.close()
        await store.close()


async def test_when_it_comes_it_is_in_the_thread_of_its_incident_and_the_channel_is_not_called(night: Night) -> None:
    await night.page("ops")
    await night.follow("ops")
    [page, reply] = night.slack.messages
    assert (reply.thread_ts, reply.broadcast) == (page.ts, False)
    assert "EVIDENCE (no new alert)" in str(reply.blocks)
    assert LINES[0] in str(reply.blocks)
    assert await night.rows_left() == {"ops-evidence": DeliveryState.ACCEPTED}
    assert night.counted() == {"arrived": 1, "given_up": 0}


async def test_every_place_is_told_and_it_was_asked_for_once(night: Night) -> None:
    await night.page("ops", "hook")
    await night.follow("ops", "hook")
    assert (len(night.said()), night.shelf.asked) == (2, 1)


async def test_the_incident_says_it_from_then_on(night: Night) -> None:
    await night.page("ops")
    await night.follow("ops")
    [found] = (await look(night.store)).incidents
    assert [each.evidence for each in found.members] == [LINES]


async def test_while_it_is_not_there_no_page_is_late_for_it(night: Night) -> None:
    night.shelf.free.clear()
    await night.page("ops")
    await night.follow("ops")
    assert (night.said(), await night.rows_left()) == ([], {"ops-evidence": DeliveryState.PENDING})
    assert not (await night.store.standings())[evidence_lane("ops")].failures, "the channel was not asked"
    night.shelf.free.set()
    await night.follow("ops", after=60)
    assert (len(night.said()), night.shelf.asked) == (1, 1)


async def test_what_was_looked_for_when_the_process_died_is_told_by_the_next(night: Night) -> None:
    night.shelf.free.clear()
    await night.page("ops", "hook")
    night.clock.advance(2)
    for lane in (evidence_lane("ops"), evidence_lane("hook")):
        epoch = await night.store.claim_channel(lane, "dead", lease=30)
        assert epoch is not None
        assert await night.store.next_delivery(lane, epoch) is not None
    night.shelf.free.set()
    await night.follow("ops", "hook", after=31)
    assert len(night.said()) == 2


async def test_one_whose_answer_was_lost_is_there_once(night: Night) -> None:
    await night.page("ops")
    night.slack.faults.next(reset(acted=True, operation="chat.postMessage"))
    await night.follow("ops")
    await night.follow("ops", after=5)
    assert (len(night.said()), await night.rows_left()) == (1, {"ops-evidence": DeliveryState.ACCEPTED})


async def test_where_nobody_can_look_one_whose_answer_was_lost_is_not_told_twice(night: Night) -> None:
    await night.page("hook")
    night.slack.faults.next(reset(acted=True))
    await night.follow("hook")
    await night.follow("hook", after=5)
    assert (len(night.said()), await night.rows_left()) == (1, {"hook-evidence": DeliveryState.DEAD})
    health = await night.store.channel_health()
    assert health["hook"].possible_duplicates == 0


async def test_where_the_token_may_not_read_it_is_not_told_twice(night: Night) -> None:
    await night.page("ops")
    night.slack.faults.next(reset(acted=True, operation="chat.postMessage"))
    await night.follow("ops")
    night.slack.faults.always(refused("missing_scope", operation="conversations.replies"))
    await night.follow("ops", after=5)
    assert (len(night.said()), await night.rows_left()) == (1, {"ops-evidence": DeliveryState.DEAD})


async def test_a_channel_that_is_throttled_is_told_later(night: Night) -> None:
    await night.page("ops")
    night.slack.faults.next(throttled(20, operation="chat.postMessage"))
    await night.follow("ops")
    assert night.said() == []
    await night.follow("ops", after=21)
    assert (len(night.said()), night.shelf.asked) == (1, 1)


async def test_an_incident_that_ends_while_it_is_looked_for_is_not_followed_up(night: Night) -> None:
    night.shelf.free.clear()
    await night.page("ops")
    following = asyncio.create_task(night.follow("ops"))
    while not night.shelf.asked:
        await asyncio.sleep(0.001)
    over = incident(members=(night.late(firing=False),), ended_at=night.clock.now(), taking_members=False)
    await commit_plan(night.store, FlushPlan(incidents=(replace(over, due_at=night.clock.now()),)))
    night.shelf.free.set()
    await following
    assert (night.said(), await night.rows_left()) == ([], {"ops-evidence": DeliveryState.WITHDRAWN})


async def test_that_nothing_was_found_is_said_too(night: Night) -> None:
    night.shelf.lines = ()
    await night.page("ops")
    await night.follow("ops")
    assert NOTHING_FOUND in night.said()[0]


async def test_what_is_forbidden_by_now_is_given_up_logged_and_counted(night: Night) -> None:
    night.shelf.fails = SourceError(TroubleReason.FORBIDDEN, "FilterLogEvents: AccessDenied")
    await night.page("ops")
    with capture_logs() as logged:
        await night.follow("ops")
    assert await night.rows_left() == {"ops-evidence": DeliveryState.DEAD}
    [given_up] = [one for one in logged if one["event"] == "evidence.given_up"]
    assert given_up["detail"] == "evidence: FilterLogEvents: AccessDenied"
    assert night.counted() == {"arrived": 0, "given_up": 1}
    assert await night.store.dead_letters(limit=5) == []


async def test_what_never_comes_is_given_up_after_a_bounded_time(night: Night) -> None:
    night.shelf.fails = SourceError(TroubleReason.THROTTLED, "Rate exceeded")
    await night.page("ops")
    for _ in range(EVIDENCE_TRIES):
        await night.follow("ops", after=61)
    assert await night.rows_left() == {"ops-evidence": DeliveryState.DEAD}
    assert night.shelf.asked <= EVIDENCE_TRIES
    assert night.counted() == {"arrived": 0, "given_up": 1}


async def test_a_silence_while_it_is_looked_for_holds_it_back(night: Night) -> None:
    night.shelf.free.clear()
    await night.page("ops")
    following = asyncio.create_task(night.follow("ops"))
    while not night.shelf.asked:
        await asyncio.sleep(0.001)
    held = incident(members=(night.late(muted_by="silenced by ana"),))
    await commit_plan(night.store, FlushPlan(incidents=(held,)))
    night.shelf.free.set()
    await following
    assert (night.said(), await night.rows_left()) == ([], {"ops-evidence": DeliveryState.WITHDRAWN})


async def test_lanes_are_no_channels_that_the_flush_may_use(night: Night) -> None:
    assert sorted(night.switchboard.traits) == ["hook", "ops"]
    assert night.switchboard.lanes == {evidence_lane("hook"), evidence_lane("ops")}


@pytest.mark.parametrize("answer", [Ambiguous("reset"), Rejected("503", permanent=False)])
def test_it_is_tried_a_few_times_within_ten_minutes_however_urgent_its_page(answer: Ambiguous | Rejected) -> None:
    row = replace(a_row(tier=Priority.P1), event=Event.EVIDENCE)
    assert settle(row, answer, START, SETTINGS).state.open
    last = replace(row, attempts=EVIDENCE_TRIES - 1)
    assert settle(last, answer, START, SETTINGS).state is DeliveryState.DEAD
    assert settle(row, answer, START + timedelta(minutes=11), SETTINGS).state is DeliveryState.DEAD


def test_one_that_is_refused_for_good_is_given_up_and_told_by_nobody_else() -> None:
    row = replace(a_row(tier=Priority.P1), event=Event.EVIDENCE)
    settled = settle(row, Rejected(ONCE, permanent=True), START, SETTINGS)
    assert (settled.state, settled.refused) == (DeliveryState.DEAD, False)
