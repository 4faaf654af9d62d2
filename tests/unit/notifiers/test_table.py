from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from watchtower.notifiers.sns import region
from watchtower.notifiers.table import NOTIFIERS

KEY = "0123456789abcdef0123456789abcdef"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.setenv("SHORT_KEY", "not-a-key")
    monkeypatch.setenv("TOKEN", "xoxb-1")
    monkeypatch.setenv("HOOK", "https://hooks.slack.com/services/T0/B0/abc")
    monkeypatch.setenv("NO_HOOK", "hooks.slack.com/services/T0/B0/abc")


def read(written: dict[str, Any]) -> Any:
    return NOTIFIERS[written["type"]].config.model_validate(written)


def fault(written: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        read(written)
    return "; ".join(error["msg"] for error in caught.value.errors())


def test_every_row_is_found_under_its_own_type() -> None:
    assert {name: spec.type for name, spec in NOTIFIERS.items()} == {
        "pagerduty": "pagerduty",
        "slack": "slack",
        "sns": "sns",
    }


@pytest.mark.parametrize("kind", NOTIFIERS)
def test_every_channel_takes_the_endpoint_it_talks_to(kind: str) -> None:
    assert "api_url" in NOTIFIERS[kind].config.model_fields


def test_the_defaults_are_the_vendors_own_endpoints() -> None:
    assert read({"type": "pagerduty", "routing_key": {"env": "KEY"}}).api_url == "https://events.pagerduty.com"
    slack = read({"type": "slack", "token": {"env": "TOKEN"}, "channel": "#ops"})
    assert slack.api_url == "https://slack.com/api"
    assert read({"type": "sns", "topic_arn": TOPIC}).api_url is None


def test_a_slash_at_the_end_of_an_endpoint_makes_no_difference() -> None:
    written = {"type": "slack", "token": {"env": "TOKEN"}, "channel": "#ops", "api_url": "https://slack.com/api/"}
    assert read(written).api_url == "https://slack.com/api"


def test_a_topic_tells_its_region() -> None:
    topic = read({"type": "sns", "topic_arn": "arn:aws-cn:sns:cn-north-1:111122223333:alerts.fifo"})
    assert region(topic.topic_arn) == "cn-north-1"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            {"type": "pagerduty", "routing_key": {"env": "SHORT_KEY"}},
            "a PagerDuty routing key has 32 characters; the one from env SHORT_KEY has 9",
        ),
        (
            {"type": "slack", "token": {"env": "TOKEN"}, "channel": "#ops", "webhook_url": {"env": "HOOK"}},
            "give token and channel, or webhook_url, not both",
        ),
        ({"type": "slack"}, "slack needs token and channel, or webhook_url"),
        ({"type": "slack", "channel": "#ops"}, "slack needs token and channel, or webhook_url"),
        ({"type": "slack", "token": {"env": "TOKEN"}}, "a Slack token needs the channel to post to"),
        ({"type": "slack", "token": {"env": "TOKEN"}, "channel": "# "}, "channel is a name such as"),
        (
            {"type": "slack", "token": {"env": "TOKEN"}, "channel": "#ops", "app_token": {"env": "TOKEN"}},
            "an app-level token begins with xapp-; the one from env TOKEN does not",
        ),
        (
            {"type": "slack", "token": {"env": "TOKEN"}, "channel": "#ops", "signing_secret": {"env": "SHORT_KEY"}},
            "a signing secret is 32 hexadecimal digits; the one from env SHORT_KEY is not",
        ),
        (
            {"type": "slack", "webhook_url": {"env": "HOOK"}, "signing_secret": {"env": "KEY"}},
            "buttons need a bot: app_token and signing_secret go with token and channel",
        ),
        (
            {"type": "slack", "webhook_url": {"env": "HOOK"}, "mention": "@oncall-team"},
            "mention '@oncall-team' would call nobody; write \"<!here>\"",
        ),
        (
            {"type": "slack", "webhook_url": {"env": "NO_HOOK"}},
            "the webhook_url from env NO_HOOK is not a web address",
        ),
        ({"type": "sns", "topic_arn": "alerts"}, "'alerts' is not a topic's ARN"),
        ({"type": "sns", "topic_arn": TOPIC + ".fifo.x"}, "is not a topic's ARN"),
        ({"type": "sns", "topic_arn": TOPIC, "api_url": "localhost:1"}, "an endpoint is a full address"),
        ({"type": "sns", "topic_arn": TOPIC, "api_url": "http://[::1"}, "an endpoint is a full address"),
        ({"type": "pagerduty", "routing_key": KEY}, "never as a literal"),
    ],
)
def test_a_mistake_is_told_in_a_sentence_without_the_secret(written: dict[str, Any], said: str) -> None:
    told = fault(written)
    assert said in told
    assert "not-a-key" not in told
    assert "abc" not in told


def test_a_key_that_does_not_exist_is_a_fault() -> None:
    assert "Extra inputs" in fault({"type": "sns", "topic_arn": TOPIC, "topik": "x"})


@pytest.mark.parametrize("mention", ["<!here>", "<!channel>", "<!everyone>", "<!subteam^S012AB3CD>", "<@U012AB3CD>"])
def test_whoever_slack_can_call_may_be_mentioned(mention: str) -> None:
    assert read({"type": "slack", "webhook_url": {"env": "HOOK"}, "mention": mention}).mention == mention
