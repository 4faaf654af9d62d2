"""How a PagerDuty channel is configured: an integration's key, and how we hear what people do there."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from watchtower.notifiers.canary_config import CanaryConfig
from watchtower.notifiers.channel import ChannelConfig, Endpoint
from watchtower.secrets import Secret  # noqa: TC001 - pydantic reads it when the class is made

#: Characters of an integration's routing key.
ROUTING_KEY_LENGTH = 32
#: The REST API, and that of the EU region.
REST = "https://api.pagerduty.com"
REST_EU = "https://api.eu.pagerduty.com"

_EVENTS_EU = "events.eu.pagerduty.com"


class PagerDutyCanary(CanaryConfig):
    """With a ``routing_key`` of its own it is an incident that ends at once; else a change event."""

    routing_key: Secret | None = None

    @field_validator("routing_key")
    @classmethod
    def _whole_key(cls, key: Secret | None) -> Secret | None:
        return None if key is None else whole_key(key)


class PagerDutyConfig(ChannelConfig):
    """``routing_key: {env: KEY}``, and in Europe ``api_url: https://events.eu.pagerduty.com``.

    What people do at PagerDuty reaches us by ``webhook_secret`` (PagerDuty calls us) or ``api_token`` (we ask).
    """

    type: Literal["pagerduty"]
    routing_key: Secret
    api_url: Endpoint = "https://events.pagerduty.com"
    client_url: Endpoint | None = None
    change_events: bool = False
    webhook_secret: Secret | None = None
    api_token: Secret | None = None
    rest_url: Endpoint | None = None
    canary: PagerDutyCanary | None = None

    @field_validator("routing_key")
    @classmethod
    def _whole_key(cls, key: Secret) -> Secret:
        return whole_key(key)

    @model_validator(mode="after")
    def _rings_nobody(self) -> Self:
        if self.canary is not None and self.canary.routing_key == self.routing_key:
            raise ValueError("the canary's routing_key is the channel's own: it would call somebody")
        return self

    @property
    def rest(self) -> str:
        """The REST API of the region that the events go to."""
        return self.rest_url or (REST_EU if urlsplit(self.api_url).hostname == _EVENTS_EU else REST)


def whole_key(key: Secret) -> Secret:
    """The routing key; raises ValueError when it cannot be one."""
    if not key.stand_in and len(key.reveal()) != ROUTING_KEY_LENGTH:
        raise ValueError(
            f"a PagerDuty routing key has {ROUTING_KEY_LENGTH} characters; "
            f"the one from {key.origin} has {len(key.reveal())}"
        )
    return key
