"""What puts alerts into one incident: the route and the values of its ``group_by`` labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.model import Labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.incidents.routing import Route


def group_of(labels: Mapping[str, str], route: Route) -> Labels:
    """The values of the route's ``group_by`` labels; a missing label equals an empty one."""
    return Labels([(name, labels[name]) for name in route.group_by if labels.get(name)])
