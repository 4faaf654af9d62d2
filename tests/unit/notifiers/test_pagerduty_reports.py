"""What PagerDuty tells of people, and how we know that it is PagerDuty who tells."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest

from tests.support.clock import START, ManualClock
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import server_error
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyIncident, PagerDutyServer
from watchtower.demo.pagerduty_people import DEMO_API_TOKEN, QUESTIONS_PER_MINUTE
from watchtower.errors import Ambiguous, Rejected
from watchtower.incidents.reports import Deed, Report
from watchtower.notifiers.base import Doors
from watchtower.notifiers.pagerduty_config import REST, REST_EU, PagerDutyConfig
from watchtower.notifiers.pagerduty_reports import SIGNATURE, Keyless, PagerDutyRest, person, read, signed
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = Secret("whsec")
ANA = {"id": "PANA", "summary": "Ana", "type": "user_reference"}


def signature(body: bytes, secret: str = "whsec") -> str:
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("header", "is_theirs"),
    [
        (signature(b"{}"), True),
        (f"{signature(b'{}', 'old')},{signature(b'{}')}", True),
        (f"{signature(b'{}')}, {signature(b'{}', 'new')}", True),
        (signature(b"{ }"), False),
        (signature(b"{}", "another"), False),
        (signature(b"{}").replace("v1=", "v0="), False),
        (signature(b"{}").removeprefix("v1="), False),
        ("v1=", False),
        ("é", False),
        ("", False),
    ],
)
def test_any_signature_of_the_body_with_the_secret_proves_it(header: str, is_theirs: bool) -> None:
    assert signed(SECRET, b"{}", {SIGNATURE: header} if header else {}) is is_theirs


def test_a_header_full_of_signatures_is_not_read_to_its_end() -> None:
    assert not signed(SECRET, b"{}", {SIGNATURE: ",".join([*["v1=0"] * 10, signature(b"{}")])})


def webhook(kind: str = "incident.acknowledged", agent: Any = ANA, **data: Any) -> bytes:
    told = {"event_type": kind, "agent": agent, "data": {"incident_key": "k", **data}}
    return orjson.dumps({"event": told})


def test_an_acknowledgement_and_a_close_say_under_which_key_and_by_whom() -> None:
    assert read(webhook()) == Report("k", Deed.ACKNOWLEDGED, "Ana")
    assert read(webhook("incident.resolved")) == Report("k", Deed.RESOLVED, "Ana")


@pytest.mark.parametrize("kind", ["incident.unacknowledged", "incident.reassigned", "incident.triggered", "pagey.ping"])
def test_other_events_say_nothing_to_us(kind: str) -> None:
    assert read(webhook(kind)) is None


@pytest.mark.parametrize("key", [None, "", 7])
def test_an_incident_without_its_key_has_to_be_asked_for(key: object) -> None:
    assert read(webhook(incident_key=key)) == Keyless()


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"event": []}', b'{"event": {"event_type": []}}'])
def test_what_cannot_be_read_says_nothing(body: bytes) -> None:
    assert read(body) is None


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (ANA, "Ana"),
        ({"type": "user", "id": "PANA"}, "PANA"),
        ({"type": "user_reference"}, "somebody"),
        ({"type": "user_reference", "summary": "A\nB" + "x" * 500}, "A B" + "x" * 196 + "…"),
        ({"type": "inbound_integration_reference", "summary": "watchtower"}, ""),
        ({"type": "service_reference", "summary": "shop"}, ""),
        (None, ""),
    ],
)
def test_only_a_user_is_a_person(agent: object, name: str) -> None:
    assert person(agent) == name


@pytest.mark.parametrize(
    ("given", "rest"),
    [
        ({}, REST),
        ({"api_url": "https://events.eu.pagerduty.com"}, REST_EU),
        ({"rest_url": "https://pd.example.com/"}, "https://pd.example.com"),
    ],
)
def test_the_rest_api_is_that_of_the_region(given: dict[str, str], rest: str) -> None:
    config = {"type": "pagerduty", "routing_key": Secret("k" * 32), **given}
    assert PagerDutyConfig.model_validate(config).rest == rest


# -- asking ------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def server() -> AsyncIterator[PagerDutyServer]:
    async with PagerDutyServer(ManualClock()) as running:
        running.incidents.append(PagerDutyIncident(DEMO_KEY, "k", "it burns", "critical", START))
        yield running


@pytest.fixture
async def rest(server: PagerDutyServer) -> AsyncIterator[PagerDutyRest]:
    async with aiohttp.ClientSession() as session:
        yield PagerDutyRest(Secret(DEMO_API_TOKEN), server.url, Doors(session, AwsClients(AwsConfig()), 2.0))


async def test_what_nobody_has_touched_has_no_report(rest: PagerDutyRest) -> None:
    assert await rest.look("k") is None
    assert await rest.look("unknown") is None


async def test_who_acknowledged_and_who_closed_is_told(rest: PagerDutyRest, server: PagerDutyServer) -> None:
    server.acknowledge("k", by="Ana")
    assert await rest.look("k") == Report("k", Deed.ACKNOWLEDGED, "Ana")
    server.resolve("k", by="Ben")
    assert await rest.look("k") == Report("k", Deed.RESOLVED, "Ben")


async def test_an_incident_that_was_opened_after_one_was_closed_is_the_one_that_counts(
    rest: PagerDutyRest, server: PagerDutyServer
) -> None:
    server.resolve("k", by="Ben")
    server.incidents.append(PagerDutyIncident(DEMO_KEY, "k", "again", "critical", START.replace(hour=1)))
    assert await rest.look("k") is None


async def test_a_token_that_is_refused_is_not_shown(rest: PagerDutyRest, server: PagerDutyServer) -> None:
    server.people.api_token = "another"
    with pytest.raises(Rejected, match="401") as caught:
        await rest.look("k")
    assert DEMO_API_TOKEN not in caught.value.detail


async def test_too_many_questions_are_answered_with_patience(rest: PagerDutyRest, server: PagerDutyServer) -> None:
    server.people._times.extend([0.0] * QUESTIONS_PER_MINUTE)
    with pytest.raises(Rejected) as caught:
        await rest.look("k")
    assert caught.value.retry_after == 60


async def test_an_answer_that_is_none_raises(rest: PagerDutyRest, server: PagerDutyServer) -> None:
    server.faults.next(server_error())
    with pytest.raises(Ambiguous):
        await rest.look("k")
