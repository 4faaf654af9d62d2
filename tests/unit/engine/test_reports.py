"""A person at PagerDuty, from there to the store: by webhook, and by asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from tests.support.clock import ManualClock
from tests.support.outbox import claim, send
from tests.support.stores import commit_plan, delivery, incident, member, open_store
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import hang, server_error, throttled
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyIncident, PagerDutyServer
from watchtower.demo.pagerduty_people import DEMO_API_TOKEN, DEMO_WEBHOOK_SECRET
from watchtower.engine.reports import Reports
from watchtower.incidents.model import FlushPlan, Incident
from watchtower.live import Live
from watchtower.model import DeliveryState, Priority
from watchtower.notifiers.base import Doors
from watchtower.notifiers.pagerduty_config import PagerDutyConfig
from watchtower.secrets import Secret
from watchtower.store.values import Settled
from watchtower.web.app import Web
from watchtower.web.pagerduty_webhooks import MAX_WEBHOOK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchtower.store.store import Store

INCIDENT = "incident-1"
PATIENT = 10.0


@dataclass
class Rig:
    """An open incident that PagerDuty has under ``key``, and whoever hears what people do with it."""

    pagerduty: PagerDutyServer
    clock: ManualClock
    store: Store
    reports: Reports
    web: Web
    http: aiohttp.ClientSession
    doors: Doors
    judged: list[None]
    live: Live
    config: PagerDutyConfig

    @property
    def key(self) -> str:
        return f"wt:{self.store.store_id}:{INCIDENT}:P3"

    async def kept(self) -> Incident:
        [found] = await self.store.open_incidents()
        return found

    def configure(self, **changes: Any) -> None:
        self.reports.configure({"oncall": self.config.model_copy(update=changes)}, self.doors)

    async def post(self, body: bytes, headers: dict[str, str], channel: str = "oncall") -> int:
        url = self.pagerduty.people.webhook_url.replace("oncall", channel)
        async with self.http.post(url, data=body, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = ManualClock()
    live = Live(clock)
    judged: list[None] = []
    live.judge = lambda: judged.append(None)
    web = Web(live)
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}", clock=clock)
    opened = incident(INCIDENT, members=(member("db-1"),), told_tier=Priority.P3, settings={}, due_at=None)
    key = f"wt:{store.store_id}:{INCIDENT}:P3"
    paged = delivery("d1", incident_id=INCIDENT, dedup_key=key)
    await commit_plan(store, FlushPlan(incidents=(opened,), deliveries=(paged,)))
    await send(store, await claim(store), Settled(DeliveryState.ACCEPTED, ""))
    web.store = store
    async with (
        PagerDutyServer(clock) as pagerduty,
        TestServer(web.application()) as server,
        aiohttp.ClientSession() as http,
    ):
        pagerduty.incidents.append(PagerDutyIncident(DEMO_KEY, key, "it burns", "warning", clock.now()))
        pagerduty.people.webhook_url = str(server.make_url("/api/v1/pagerduty/oncall/webhook"))
        config = PagerDutyConfig(
            type="pagerduty",
            routing_key=Secret(DEMO_KEY),
            webhook_secret=Secret(DEMO_WEBHOOK_SECRET),
            api_token=Secret(DEMO_API_TOKEN),
            api_url=pagerduty.url,
            rest_url=pagerduty.url,
        )
        doors = Doors(http, AwsClients(AwsConfig()), PATIENT)
        reports = Reports(live, clock, lambda: web.store)
        live.report = reports.take
        made = Rig(pagerduty, clock, store, reports, web, http, doors, judged, live, config)
        made.configure()
        try:
            yield made
        finally:
            await reports.close()
            await store.close()


# -- PagerDuty calls us ------------------------------------------------------------------------------------------------


async def test_who_acknowledges_at_pagerduty_has_it_in_hand_before_pagerduty_is_answered(rig: Rig) -> None:
    rig.pagerduty.acknowledge(rig.key, by="ana")
    assert await rig.pagerduty.people.told() == [202]
    kept = await rig.kept()
    assert (kept.acknowledged_by, kept.acknowledged_via) == ("ana", "oncall")
    assert rig.judged


async def test_our_own_acknowledgement_comes_back_and_is_nobodys(rig: Rig) -> None:
    event = {"routing_key": DEMO_KEY, "event_action": "acknowledge", "dedup_key": rig.key}
    async with rig.http.post(f"{rig.pagerduty.url}/v2/enqueue", json=event) as answer:
        assert answer.status == 202
    assert await rig.pagerduty.people.told() == [202]
    await rig.reports.step()
    assert rig.pagerduty.people.asked == [rig.key]
    assert (await rig.kept()).acknowledged_at is None
    assert not rig.judged


async def test_webhooks_that_come_twice_and_in_disorder_end_where_the_first_ones_did(rig: Rig) -> None:
    rig.pagerduty.acknowledge(rig.key, by="ana")
    rig.pagerduty.resolve(rig.key, by="ben")
    await rig.pagerduty.people.told()
    kept, people = await rig.kept(), rig.pagerduty.people
    assert (kept.acknowledged_by, kept.rounds) in (("ana", 1), ("ben", 1))
    for body in (*reversed(people.bodies), *people.bodies):
        assert await rig.post(body, people.sign(body)) == 202
    assert await rig.kept() == kept


async def test_a_secret_that_is_being_changed_still_proves_who_calls(rig: Rig) -> None:
    rig.pagerduty.people.secrets = ("the-next-one", DEMO_WEBHOOK_SECRET)
    rig.pagerduty.acknowledge(rig.key)
    assert await rig.pagerduty.people.told() == [202]


async def test_a_stranger_is_refused_and_changes_nothing(rig: Rig) -> None:
    rig.pagerduty.people.secrets = ("guessed",)
    rig.pagerduty.acknowledge(rig.key)
    assert await rig.pagerduty.people.told() == [401]
    assert (await rig.kept()).acknowledged_at is None


async def test_a_channel_without_a_secret_takes_nothing_and_neither_does_one_that_is_not_there(rig: Rig) -> None:
    body = b"{}"
    headers = rig.pagerduty.people.sign(body)
    assert await rig.post(body, headers, channel="ops") == 404
    rig.configure(webhook_secret=None)
    assert await rig.post(body, headers) == 404


async def test_a_body_beyond_what_pagerduty_sends_is_not_read(rig: Rig) -> None:
    body = b" " * (MAX_WEBHOOK + 1)
    assert await rig.post(body, rig.pagerduty.people.sign(body)) == 413


async def test_without_a_store_pagerduty_is_asked_to_call_again(rig: Rig) -> None:
    rig.pagerduty.acknowledge(rig.key)
    await rig.pagerduty.people.told()
    [body] = rig.pagerduty.people.bodies
    rig.web.store = None
    assert await rig.post(body, rig.pagerduty.people.sign(body)) == 503


async def test_a_webhook_without_a_key_makes_us_ask_at_once(rig: Rig) -> None:
    await rig.reports.step()
    rig.pagerduty.people.keyless = True
    rig.pagerduty.acknowledge(rig.key, by="ana")
    assert await rig.pagerduty.people.told() == [202]
    assert (await rig.kept()).acknowledged_at is None
    await rig.reports.step()
    assert (await rig.kept()).acknowledged_by == "ana"


async def test_a_webhook_without_a_key_and_nobody_to_ask_is_told_in_the_log(rig: Rig) -> None:
    rig.configure(api_token=None)
    rig.pagerduty.people.keyless = True
    with capture_logs() as logs:
        rig.pagerduty.acknowledge(rig.key)
        assert await rig.pagerduty.people.told() == [202]
    assert [line["event"] for line in logs] == ["pagerduty.keyless"]


# -- we ask ------------------------------------------------------------------------------------------------------------


async def test_what_was_done_is_found_within_a_minute_and_taken_over_once(rig: Rig) -> None:
    rig.pagerduty.people.webhook_url = ""
    assert await rig.reports.step() == 60
    rig.pagerduty.resolve(rig.key, by="ana")
    await rig.reports.step()
    assert (await rig.kept()).acknowledged_at is None
    rig.clock.advance(60)
    await rig.reports.step()
    kept = await rig.kept()
    assert (kept.acknowledged_by, kept.rounds) == ("ana", 1)
    rig.clock.advance(60)
    await rig.reports.step()
    assert await rig.kept() == kept
    assert rig.pagerduty.people.asked == [rig.key, rig.key]


async def test_a_question_that_fails_ends_the_round_and_is_counted(rig: Rig) -> None:
    rig.pagerduty.faults.next(server_error())
    with capture_logs() as logs:
        assert await rig.reports.step() == 60
    assert [line["event"] for line in logs] == ["pagerduty.unread"]
    assert DEMO_API_TOKEN not in str(logs)
    assert rig.live.metrics.read_back_failures.labels("oncall")._value.get() == 1


async def test_patience_that_pagerduty_asks_for_is_had(rig: Rig) -> None:
    rig.pagerduty.faults.next(throttled(300))
    assert await rig.reports.step() == 300


async def test_pagerduty_that_does_not_answer_is_not_waited_for_once_per_incident(rig: Rig) -> None:
    rig.doors = Doors(rig.http, rig.doors.aws, 0.05)
    rig.configure()
    rig.pagerduty.faults.always(hang())
    assert await rig.reports.step() == 60


async def test_a_channel_without_a_token_is_not_asked_about(rig: Rig) -> None:
    rig.configure(api_token=None)
    await rig.reports.step()
    assert rig.pagerduty.people.asked == []
