"""What PagerDuty's Events API v2 refuses, one sentence per mistake.

https://developer.pagerduty.com/docs/send-alert-event
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Container

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")

_EVENT_KEYS = frozenset(
    {"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"}
)
_PAYLOAD_TEXTS = frozenset({"summary", "source", "severity", "timestamp", "component", "group", "class"})
_CHANGE_KEYS = frozenset({"summary", "source", "timestamp", "custom_details"})
_SUMMARY = 1024
_DEDUP_KEY = 255
_ROUTING_KEY = 32


def event_problems(event: Any, keys: Container[str]) -> list[str]:
    """Everything wrong with an event; ``keys`` are the routing keys that exist."""
    if not isinstance(event, dict):
        return ["the body is not a JSON object"]
    problems = [f"unknown key {key!r}" for key in event if key not in _EVENT_KEYS]
    problems += _envelope(event, keys)
    if event.get("event_action") == "trigger":
        problems += _payload(event.get("payload"))
    return problems + _links(event.get("links", [])) + _images(event.get("images", []))


def change_problems(event: Any, keys: Container[str]) -> list[str]:
    """Everything wrong with a change event (https://developer.pagerduty.com/docs/send-change-event)."""
    if not isinstance(event, dict) or not isinstance(event.get("payload"), dict):
        return ["a change event is an object with a 'payload'"]
    payload = event["payload"]
    problems = [f"unknown key {key!r}" for key in event if key not in {"routing_key", "payload", "links", "images"}]
    problems += [f"'payload.{key}' is unknown" for key in payload if key not in _CHANGE_KEYS]
    if event.get("routing_key") not in keys:
        problems.append("'routing_key' is not known")
    if not 0 < len(str(payload.get("summary", ""))) <= _SUMMARY:
        problems.append("'payload.summary' must have 1 to 1024 characters")
    return problems + _timestamp(payload.get("timestamp")) + _links(event.get("links", []))


def _envelope(event: dict[str, Any], keys: Container[str]) -> list[str]:
    key = event.get("dedup_key")
    routing_key = event.get("routing_key")
    checks = [
        (isinstance(routing_key, str) and len(routing_key) == _ROUTING_KEY, "'routing_key' must have 32 characters"),
        (routing_key in keys, "'routing_key' is not known"),
        (event.get("event_action") in ACTIONS, "'event_action' is invalid"),
        (key is None or (isinstance(key, str) and 0 < len(key) <= _DEDUP_KEY), "'dedup_key' is invalid"),
        (key is not None or event.get("event_action") == "trigger", "'dedup_key' is missing"),
    ]
    return [problem for right, problem in checks if not right]


def _payload(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing"]
    problems = [f"'payload.{key}' is unknown" for key in payload if key not in {*_PAYLOAD_TEXTS, "custom_details"}]
    problems += [
        f"'payload.{key}' must be a text"
        for key in _PAYLOAD_TEXTS & payload.keys()
        if not isinstance(payload[key], str)
    ]
    problems += [f"'payload.{key}' is missing" for key in ("summary", "source", "severity") if not payload.get(key)]
    if len(str(payload.get("summary", ""))) > _SUMMARY:
        problems.append("'payload.summary' is longer than 1024 characters")
    if payload.get("severity") not in SEVERITIES:
        problems.append("'payload.severity' is invalid")
    return problems + _timestamp(payload.get("timestamp"))


def _timestamp(written: Any) -> list[str]:
    if written is None:
        return []
    try:
        right = datetime.fromisoformat(str(written)).tzinfo is not None
    except ValueError:
        right = False
    return [] if right else ["'payload.timestamp' is invalid"]


def _links(links: Any) -> list[str]:
    if not isinstance(links, list):
        return ["'links' must be a list"]
    right = [isinstance(link, dict) and _web_address(link.get("href"), ("http", "https")) for link in links]
    return [] if all(right) else ["a link needs an 'href'"]


def _images(images: Any) -> list[str]:
    if not isinstance(images, list):
        return ["'images' must be a list"]
    right = [isinstance(image, dict) and _web_address(image.get("src"), ("https",)) for image in images]
    return [] if all(right) else ["an image needs an https 'src'"]


def _web_address(written: Any, schemes: tuple[str, ...]) -> bool:
    return isinstance(written, str) and urlsplit(written).scheme in schemes and bool(urlsplit(written).hostname)
