"""What Slack tells us of a click on one of our buttons: whose request it is, what it asks, where the answer goes.

https://docs.slack.dev/authentication/verifying-requests-from-slack and
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import orjson
from slack_sdk.signature import Clock, SignatureVerifier

from watchtower.clock import epoch
from watchtower.notifiers.blocks import ACKNOWLEDGE, SILENCE
from watchtower.notifiers.text import cut, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchtower.notifiers.slack_config import SlackConfig
    from watchtower.secrets import Secret

_ID_LIMIT = 100
_NAME_LIMIT = 80


@dataclass(frozen=True, slots=True)
class Click:
    """One button that somebody pressed: ``action`` is ACKNOWLEDGE or SILENCE.

    ``at`` is Slack's own stamp of it, the same when Slack tells of it twice. ``answer_to`` takes messages that only
    this person sees, for half an hour.
    """

    action: str
    incident_id: str
    user: str
    channel_id: str
    channel_name: str
    at: str
    answer_to: str


class _At(Clock):
    """The SDK's idea of a clock, standing at our moment."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> float:
        return self._seconds


def signed(secret: Secret, body: bytes, headers: Mapping[str, str], now: datetime) -> bool:
    """Whether Slack signed this request within the last five minutes; compared in constant time."""
    verifier = SignatureVerifier(secret.reveal(), _At(epoch(now)))
    try:
        return bool(verifier.is_valid_request(body, dict(headers)))
    except (ValueError, TypeError, OverflowError):  # a stamp that is no number, a signature that is no ASCII
        return False


def payload(body: bytes) -> dict[str, Any]:
    """The payload of a request's form; empty when there is none."""
    try:
        found = parse_qs(body.decode(), max_num_fields=10).get("payload", [""])[0]
        value = orjson.loads(found)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def clicks(told: Mapping[str, Any]) -> tuple[Click, ...]:
    """The clicks on our own buttons in a payload; a button that is a link is none, and nothing raises."""
    if told.get("type") != "block_actions" or not isinstance(told.get("actions"), list):
        return ()
    return tuple(_click(told, one) for one in told["actions"][:5] if _ours(one))


def _ours(action: Any) -> bool:
    return (
        isinstance(action, dict)
        and action.get("action_id") in (ACKNOWLEDGE, SILENCE)
        and isinstance(action.get("value"), str)
        and 0 < len(action["value"]) <= _ID_LIMIT
    )


def _click(told: Mapping[str, Any], action: Mapping[str, Any]) -> Click:
    user, channel = _part(told, "user"), _part(told, "channel")
    return Click(
        action=action["action_id"],
        incident_id=action["value"],
        user=_name(user.get("username") or user.get("name") or user.get("id")) or "somebody",
        channel_id=_name(channel.get("id")),
        channel_name=_name(channel.get("name")),
        at=_name(action.get("action_ts")),
        answer_to=str(told.get("response_url") or ""),
    )


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = told.get(name)
    return part if isinstance(part, dict) else {}


def _name(text: Any) -> str:
    return cut(one_line(str(text or "")), _NAME_LIMIT)


def answerable(answer_to: str, api_url: str) -> bool:
    """Whether an answer may go there: to the host of Slack's API or below it, by the same scheme, and nowhere else."""
    try:
        there, home = urlsplit(answer_to), urlsplit(api_url)
        near = there.hostname == home.hostname or (there.hostname or "").endswith(f".{home.hostname}")
        ported = there.port == home.port
    except ValueError:
        return False
    return near and ported and there.scheme == home.scheme and there.username is None


def channel_of(click: Click, channels: Mapping[str, SlackConfig]) -> str:
    """The name of the configured channel in which it was clicked; the first one where none can be told."""
    here = {click.channel_id, click.channel_name} - {""}
    found = (name for name, config in channels.items() if (config.channel or "").removeprefix("#") in here)
    return next(found, next(iter(channels), "slack"))
