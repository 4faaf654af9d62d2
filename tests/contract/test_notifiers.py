"""Every notifier through the same scenarios: what each failure means, and what never leaves."""

from __future__ import annotations

import logging
import traceback
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from tests.support.clock import ManualClock
from tests.support.deliveries import a_delivery, nasty_notices
from tests.support.sns_endpoint import TOPIC, SnsEndpoint
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import Failing, Fault, hang, refused, reset, server_error, slow, throttled
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.demo.slack import DEMO_TOKEN, SlackServer
from watchtower.errors import Ambiguous, DeliveryError, Rejected
from watchtower.model import Delivery, Event
from watchtower.notifiers.base import Doors, Informant, Notifier
from watchtower.notifiers.table import NOTIFIERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from watchtower.demo.loopback import LoopbackVendor

#: Seconds a request may take in these tests; the loopback answers in milliseconds.
SHORT = 0.3
#: Real seconds nothing here should need, however busy the machine is.
PATIENT = 20.0


@dataclass
class Rig:
    """A notifier and the vendor it talks to; the impatient one has the vendor's silence for its subject."""

    notifier: Notifier
    impatient: Notifier
    vendor: LoopbackVendor
    secret: str
    permanent: str

    async def failure(self, fault: Fault, delivery: Delivery | None = None) -> DeliveryError:
        self.vendor.faults.next(fault)
        silent = fault.kind in (Failing.HANG, Failing.SLOW)
        with pytest.raises(DeliveryError) as caught:
            await (self.impatient if silent else self.notifier).send(delivery or a_delivery())
        return caught.value


@dataclass
class Kind:
    """How to set one up."""

    vendor: Callable[[ManualClock], LoopbackVendor]
    config: Callable[[LoopbackVendor], dict[str, object]]
    secret: Callable[[LoopbackVendor], str]
    permanent: str


def _slack(vendor: LoopbackVendor) -> SlackServer:
    assert isinstance(vendor, SlackServer)
    return vendor


def _quick_slack(clock: ManualClock) -> SlackServer:
    return SlackServer(clock, pace=None)


KINDS = {
    "pagerduty": Kind(
        PagerDutyServer,
        lambda vendor: {"type": "pagerduty", "routing_key": {"env": "WT_SECRET"}, "api_url": vendor.origin},
        lambda _: DEMO_KEY,
        "Event object is invalid",
    ),
    "slack": Kind(
        _quick_slack,
        lambda vendor: {
            "type": "slack",
            "token": {"env": "WT_SECRET"},
            "channel": "#ops",
            "api_url": _slack(vendor).url,
        },
        lambda _: DEMO_TOKEN,
        "channel_not_found",
    ),
    "slack-webhook": Kind(
        _quick_slack,
        lambda _: {"type": "slack", "webhook_url": {"env": "WT_SECRET"}},
        lambda vendor: _slack(vendor).webhook_url,
        "invalid_payload",
    ),
    "sns": Kind(
        SnsEndpoint,
        lambda vendor: {"type": "sns", "topic_arn": TOPIC, "api_url": vendor.origin},
        lambda _: "testing-secret-access-key",
        "InvalidParameter: bad",
    ),
}


@pytest_asyncio.fixture(params=KINDS, name="rig")
async def make_rig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    kind = KINDS[request.param]
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(kind.vendor(ManualClock()))
        secret = kind.secret(vendor)
        monkeypatch.setenv("WT_SECRET", secret)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret-access-key")
        http = await stack.enter_async_context(aiohttp.ClientSession())
        aws = AwsClients(AwsConfig())
        stack.push_async_callback(aws.close)
        if request.param == "sns":
            await aws.sns("eu-west-1", vendor.origin)  # making a client takes the SDK longer than SHORT
        written = kind.config(vendor)
        spec = NOTIFIERS[str(written["type"])]
        config = spec.config.model_validate(written)
        patient, impatient = (spec.build("ops", config, Doors(http, aws, timeout)) for timeout in (PATIENT, SHORT))
        yield Rig(patient, impatient, vendor, secret, kind.permanent)


@pytest.mark.parametrize("event", Event)
async def test_every_event_is_accepted_by_the_strict_vendor(rig: Rig, event: Event) -> None:
    await rig.notifier.send(a_delivery(event=event))
    assert [one.outcome for one in rig.vendor.requests] == ["ok"]


async def test_late_evidence_says_that_nothing_began_and_never_goes_to_a_pager(rig: Rig) -> None:
    takes = rig.notifier.traits.kind != "pagerduty"
    assert (isinstance(rig.notifier, Informant), rig.notifier.traits.follow_ups) == (takes, takes)
    if not isinstance(rig.notifier, Informant):
        return
    page = await rig.notifier.send(a_delivery())
    evidence = a_delivery(2, Event.EVIDENCE, ref=page.ref)
    shown = replace(evidence.notice.members[0], evidence=("CRITICAL no rooms",))
    told = replace(evidence.notice, members=(shown,), label="no new alert")
    await rig.notifier.follow_ups.send(replace(evidence, notice=told))
    [_, said] = rig.vendor.requests
    text = str(said.payload)
    assert said.outcome == "ok"
    assert "EVIDENCE (no new alert)" in text
    assert "CRITICAL no rooms" in text
    assert "FIRING" not in text


async def test_a_permanent_refusal_is_rejected_for_good(rig: Rig) -> None:
    error = await rig.failure(refused(rig.permanent))
    assert isinstance(error, Rejected)
    assert error.permanent


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_client_error_is_rejected_for_good(rig: Rig, status: int) -> None:
    error = await rig.failure(server_error(status))
    assert isinstance(error, Rejected)
    assert error.permanent


async def test_a_throttled_request_is_rejected_for_now_and_says_how_long(rig: Rig) -> None:
    error = await rig.failure(throttled(17))
    assert isinstance(error, Rejected)
    assert not error.permanent
    assert error.retry_after == (17 if rig.notifier.traits.kind != "sns" else 1)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_is_ambiguous(rig: Rig, status: int) -> None:
    assert isinstance(await rig.failure(server_error(status)), Ambiguous)


@pytest.mark.parametrize("acted", [False, True])
async def test_no_answer_in_time_is_ambiguous_whether_the_vendor_acted_or_not(rig: Rig, acted: bool) -> None:
    assert isinstance(await rig.failure(hang(acted=acted)), Ambiguous)


@pytest.mark.parametrize("acted", [False, True])
async def test_a_lost_connection_is_ambiguous_whether_the_vendor_acted_or_not(rig: Rig, acted: bool) -> None:
    assert isinstance(await rig.failure(reset(acted=acted)), Ambiguous)


async def test_an_answer_later_than_the_timeout_is_ambiguous(rig: Rig) -> None:
    assert isinstance(await rig.failure(slow(60)), Ambiguous)


async def test_a_refused_connection_is_rejected_for_now(rig: Rig) -> None:
    await rig.vendor.stop()
    with pytest.raises(Rejected) as caught:
        await rig.notifier.send(a_delivery())
    assert not caught.value.permanent


async def test_a_vendor_that_returns_takes_what_it_missed(rig: Rig) -> None:
    await rig.vendor.stop()
    with pytest.raises(Rejected):
        await rig.notifier.send(a_delivery())
    await rig.vendor.start()
    await rig.notifier.send(a_delivery())
    assert [one.outcome for one in rig.vendor.requests] == ["ok"]


async def test_one_send_is_one_request_however_it_fails(rig: Rig) -> None:
    """A client library that repeats by itself posts twice where the first one arrived."""
    await rig.failure(reset(acted=True))
    assert len(rig.vendor.requests) == 1


@pytest.mark.parametrize("event", [Event.TRIGGER, Event.RESOLVE])
async def test_nothing_an_alert_may_carry_is_refused(rig: Rig, event: Event) -> None:
    for notice in nasty_notices().values():
        await rig.notifier.send(a_delivery(event=event, notice=replace(notice, event=event)))
    assert {one.outcome for one in rig.vendor.requests} == {"ok"}


async def test_a_secret_shows_in_no_error_and_no_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    faults = [
        server_error(), throttled(1), hang(), reset(), refused(f"invalid: {rig.secret}"), server_error(302),
    ]  # fmt: skip
    shown = [repr(rig.notifier), repr(rig.notifier.traits)]
    for fault in faults:
        error = await rig.failure(fault)
        shown += [str(error), repr(error), error.detail, *traceback.format_exception(error)]
    await rig.vendor.stop()
    with pytest.raises(DeliveryError) as caught:
        await rig.notifier.send(a_delivery())
    shown += traceback.format_exception(caught.value)
    shown += [record.getMessage() for record in caplog.records if not record.name.startswith("botocore.")]
    assert not [text for text in shown if rig.secret in text or rig.secret.rpartition("/")[2] in text]


async def test_a_channel_knows_what_it_is(rig: Rig) -> None:
    traits = rig.notifier.traits
    assert traits.name == "ops"
    assert traits.destination.startswith((f"{traits.kind}:", f"{traits.kind}-webhook:"))


async def test_looking_for_a_delivery_that_was_never_sent_finds_nothing(rig: Rig) -> None:
    assert await rig.notifier.find(a_delivery()) is None
