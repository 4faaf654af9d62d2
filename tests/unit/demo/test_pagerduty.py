"""The simulator is trusted by the crash tests, so it is held to PagerDuty's own words here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.clock import ManualClock
from watchtower.demo.faults import hang, refused, reset, server_error, slow, strayed, throttled
from watchtower.demo.pagerduty import DEMO_KEY, EVENTS_PER_MINUTE, PagerDutyServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OTHER_KEY = "f" * 32
PAYLOAD = {"summary": "it burns", "source": "prod", "severity": "critical"}


class Caller:
    """Posts events and tells the status."""

    def __init__(self, server: PagerDutyServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    async def __call__(self, action: str = "trigger", key: str | None = "k", **changes: Any) -> int:
        event: dict[str, Any] = {"routing_key": DEMO_KEY, "event_action": action, **changes}
        if key is not None:
            event["dedup_key"] = key
        if action == "trigger":
            event.setdefault("payload", PAYLOAD)
        async with self.session.post(f"{self.server.url}/v2/enqueue", json=event) as answer:
            return answer.status


@pytest.fixture
async def server() -> AsyncIterator[PagerDutyServer]:
    async with PagerDutyServer(ManualClock(), keys=(DEMO_KEY, OTHER_KEY)) as running:
        yield running


@pytest.fixture
async def call(server: PagerDutyServer) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        yield Caller(server, session)


async def test_a_trigger_on_a_new_key_opens_an_incident_and_rings(call: Caller, server: PagerDutyServer) -> None:
    assert await call() == 202
    assert [one.state for one in server.of("k")] == ["triggered"]
    assert server.phones_rung == 1


async def test_a_trigger_on_an_open_key_is_a_log_entry(call: Caller, server: PagerDutyServer) -> None:
    await call()
    await call()
    [incident] = server.incidents
    assert (incident.rang, len(incident.log)) == (1, 1)


async def test_a_trigger_on_an_acknowledged_key_rings_nothing(call: Caller, server: PagerDutyServer) -> None:
    await call()
    server.acknowledge("k")
    await call()
    assert server.phones_rung == 1
    assert server.incidents[0].state == "acknowledged"


async def test_a_trigger_after_the_resolve_is_a_second_page(call: Caller, server: PagerDutyServer) -> None:
    await call()
    await call("resolve")
    await call()
    assert [one.state for one in server.of("k")] == ["resolved", "triggered"]
    assert server.phones_rung == 2


async def test_a_trigger_after_somebody_resolved_by_hand_is_a_second_page(
    call: Caller, server: PagerDutyServer
) -> None:
    await call()
    server.resolve("k")
    await call()
    assert server.phones_rung == 2


async def test_an_acknowledgement_over_the_api_counts_like_one_by_hand(call: Caller, server: PagerDutyServer) -> None:
    await call()
    assert await call("acknowledge") == 202
    assert server.incidents[0].state == "acknowledged"


async def test_a_resolve_without_an_incident_is_accepted_and_dropped(call: Caller, server: PagerDutyServer) -> None:
    assert await call("resolve") == 202
    assert server.incidents == []


async def test_a_resolve_through_another_routing_key_closes_nothing(call: Caller, server: PagerDutyServer) -> None:
    await call()
    assert await call("resolve", routing_key=OTHER_KEY) == 202
    assert server.incidents[0].open


async def test_nobody_can_take_an_incident_that_is_not_open(server: PagerDutyServer) -> None:
    with pytest.raises(LookupError):
        server.acknowledge("k")


@pytest.mark.parametrize(
    "wrong",
    [
        {"routing_key": "short"},
        {"routing_key": "e" * 32},
        {"key": "d" * 256},
        {"key": ""},
        {"payload": None},
        {"payload": {**PAYLOAD, "summary": "x" * 1025}},
        {"payload": {**PAYLOAD, "summary": ""}},
        {"payload": {**PAYLOAD, "severity": "fatal"}},
        {"payload": {**PAYLOAD, "timestamp": "yesterday"}},
        {"payload": {**PAYLOAD, "timestamp": "2026-01-05T00:00:00"}},
        {"payload": {**PAYLOAD, "class": 5}},
        {"payload": {**PAYLOAD, "klass": "x"}},
        {"payload": {**PAYLOAD, "custom_details": {"text": "x" * 600_000}}},
        {"payload": {"summary": "no source", "severity": "info"}},
        {"links": [{"text": "nowhere"}]},
        {"links": "https://example.com"},
        {"images": [{"src": "http://example.com/graph.png"}]},
        {"images": "none"},
        {"colour": "red"},
        {"action": "explode"},
        {"action": "resolve", "key": None},
    ],
)
async def test_an_event_pagerduty_would_refuse_is_refused(
    call: Caller, server: PagerDutyServer, wrong: dict[str, Any]
) -> None:
    assert await call(**wrong) == 400
    assert server.incidents == []


async def test_a_trigger_without_a_key_is_given_one(call: Caller, server: PagerDutyServer) -> None:
    assert await call(key=None) == 202
    assert server.incidents[0].key


async def test_a_body_that_is_no_event_is_refused(call: Caller, server: PagerDutyServer) -> None:
    for body in (b"{", b"[]"):
        async with call.session.post(f"{server.url}/v2/enqueue", data=body) as answer:
            assert answer.status == 400
    async with call.session.get(f"{server.url}/v2/enqueue") as answer:
        assert answer.status == 404


async def test_a_key_may_send_so_many_events_a_minute_and_another_key_more(
    call: Caller, server: PagerDutyServer
) -> None:
    for _ in range(EVENTS_PER_MINUTE):
        assert await call() == 202
    assert await call() == 429
    assert await call(routing_key=OTHER_KEY) == 202


async def test_the_minute_slides(call: Caller, server: PagerDutyServer) -> None:
    assert isinstance(server.clock, ManualClock)
    server.limit = 1
    assert await call() == 202
    server.clock.advance(59)
    assert await call() == 429
    server.clock.advance(1)
    assert await call() == 202


async def test_a_fault_strikes_as_often_as_asked_and_then_no_more(call: Caller, server: PagerDutyServer) -> None:
    server.faults.next(server_error(502), times=2)
    assert [await call(), await call(), await call()] == [502, 502, 202]
    assert server.faults.struck == 2


async def test_a_fault_lasts_until_it_is_cleared(call: Caller, server: PagerDutyServer) -> None:
    server.faults.always(refused("no"))
    assert [await call() for _ in range(3)] == [400] * 3
    server.faults.clear()
    assert await call() == 202


async def test_faults_come_in_the_order_they_were_asked_for(call: Caller, server: PagerDutyServer) -> None:
    server.faults.next(throttled(5))
    server.faults.next(server_error(500))
    assert [await call(), await call()] == [429, 500]


async def test_a_fault_for_another_operation_does_not_strike(call: Caller, server: PagerDutyServer) -> None:
    server.faults.next(server_error(operation="chat.update"))
    assert await call() == 202


@pytest.mark.parametrize("acted", [False, True])
async def test_a_reset_may_come_before_or_after_the_incident_was_opened(
    call: Caller, server: PagerDutyServer, acted: bool
) -> None:
    server.faults.next(reset(acted=acted))
    with pytest.raises(aiohttp.ClientConnectionError):
        await call()
    assert len(server.incidents) == acted
    assert [one.acted for one in server.requests] == [acted]


async def test_a_hang_gives_no_answer_until_the_server_stops(call: Caller, server: PagerDutyServer) -> None:
    server.faults.next(hang(acted=True))
    waiting = asyncio.ensure_future(call())
    while not server.requests:
        await asyncio.sleep(0.01)
    assert not waiting.done()
    await server.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await waiting
    assert len(server.incidents) == 1


async def test_a_slow_answer_comes_when_the_simulators_clock_says(call: Caller, server: PagerDutyServer) -> None:
    assert isinstance(server.clock, ManualClock)
    server.faults.next(slow(30))
    waiting = asyncio.ensure_future(call())
    while not server.faults.struck:
        await asyncio.sleep(0.01)
    assert not waiting.done()
    server.clock.advance(30)
    assert await waiting == 202


async def test_a_server_that_was_down_comes_back_with_what_it_knew(call: Caller, server: PagerDutyServer) -> None:
    await call()
    await server.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await call()
    await server.start()
    await call()
    assert server.phones_rung == 1


async def test_a_request_that_strayed_is_done_when_nobody_expects_it(call: Caller, server: PagerDutyServer) -> None:
    server.faults.next(strayed(30))
    with pytest.raises(aiohttp.ClientError):
        await call()
    await call("resolve")
    assert server.incidents == []
    assert isinstance(server.clock, ManualClock)
    server.clock.advance(30)
    while not server.incidents:
        await asyncio.sleep(0)
    assert [one.state for one in server.of("k")] == ["triggered"]
    await call("resolve")
    assert [one.state for one in server.of("k")] == ["resolved"]
