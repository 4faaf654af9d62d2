"""Canaries find out that a way to a vendor is broken before somebody must be called over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.support.clock import START, ManualClock
from tests.support.sns_endpoint import TOPIC, SnsEndpoint
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import refused, server_error, throttled
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer
from watchtower.demo.slack import DEMO_TOKEN, SlackServer
from watchtower.engine.canaries import Canaries
from watchtower.engine.undelivered import channel_concerns, unheard
from watchtower.live import Live
from watchtower.live.canary import CanaryHealth
from watchtower.model import Priority
from watchtower.notifiers.base import Bulletin, Doors
from watchtower.notifiers.canary import song
from watchtower.notifiers.pagerduty_config import PagerDutyConfig
from watchtower.notifiers.slack_config import SlackConfig
from watchtower.notifiers.sns import SnsConfig
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OWN_KEY = "c" * 32
HOUR = 3600.0
ONCALL: dict[str, Any] = {"type": "pagerduty", "routing_key": Secret(DEMO_KEY)}
OPS: dict[str, Any] = {"type": "slack", "token": Secret(DEMO_TOKEN), "channel": "#ops"}
AUDIT: dict[str, Any] = {"type": "sns", "topic_arn": TOPIC}


@dataclass
class Rig:
    canaries: Canaries
    live: Live
    clock: ManualClock
    doors: Doors
    pagerduty: PagerDutyServer
    slack: SlackServer

    def oncall(self, **canary: Any) -> None:
        config = {**ONCALL, "api_url": self.pagerduty.url, "canary": {"every": "1h", **canary}}
        self.canaries.configure({"oncall": PagerDutyConfig.model_validate(config)}, self.doors)

    def ops(self) -> None:
        config = {**OPS, "api_url": self.slack.url, "canary": {"every": "1h", "channel": "#audit"}}
        self.canaries.configure({"ops": SlackConfig.model_validate(config)}, self.doors)

    async def later(self, seconds: float) -> float:
        self.clock.advance(seconds)
        return await self.canaries.step()

    def metric(self, name: str, channel: str = "oncall") -> float | None:
        return self.live.metrics.registry.get_sample_value(f"watchtower_canary_{name}", {"channel": channel})


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    clock = ManualClock()
    live = Live(clock)
    async with (
        PagerDutyServer(clock, (DEMO_KEY, OWN_KEY)) as pagerduty,
        SlackServer(clock) as slack,
        aiohttp.ClientSession() as http,
    ):
        aws = AwsClients(AwsConfig.model_validate({"accounts": [{"name": "test", "regions": ["eu-west-1"]}]}))
        yield Rig(Canaries(live, clock, "test"), live, clock, Doors(http, aws, 5.0), pagerduty, slack)
        await aws.close()


async def test_a_canary_with_a_key_of_its_own_is_an_incident_that_is_over_at_once(rig: Rig) -> None:
    rig.oncall(routing_key=Secret(OWN_KEY))
    assert await rig.canaries.step() == 60
    assert await rig.later(60) == HOUR
    [incident] = rig.pagerduty.incidents
    assert (incident.routing_key, incident.severity, incident.open) == (OWN_KEY, "info", False)
    await rig.later(HOUR)
    assert len(rig.pagerduty.incidents) == 2


async def test_a_canary_without_a_key_is_a_change_event_which_calls_nobody(rig: Rig) -> None:
    rig.oncall()
    await rig.later(60)
    assert (len(rig.pagerduty.changes), rig.pagerduty.phones_rung) == (1, 0)
    assert rig.pagerduty.changes[0]["summary"] == "Canary of channel oncall (test): nothing is wrong"


async def test_slacks_canary_is_posted_where_nobody_waits_and_deleted(rig: Rig) -> None:
    rig.ops()
    await rig.later(60)
    done = [(one.operation, one.outcome) for one in rig.slack.requests]
    assert done == [("/api/chat.postMessage", "ok"), ("/api/chat.delete", "ok")]
    assert rig.slack.messages == []


async def test_a_canary_that_cannot_be_deleted_has_not_come_back(rig: Rig) -> None:
    rig.ops()
    rig.slack.faults.next(refused("cant_delete_message", operation="/api/chat.delete"))
    await rig.later(60)
    assert rig.live.canaries["ops"].reason == "Slack: cant_delete_message"


async def test_snss_canary_says_so_among_its_attributes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    async with SnsEndpoint(rig.clock) as sns:
        config = {**AUDIT, "api_url": sns.origin, "canary": {"every": "1h", "topic_arn": f"{TOPIC}-canary"}}
        rig.canaries.configure({"audit": SnsConfig.model_validate(config)}, rig.doors)
        await rig.later(60)
        [sent] = sns.published
    assert sent["TopicArn"] == f"{TOPIC}-canary"
    assert sent["MessageAttributes.entry.1.Name"] == "canary"
    assert rig.metric("failures_total", "audit") in (None, 0.0)


def test_a_fifo_topic_takes_each_canary_anew() -> None:
    bulletins = [Bulletin("c", "s", START.replace(hour=hour)) for hour in (1, 2)]
    first, second = (song(f"{TOPIC}.fifo", "wt:canary:test:audit", one) for one in bulletins)
    assert first["MessageGroupId"] == second["MessageGroupId"]
    assert first["MessageDeduplicationId"] != second["MessageDeduplicationId"]


async def test_how_long_it_took_and_when_it_came_back_is_measured(rig: Rig) -> None:
    rig.oncall()
    assert rig.metric("last_success_timestamp_seconds") is None
    await rig.later(60)
    assert rig.metric("round_trip_seconds") == 0
    assert rig.metric("last_success_timestamp_seconds") == rig.clock.now().timestamp()


async def test_one_that_fails_is_sent_again_soon_and_two_in_a_row_are_an_alert(rig: Rig) -> None:
    rig.oncall()
    rig.pagerduty.faults.always(server_error())
    with capture_logs() as logs:
        assert await rig.later(60) == 60
    assert [(line["event"], line["failures"]) for line in logs] == [("canary.failed", 1)]
    assert list(channel_concerns([], {}, START, rig.live.canaries)) == []
    await rig.later(60)
    [concern] = channel_concerns([], {}, START, rig.live.canaries)
    assert (concern.name, concern.priority) == ("WatchtowerDeliveryFailing", Priority.P3)
    assert concern.summary.startswith("channel oncall: its canary did not come back 2 times: PagerDuty answered 503")
    rig.pagerduty.faults.clear()
    assert await rig.later(60) == HOUR
    assert list(channel_concerns([], {}, START, rig.live.canaries)) == []
    assert rig.metric("failures_total") == 2


async def test_a_vendor_that_asks_for_patience_gets_it(rig: Rig) -> None:
    rig.oncall()
    rig.pagerduty.faults.next(throttled(300))
    assert await rig.later(60) == 300


async def test_a_reload_keeps_what_is_known_and_forgets_channels_that_are_gone(rig: Rig) -> None:
    rig.oncall()
    await rig.later(60)
    heard = rig.live.canaries["oncall"]
    rig.oncall()
    assert rig.live.canaries == {"oncall": heard}
    assert await rig.canaries.step() == HOUR
    rig.ops()
    assert list(rig.live.canaries) == ["ops"]


def test_an_alert_about_a_channel_goes_on_until_its_canary_was_heard_of() -> None:
    [key] = unheard({"a": CanaryHealth(), "b": CanaryHealth(failures=2), "c": CanaryHealth(heard_at=START)})
    assert dict(key.identity) == {"channel": "a"}


@pytest.mark.parametrize(
    ("model", "config", "said"),
    [
        (PagerDutyConfig, {**ONCALL, "canary": {"routing_key": Secret(DEMO_KEY)}}, "would call somebody"),
        (PagerDutyConfig, {**ONCALL, "canary": {"routing_key": Secret("short")}}, "has 32 characters"),
        (PagerDutyConfig, {**ONCALL, "canary": {"every": "10s"}}, "too often"),
        (SlackConfig, {**OPS, "canary": {"channel": "#ops"}}, "the channel's own"),
        (SlackConfig, {**OPS, "canary": {"channel": "#"}}, "is a name such as"),
        (
            SlackConfig,
            {"type": "slack", "webhook_url": Secret("https://h.example.com"), "canary": {"channel": "#c"}},
            "a canary needs token and channel",
        ),
        (SnsConfig, {**AUDIT, "canary": {"topic_arn": "alerts"}}, "not a topic's ARN"),
    ],
)
def test_a_canary_that_could_ring_or_not_fly_is_refused(model: Any, config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        model.model_validate(config)
