"""What the configuration of every channel shares: its type, and the endpoint it talks to."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema

from watchtower.schema import Model


class ChannelConfig(Model):
    """One entry under ``channels:``; each notifier narrows ``type`` and adds its own keys."""

    type: str


def checked_url(url: str) -> str:
    """The URL without its trailing slash; raises ValueError, without quoting it, when it is no address."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("an endpoint is a full address such as https://events.pagerduty.com")
    return url.rstrip("/")


#: An ``http(s)://`` address; paths are appended to it.
Endpoint = Annotated[str, AfterValidator(checked_url), WithJsonSchema({"type": "string", "format": "uri"})]
