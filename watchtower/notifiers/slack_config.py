"""How a Slack channel is configured: a bot's token and a channel, or an incoming webhook."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import field_validator, model_validator

from watchtower.notifiers.channel import ChannelConfig, Endpoint, checked_url
from watchtower.secrets import Secret  # noqa: TC001 - pydantic reads it when the class is made


class SlackConfig(ChannelConfig):
    """``{type: slack, token: {env: T}, channel: "#ops"}`` or ``{type: slack, webhook_url: {env: U}}``."""

    type: Literal["slack"]
    token: Secret | None = None
    channel: str | None = None
    webhook_url: Secret | None = None
    api_url: Endpoint = "https://slack.com/api"

    @field_validator("channel")
    @classmethod
    def _named(cls, channel: str | None) -> str | None:
        if channel is not None and not channel.strip("# "):
            raise ValueError('channel is a name such as "#ops" or an id such as C024BE91L')
        return channel

    @field_validator("webhook_url")
    @classmethod
    def _reachable(cls, url: Secret | None) -> Secret | None:
        if url is None or url.stand_in:
            return url
        try:
            checked_url(url.reveal())
        except ValueError:
            raise ValueError(f"the webhook_url from {url.origin} is not a web address") from None
        return url

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.webhook_url is not None and (self.token is not None or self.channel is not None):
            raise ValueError("give token and channel, or webhook_url, not both")
        if self.webhook_url is None and self.token is None:
            raise ValueError("slack needs token and channel, or webhook_url")
        if self.webhook_url is None and self.channel is None:
            raise ValueError("a Slack token needs the channel to post to")
        return self

    @property
    def bot(self) -> tuple[Secret, str]:
        """Token and channel of a bot; raises ValueError for a webhook, which has neither."""
        if self.token is None or self.channel is None:
            raise ValueError("a Slack channel without webhook_url needs token and channel")
        return self.token, self.channel
