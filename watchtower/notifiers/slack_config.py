"""How a Slack channel is configured: a bot's token and a channel, or an incoming webhook."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import field_validator, model_validator

from watchtower.notifiers.canary_config import CanaryConfig
from watchtower.notifiers.channel import ChannelConfig, Endpoint, checked_url
from watchtower.secrets import Secret  # noqa: TC001 - pydantic reads it when the class is made

#: Everybody present, everybody, a user group or a user, as Slack's mrkdwn writes them:
#: https://docs.slack.dev/messaging/formatting-message-text#advanced
_MENTION = re.compile(r"<!(here|channel|everyone)>|<!subteam\^S[A-Z0-9]{2,30}>|<@[UW][A-Z0-9]{2,30}>")
_SIGNING_SECRET = re.compile(r"[0-9a-f]{32}")


class SlackCanary(CanaryConfig):
    """A message in a ``channel`` for canaries, deleted at once."""

    channel: str

    @field_validator("channel")
    @classmethod
    def _named(cls, channel: str) -> str:
        return _channel(channel)


class SlackConfig(ChannelConfig):
    """``{type: slack, token: {env: T}, channel: "#ops"}`` or ``{type: slack, webhook_url: {env: U}}``.

    ``app_token`` (Socket Mode) or ``signing_secret`` (requests to us) make the buttons work. ``graph`` says who draws
    what is shown in the thread of a bot's message.
    """

    type: Literal["slack"]
    token: Secret | None = None
    channel: str | None = None
    webhook_url: Secret | None = None
    app_token: Secret | None = None
    signing_secret: Secret | None = None
    mention: str | None = None
    graph: Literal["local", "aws", "none"] = "local"
    canary: SlackCanary | None = None
    api_url: Endpoint = "https://slack.com/api"

    @field_validator("channel")
    @classmethod
    def _named(cls, channel: str | None) -> str | None:
        return None if channel is None else _channel(channel)

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

    @field_validator("app_token")
    @classmethod
    def _app_level(cls, token: Secret | None) -> Secret | None:
        if token is not None and not token.stand_in and not token.reveal().startswith("xapp-"):
            raise ValueError(f"an app-level token begins with xapp-; the one from {token.origin} does not")
        return token

    @field_validator("signing_secret")
    @classmethod
    def _whole_secret(cls, secret: Secret | None) -> Secret | None:
        if secret is not None and not secret.stand_in and _SIGNING_SECRET.fullmatch(secret.reveal()) is None:
            raise ValueError(f"a signing secret is 32 hexadecimal digits; the one from {secret.origin} is not")
        return secret

    @field_validator("mention")
    @classmethod
    def _known_to_slack(cls, mention: str | None) -> str | None:
        if mention is not None and _MENTION.fullmatch(mention) is None:
            raise ValueError(
                f'mention {mention!r} would call nobody; write "<!here>", "<!channel>", '
                'a user group by its id as "<!subteam^S012AB3CD>" or a user as "<@U012AB3CD>"'
            )
        return mention

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.webhook_url is not None and (self.token is not None or self.channel is not None):
            raise ValueError("give token and channel, or webhook_url, not both")
        if self.webhook_url is None and self.token is None:
            raise ValueError("slack needs token and channel, or webhook_url")
        if self.webhook_url is None and self.channel is None:
            raise ValueError("a Slack token needs the channel to post to")
        if self.webhook_url is not None and self.interactive:
            raise ValueError("buttons need a bot: app_token and signing_secret go with token and channel")
        if self.webhook_url is not None and self.canary is not None:
            raise ValueError("a webhook posts to one channel for good: a canary needs token and channel")
        if self.canary is not None and self.canary.channel == self.channel:
            raise ValueError("the canary's channel is the channel's own: people would be notified of it")
        return self

    @property
    def bot(self) -> tuple[Secret, str]:
        """Token and channel of a bot; raises ValueError for a webhook, which has neither."""
        if self.token is None or self.channel is None:
            raise ValueError("a Slack channel without webhook_url needs token and channel")
        return self.token, self.channel

    @property
    def interactive(self) -> bool:
        """Whether a click on a button reaches us."""
        return self.app_token is not None or self.signing_secret is not None


def _channel(channel: str) -> str:
    if not channel.strip("# "):
        raise ValueError('channel is a name such as "#ops" or an id such as C024BE91L')
    return channel
