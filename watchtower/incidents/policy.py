"""What the configuration in force says to a flush."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watchtower.incidents.quiet import Quiet
from watchtower.incidents.storms import MOST_PAGES, carried
from watchtower.incidents.templated import settled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.incidents.model import ChannelTraits, Incident
    from watchtower.incidents.routing import Route


@dataclass(frozen=True, slots=True)
class Policy:
    """Routes in the order of the file, the channels by name, what keeps alerts quiet, and who stands in for whom.

    ``most_pages`` incidents may begin on one pager within minutes before a storm carries the others.
    """

    environment: str
    routes: tuple[Route, ...]
    channels: Mapping[str, ChannelTraits]
    quiet: Quiet = field(default_factory=Quiet)
    fallback: Mapping[str, str] = field(default_factory=dict)
    most_pages: int = MOST_PAGES

    def stand_in(self, incident: Incident, channel: str) -> str | None:
        """Who is told what a channel does not accept: its fallback; of a channel that was removed, its route's first.

        None where nobody is.
        """
        if channel in self.channels:
            named = self.fallback.get(channel)
            return named if named in self.channels else None
        route = next((route for route in self.routes if route.name == incident.route), None) or self.routes[-1]
        here, _ = settled(route, incident.group_labels, self.routes, self.channels)
        return next((name for name in here.channels if name in self.channels), None)

    def _today(self, incident: Incident) -> tuple[str, ...]:
        """The channels that its route names now."""
        route = next((route for route in self.routes if route.name == incident.route), None)
        return settled(route, incident.group_labels, self.routes, self.channels)[0].channels if route else ()

    def reachable(self, incident: Incident) -> Incident:
        """The incident, told where its route points today when a reload removed every channel it opened with.

        What its old channels hold is still resolved there. One without channels is told in a storm.
        """
        if not incident.channels or any(name in self.channels for name in incident.channels):
            return incident
        told = tuple(name for name in self._today(incident) if name not in carried(incident))
        return replace(incident, channels=told) if told else incident
