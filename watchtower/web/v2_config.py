"""The routes as an Alertmanager configuration, so that ``amtool config routes test`` can be asked.

The configuration file itself is never shown: it may hold what only its reader should see.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from watchtower.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.incidents.routing import Route

_HEADER = "# The routes of this Watchtower in Alertmanager's words; its own file is not shown.\n"


def configuration(channels: Sequence[str], routes: Sequence[Route]) -> str:
    """YAML that Alertmanager's own parser reads; a route with several channels becomes several that continue."""
    data: dict[str, Any] = {}
    if routes:
        entries = [entry for route in routes for entry in _entries(route)]
        data["route"] = {"receiver": routes[-1].channels[0], "routes": entries}
    templated = (name for route in routes for name in route.channels if name not in channels)
    data["receivers"] = [{"name": name} for name in dict.fromkeys((*channels, *templated))]
    text = StringIO()
    YAML().dump(data, text)
    return _HEADER + text.getvalue()


def _entries(route: Route) -> Iterator[dict[str, Any]]:
    for number, channel in enumerate(route.channels, 1):
        last = number == len(route.channels)
        yield {
            "receiver": channel,
            "matchers": [str(matcher) for matcher in route.matchers],
            "group_by": list(route.group_by),
            "group_wait": format_duration(route.group_wait),
            **({"group_interval": format_duration(route.group_interval)} if route.group_interval else {}),
            "continue": route.continues or not last,
        }
