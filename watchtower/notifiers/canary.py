"""Canaries: a message that takes a channel's way to its vendor on a schedule and rings nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.aws.publish import publish
from watchtower.notifiers.pagerduty import PagerDuty
from watchtower.notifiers.pagerduty_config import PagerDutyConfig
from watchtower.notifiers.slack_api import SlackApi, expect_ok
from watchtower.notifiers.slack_config import SlackConfig
from watchtower.notifiers.sns import SnsConfig, region

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from watchtower.notifiers.base import Bulletin, Doors
    from watchtower.notifiers.channel import ChannelConfig

    Song = Callable[[str, Bulletin], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Canary:
    """``sing(key, bulletin)`` goes to the vendor and back; it raises Rejected or Ambiguous. ``every`` is in seconds."""

    every: float
    sing: Song


def canary_of(config: ChannelConfig, doors: Doors) -> Canary | None:
    """The canary that a channel is configured for."""
    if isinstance(config, PagerDutyConfig):
        return _pagerduty(config, doors)
    if isinstance(config, SlackConfig):
        return _slack(config, doors)
    return _sns(config, doors) if isinstance(config, SnsConfig) else None


def _pagerduty(config: PagerDutyConfig, doors: Doors) -> Canary | None:
    """An incident that begins and ends at once on a service of its own, or a change event, which calls nobody."""
    if config.canary is None:
        return None
    own = config.canary.routing_key
    pager = PagerDuty("canary", config if own is None else config.model_copy(update={"routing_key": own}), doors)

    async def record(key: str, bulletin: Bulletin) -> None:  # noqa: ARG001
        await pager.record(bulletin)

    return Canary(config.canary.every, record if own is None else pager.sing)


def _slack(config: SlackConfig, doors: Doors) -> Canary | None:
    """A message in a channel where nobody waits for any, deleted at once."""
    if config.canary is None or config.webhook_url is not None:
        return None
    channel, (token, _) = config.canary.channel, config.bot
    api = SlackApi(config.api_url, token, doors)

    async def sing(key: str, bulletin: Bulletin) -> None:  # noqa: ARG001
        posted = expect_ok(await api.write("chat.postMessage", {"channel": channel, "text": bulletin.summary}))
        expect_ok(await api.write("chat.delete", {"channel": posted["channel"], "ts": posted["ts"]}))

    return Canary(config.canary.every, sing)


def _sns(config: SnsConfig, doors: Doors) -> Canary | None:
    """A message with ``canary`` among its attributes, which a filter policy can leave out."""
    if config.canary is None:
        return None
    topic = config.canary.topic_arn
    endpoint = config.api_url if region(topic) == region(config.topic_arn) else None

    async def sing(key: str, bulletin: Bulletin) -> None:
        await publish(doors.aws, region(topic), endpoint, song(topic, key, bulletin), doors.timeout)

    return Canary(config.canary.every, sing)


def song(topic: str, key: str, bulletin: Bulletin) -> dict[str, Any]:
    """What Publish is called with."""
    said: dict[str, Any] = {
        "TopicArn": topic,
        "Subject": "[CANARY] Watchtower",
        "Message": bulletin.summary,
        "MessageAttributes": {"canary": {"DataType": "String", "StringValue": "true"}},
    }
    if topic.endswith(".fifo"):
        said |= {"MessageGroupId": "canary", "MessageDeduplicationId": f"{key[-80:]}:{bulletin.at.timestamp():.0f}"}
    return said
