"""Every notifier there is: a new one is a module, a row here and a test."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from watchtower.notifiers import pagerduty, slack, slack_webhook, sns
from watchtower.notifiers.blocks import Look
from watchtower.notifiers.pagerduty import PagerDuty
from watchtower.notifiers.pagerduty_config import PagerDutyConfig
from watchtower.notifiers.slack import Slack
from watchtower.notifiers.slack_config import SlackConfig
from watchtower.notifiers.slack_webhook import SlackWebhook
from watchtower.notifiers.sns import Sns, SnsConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchtower.incidents.model import ChannelTraits
    from watchtower.notifiers.base import Doors, Notifier
    from watchtower.notifiers.channel import ChannelConfig

    ConfigClass = type[ChannelConfig]


@dataclass(frozen=True, slots=True)
class NotifierSpec:
    """How a channel of one ``type`` is configured and built: ``build(channel name, its config, doors)``.

    ``traits(channel name, its config)`` are those of the notifier that would be built, without any door.
    """

    type: str
    config: ConfigClass
    build: Callable[[str, Any, Doors], Notifier]
    traits: Callable[[str, Any], ChannelTraits]


def _slack_traits(name: str, config: SlackConfig) -> ChannelTraits:
    if config.webhook_url is not None:
        return slack_webhook.traits(name, config.webhook_url)
    return slack.traits(name, *config.bot, graphs=config.graph != "none")


def _slack(name: str, config: SlackConfig, doors: Doors) -> Notifier:
    look = Look(buttons=config.interactive, mention=config.mention or "")
    if config.webhook_url is not None:
        return SlackWebhook(name, config.webhook_url, doors, look)
    token, channel = config.bot
    return Slack(name, token=token, channel=channel, api_url=config.api_url, doors=doors, look=look, graph=config.graph)


NOTIFIERS: Mapping[str, NotifierSpec] = MappingProxyType(
    {
        spec.type: spec
        for spec in (
            NotifierSpec("pagerduty", PagerDutyConfig, PagerDuty, pagerduty.traits),
            NotifierSpec("slack", SlackConfig, _slack, _slack_traits),
            NotifierSpec("sns", SnsConfig, Sns, sns.traits),
        )
    }
)
