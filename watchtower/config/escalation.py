"""Escalations that would call nobody new."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from watchtower.config.reach import destinations
from watchtower.faults import Severity
from watchtower.incidents.templated import is_templated
from watchtower.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from watchtower.config.reading import Reading
    from watchtower.faults import Fault


def check_escalations(reading: Reading) -> Iterator[Fault]:
    """Channels that there are not, or that the route tells already; a warning for those that lead to where it does."""
    places = destinations(reading)
    for number, route in reading.written_routes:
        told = _names(route.get("channels"))
        seen: list[str] = []
        for place, name in _entries(route):
            loc = ("routes", number, "escalate", "channels", place)
            if message := _wrong(reading, name, told, seen):
                yield reading.document.fault(loc, message)
            elif twin := next((other for other in told if places.get(other, other) == places.get(name)), None):
                message = f"the channel `{name}` leads to the same place as `{twin}`, which is told already"
                yield replace(reading.document.fault(loc, message), severity=Severity.WARNING)
            seen.append(name)


def _entries(route: Mapping[str, Any]) -> list[tuple[int, str]]:
    escalate = route.get("escalate")
    names = escalate.get("channels") if isinstance(escalate, dict) else None
    return [(place, name) for place, name in enumerate(names or ()) if isinstance(name, str)]


def _names(channels: object) -> tuple[str, ...]:
    return tuple(name for name in channels if isinstance(name, str)) if isinstance(channels, list) else ()


def _wrong(reading: Reading, name: str, told: Collection[str], seen: Collection[str]) -> str:
    if is_templated(name):
        return ""
    if name not in reading.channel_names:
        return f"there is no channel `{name}`{did_you_mean(name, reading.channel_names)}"
    if name in told:
        return f"the channel `{name}` is told by this route already: an escalation calls somebody else"
    return f"the channel `{name}` is named twice" if name in seen else ""
