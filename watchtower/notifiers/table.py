"""Every notifier there is: a new one is a module, a row here and a test."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from watchtower.notifiers.pagerduty import PagerDuty, PagerDutyConfig
from watchtower.notifiers.slack import Slack
from watchtower.notifiers.slack_config import SlackConfig
from watchtower.notifiers.slack_webhook import SlackWebhook
from watchtower.notifiers.sns import Sns, SnsConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchtower.notifiers.base import Doors, Notifier
    from watchtower.notifiers.channel import ChannelConfig

    ConfigClass = type[ChannelConfig]


@dataclass(frozen=True, slots=True)
class NotifierSpec:
    """How a channel of one ``type`` is configured and built: ``build(channel name, its config, doors)``."""

    type: str
    config: ConfigClass
    build: Callable[[str, Any, Doors], Notifier]


def _slack(name: str, config: SlackConfig, doors: Doors) -> Notifier:
    if config.webhook_url is not None:
        return SlackWebhook(name, config.webhook_url, doors)
    if config.token is None or config.channel is None:
        raise ValueError("a Slack channel without webhook_url needs token and channel")
    return Slack(name, token=config.token, channel=config.channel, api_url=config.api_url, doors=doors)


NOTIFIERS: Mapping[str, NotifierSpec] = MappingProxyType(
    {
        spec.type: spec
        for spec in (
            NotifierSpec("pagerduty", PagerDutyConfig, PagerDuty),
            NotifierSpec("slack", SlackConfig, _slack),
            NotifierSpec("sns", SnsConfig, Sns),
        )
    }
)
