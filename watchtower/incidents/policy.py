"""What the configuration in force says to a flush."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watchtower.incidents.lifecycle import escalation_channels
from watchtower.incidents.model import MOST_PAGES, carried
from watchtower.incidents.quiet import Quiet
from watchtower.incidents.templated import settled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

    def _today(self, incident: Incident) -> Route | None:
        """Its route as it is now; None when it is gone."""
        route = next((route for route in self.routes if route.name == incident.route), None)
        return settled(route, incident.group_labels, self.routes, self.channels)[0] if route else None

    def reachable(self, incident: Incident) -> Incident:
        """The incident, told and escalated where its route points today in the place of channels that a reload removed.

        What its old channels hold is still resolved there. One without channels is told in a storm.
        """
        today = self._today(incident)
        if today is None:
            return incident
        told = self._led_on(incident.channels, [name for name in today.channels if name not in carried(incident)])
        others = escalation_channels(incident)
        called = self._led_on(others, [name for name in today.escalates_to if name not in told])
        if called != others:
            escalate = {**incident.settings["escalate"], "channels": list(called)}
            incident = replace(incident, settings={**incident.settings, "escalate": escalate})
        return incident if told == incident.channels else replace(incident, channels=told)

    def _led_on(self, names: tuple[str, ...], today: Sequence[str]) -> tuple[str, ...]:
        """Those of ``names`` that there still are, and ``today``'s others; unchanged where that brings nobody new."""
        kept = tuple(name for name in names if name in self.channels)
        others = tuple(name for name in today if name in self.channels and name not in kept)
        return (*kept, *others) if others and len(kept) < len(names) else names
