from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.clock import START, ManualClock
from tests.support.deliveries import RUNBOOK, a_delivery, a_member, a_notice
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import reset
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.demo.pagerduty_people import DEMO_API_TOKEN
from watchtower.engine.changes import record
from watchtower.errors import Ambiguous, Rejected
from watchtower.model import Event, Labels, Priority
from watchtower.notifiers.base import Bulletin, Doors, Pace
from watchtower.notifiers.pagerduty import PagerDuty, payload
from watchtower.notifiers.pagerduty_config import PagerDutyConfig
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def server() -> AsyncIterator[PagerDutyServer]:
    async with PagerDutyServer(ManualClock()) as running:
        yield running


@pytest.fixture
async def oncall(server: PagerDutyServer) -> AsyncIterator[PagerDuty]:
    config = PagerDutyConfig(
        type="pagerduty", routing_key=Secret(DEMO_KEY), api_url=server.url, client_url="https://watchtower.example.com"
    )
    async with aiohttp.ClientSession() as session:
        yield PagerDuty("oncall", config, Doors(session, AwsClients(AwsConfig()), 2.0))


def details(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = payload(a_delivery(notice=a_notice(**changes)))["payload"]
    return found


def test_the_event_says_what_where_how_bad_and_where_to_read_on() -> None:
    event = payload(a_delivery())
    custom = event["payload"].pop("custom_details")
    assert event == {
        "event_action": "trigger",
        "dedup_key": "wt:store-1:inc-1:P2",
        "payload": {
            "summary": "P2 FIRING · RdsCpuHigh: db-1: CPU at 96.2 %",
            "source": "prod/eu-west-1",
            "severity": "error",
            "timestamp": "2026-01-05T00:02:00+00:00",
            "component": "database",
            "group": "rds",
            "class": "RdsCpuHigh",
        },
        "links": [{"href": RUNBOOK, "text": "Runbook"}],
    }
    assert custom["members"][0]["value"] == 96.2


@pytest.mark.parametrize(
    ("tier", "severity"),
    [
        (Priority.P1, "critical"),
        (Priority.P2, "error"),
        (Priority.P3, "warning"),
        (Priority.P4, "info"),
        (Priority.P5, "info"),
    ],
)
def test_severity_follows_the_tier(tier: Priority, severity: str) -> None:
    assert details(tier=tier)["severity"] == severity


def test_a_probe_is_affected_where_its_target_is() -> None:
    member = a_member(labels=Labels({"target": "www.example.com"}))
    assert details(members=(member,))["source"] == "www.example.com"


def test_an_incident_without_a_place_is_affected_in_its_environment() -> None:
    assert details(group_labels=Labels({}))["source"] == "production"


def test_a_summary_is_cut_where_pagerduty_would_refuse_it() -> None:
    assert len(details(title="x" * 5000)["summary"]) <= 1024


def test_a_resolve_is_the_key_alone() -> None:
    assert payload(a_delivery(event=Event.RESOLVE)) == {
        "event_action": "resolve",
        "dedup_key": "wt:store-1:inc-1:P2",
    }


def test_an_acknowledgement_is_the_key_alone() -> None:
    assert payload(a_delivery(event=Event.ACKNOWLEDGE)) == {
        "event_action": "acknowledge",
        "dedup_key": "wt:store-1:inc-1:P2",
    }


async def test_an_acknowledged_incident_rings_no_more(oncall: PagerDuty, server: PagerDutyServer) -> None:
    await oncall.send(a_delivery())
    await oncall.send(a_delivery(2, Event.ACKNOWLEDGE))
    await oncall.send(a_delivery(3))
    [incident] = server.incidents
    assert (incident.state, incident.rang) == ("acknowledged", 1)


@pytest.mark.parametrize("event", [Event.TRIGGER, Event.UPDATE, Event.REPEAT, Event.ESCALATION])
def test_whatever_is_not_a_resolve_is_a_trigger(event: Event) -> None:
    assert payload(a_delivery(event=event))["event_action"] == "trigger"


async def test_a_page_opens_one_incident_and_its_resolve_closes_it(oncall: PagerDuty, server: PagerDutyServer) -> None:
    receipt = await oncall.send(a_delivery())
    assert receipt.ref is None
    await oncall.send(a_delivery(2, Event.RESOLVE))
    [incident] = server.incidents
    assert (incident.state, incident.rang) == ("resolved", 1)


async def test_an_event_names_its_client(oncall: PagerDuty, server: PagerDutyServer) -> None:
    await oncall.send(a_delivery())
    event = server.requests[0].payload
    assert (event["client"], event["client_url"]) == ("watchtower", "https://watchtower.example.com")


async def test_sending_an_unanswered_trigger_again_rings_no_second_time(
    oncall: PagerDuty, server: PagerDutyServer
) -> None:
    server.faults.next(reset(acted=True))
    with pytest.raises(Ambiguous):
        await oncall.send(a_delivery())
    assert await oncall.find(a_delivery()) is None
    await oncall.send(a_delivery())
    assert (len(server.incidents), server.phones_rung) == (1, 1)


@pytest.fixture
async def asking(server: PagerDutyServer) -> AsyncIterator[PagerDuty]:
    """A channel that may ask what PagerDuty has, and whose first page was left without an answer."""
    token, url = Secret(DEMO_API_TOKEN), server.url
    config = PagerDutyConfig(type="pagerduty", routing_key=Secret(DEMO_KEY), api_url=url, api_token=token, rest_url=url)
    server.faults.next(reset(acted=True))
    async with aiohttp.ClientSession() as session:
        made = PagerDuty("oncall", config, Doors(session, AwsClients(AwsConfig()), 2.0))
        with pytest.raises(Ambiguous):
            await made.send(a_delivery())
        yield made


async def test_a_page_that_is_found_there_is_not_sent_again_even_if_somebody_closed_it(
    asking: PagerDuty, server: PagerDutyServer
) -> None:
    assert await asking.find(a_delivery()) is not None
    server.resolve(a_delivery().dedup_key, by="ana")
    assert await asking.find(a_delivery()) is not None
    assert await asking.find(replace(a_delivery(), dedup_key="another")) is None


async def test_a_key_that_two_services_may_have_and_what_is_no_page_are_sent_again(asking: PagerDuty) -> None:
    assert await asking.find(replace(a_delivery(), shared=True)) is None
    assert await asking.find(replace(a_delivery(), event=Event.UPDATE)) is None
    assert await asking.find(replace(a_delivery(), event=Event.RESOLVE)) is None


async def test_a_question_that_fails_keeps_no_page_back(asking: PagerDuty, server: PagerDutyServer) -> None:
    server.people.api_token = "another"
    assert await asking.find(a_delivery()) is None


async def test_more_events_than_the_key_may_send_wait_for_a_minute(oncall: PagerDuty, server: PagerDutyServer) -> None:
    server.limit = 1
    await oncall.send(a_delivery())
    with pytest.raises(Rejected) as caught:
        await oncall.send(a_delivery(2))
    assert (caught.value.permanent, caught.value.retry_after) == (False, 60)


def test_a_channel_is_told_apart_by_its_key_without_showing_it(oncall: PagerDuty) -> None:
    traits = oncall.traits
    assert traits.destination == f"pagerduty:{Secret(DEMO_KEY).digest}"
    assert (traits.keyed_by_tier, traits.takes_updates) == (True, False)


def test_links_lead_to_the_runbook_the_console_and_wherever_an_annotation_points() -> None:
    annotations = Labels(
        {"dashboard": "https://grafana.example.com/d/1", "note": "see the wiki", "long": "https://" + "x" * 500}
    )
    notice = a_notice(members=(a_member(annotations=annotations),))
    links = payload(a_delivery(notice=notice), "https://watchtower.example.com")["links"]
    assert [(link["text"], link["href"]) for link in links] == [
        ("Runbook", RUNBOOK),
        ("Console", "https://watchtower.example.com"),
        ("Dashboard", "https://grafana.example.com/d/1"),
    ]


def test_the_evidence_goes_along() -> None:
    notice = a_notice(members=(a_member(evidence=("ERROR one", "ERROR two")),))
    assert payload(a_delivery(notice=notice))["payload"]["custom_details"]["evidence"] == ["ERROR one", "ERROR two"]


BULLETIN = Bulletin("the store is unreachable", "watchtower/test", START, {"error": "disk full"})


async def test_a_direct_ring_opens_one_incident_however_often_it_is_sent_and_its_end_closes_it(
    oncall: PagerDuty, server: PagerDutyServer
) -> None:
    await oncall.ring("wt:store:test", BULLETIN)
    await oncall.ring("wt:store:test", BULLETIN)
    [incident] = server.of("wt:store:test")
    assert (incident.severity, incident.rang, incident.open) == ("critical", 1, True)

    await oncall.over("wt:store:test")
    assert not incident.open


async def test_the_end_of_what_never_rang_is_dropped(oncall: PagerDuty, server: PagerDutyServer) -> None:
    await oncall.over("wt:store:test")
    assert server.incidents == []


async def test_a_change_is_recorded_and_calls_nobody(oncall: PagerDuty, server: PagerDutyServer) -> None:
    await oncall.record(BULLETIN)
    [change] = server.changes
    assert (change["summary"], change["custom_details"]) == ("the store is unreachable", {"error": "disk full"})
    assert server.phones_rung == 0


@pytest.mark.parametrize("event", [Event.TRIGGER, Event.RESOLVE, Event.ACKNOWLEDGE])
def test_every_event_counts_against_the_120_a_minute_of_a_key(oncall: PagerDuty, event: Event) -> None:
    assert oncall.pace(a_delivery(event=event)) == Pace(120, 60.0)


@pytest.mark.parametrize("wanted", [True, False])
async def test_changes_are_recorded_where_the_channel_asks_for_them(wanted: bool, server: PagerDutyServer) -> None:
    config = PagerDutyConfig(type="pagerduty", routing_key=Secret(DEMO_KEY), api_url=server.url, change_events=wanted)
    async with aiohttp.ClientSession() as session:
        channel = PagerDuty("oncall", config, Doors(session, AwsClients(AwsConfig()), 2.0))
        await record({"oncall": channel}, BULLETIN)
    assert len(server.changes) == int(wanted)
