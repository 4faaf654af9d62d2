"""What Slack says of a click, read without trusting it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchtower.notifiers.slack_clicks import Click, answerable, channel_of, clicks, payload
from watchtower.notifiers.slack_config import SlackConfig
from watchtower.secrets import Secret

ACTION = {"type": "button", "action_id": "watchtower.acknowledge", "value": "inc-1", "action_ts": "17.5"}
TOLD: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1", "username": "ana"},
    "channel": {"id": "C1", "name": "ops"},
    "response_url": "https://hooks.slack.com/actions/T1/2/x",
    "actions": [ACTION],
}


def test_a_click_on_one_of_our_buttons_is_read() -> None:
    body = urlencode({"payload": orjson.dumps(TOLD).decode()}).encode()
    assert clicks(payload(body)) == (
        Click(
            action="watchtower.acknowledge",
            incident_id="inc-1",
            user="ana",
            channel_id="C1",
            channel_name="ops",
            at="17.5",
            answer_to="https://hooks.slack.com/actions/T1/2/x",
        ),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "view_submission"},
        {"actions": "none"},
        {"actions": [None]},
        {"actions": [{**ACTION, "action_id": "watchtower.runbook"}]},
        {"actions": [{**ACTION, "value": ""}]},
        {"actions": [{**ACTION, "value": "x" * 101}]},
        {"actions": [{**ACTION, "value": 7}]},
    ],
)
def test_anything_else_is_none_of_ours(changes: dict[str, Any]) -> None:
    assert clicks({**TOLD, **changes}) == ()


def test_somebody_without_a_name_is_somebody() -> None:
    [click] = clicks({**TOLD, "user": None, "channel": []})
    assert (click.user, click.channel_id) == ("somebody", "")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TOLD, *ACTION]), inner, max_size=5),
    max_leaves=12,
)


@given(_JSON, st.dictionaries(st.sampled_from(list(TOLD)), _JSON, max_size=4))
def test_no_payload_breaks_the_reading(actions: Any, changes: dict[str, Any]) -> None:
    clicks({**TOLD, "actions": [{**ACTION, **(actions if isinstance(actions, dict) else {})}], **changes})


@pytest.mark.parametrize(
    ("where", "may"),
    [
        ("https://hooks.slack.com/actions/T1/2/x", True),
        ("https://slack.com/x", True),
        ("http://hooks.slack.com/actions", False),
        ("https://hooks.slack.com:8443/actions", False),
        ("https://slack.com.evil.example/", False),
        ("https://evilslack.com/", False),
        ("https://ana@hooks.slack.com/", False),
        ("https://169.254.169.254/latest", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_an_answer_goes_to_slack_and_nowhere_else(where: str, may: bool) -> None:
    assert answerable(where, "https://slack.com/api") is may


def test_a_click_belongs_to_the_channel_it_was_made_in() -> None:
    def config(channel: str) -> SlackConfig:
        return SlackConfig(type="slack", token=Secret("xoxb-1"), channel=channel)

    [click] = clicks(TOLD)
    assert channel_of(click, {"a": config("#audit"), "b": config("#ops")}) == "b"
    assert channel_of(click, {"a": config("#audit"), "b": config("C1")}) == "b"
    assert channel_of(click, {"a": config("#audit")}) == "a"
