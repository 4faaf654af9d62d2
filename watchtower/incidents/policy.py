"""What the configuration in force says to a flush."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watchtower.incidents.quiet import Quiet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.incidents.model import ChannelTraits, Incident
    from watchtower.incidents.routing import Route


@dataclass(frozen=True, slots=True)
class Policy:
    """Routes in the order of the file, the channels by name, and what keeps alerts quiet."""

    environment: str
    routes: tuple[Route, ...]
    channels: Mapping[str, ChannelTraits]
    quiet: Quiet = field(default_factory=Quiet)

    def reachable(self, incident: Incident) -> Incident:
        """The incident, told where its route points today when a reload removed every channel it opened with.

        What its old channels hold is still resolved there.
        """
        if any(name in self.channels for name in incident.channels):
            return incident
        today = next((route.channels for route in self.routes if route.name == incident.route), ())
        return replace(incident, channels=today) if today else incident
