"""What a flush has decided so far: the one thing in this room that changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watchtower.incidents.lifecycle import doors_closed, with_due
from watchtower.incidents.model import Decision, FlushPlan, Incident
from watchtower.incidents.notices import urgent_first

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from watchtower.incidents.model import FlushInput
    from watchtower.incidents.speaking import Said
    from watchtower.model import Delivery, Labels, Transition


@dataclass(slots=True)
class Draft:
    """Incidents as they stand within the flush, and the decisions and deliveries made on the way.

    ``causes`` remembers the transition that touched an incident last, for its decisions. ``_firing`` finds
    the incidents in which an alert fires, ``_taking`` the one that takes members of a route and group.
    """

    seen: FlushInput
    now: datetime
    new_id: Callable[[], str]
    incidents: dict[str, Incident] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    withdrawn: list[tuple[str, str]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    causes: dict[str, Transition] = field(default_factory=dict)
    _firing: dict[str, dict[str, None]] = field(default_factory=dict)
    _taking: dict[tuple[str, Labels], str] = field(default_factory=dict)

    @classmethod
    def of(cls, seen: FlushInput, now: datetime, new_id: Callable[[], str]) -> Draft:
        """The incidents as the store has them, those whose time is over taking no more members."""
        draft = cls(seen, now, new_id)
        for incident in seen.incidents:
            draft._put(doors_closed(incident, now))
            for member in incident.members:
                draft._index(incident.id, member.alert_id, member.firing)
        return draft

    def open(self) -> list[Incident]:
        """The incidents that have not ended, new ones last."""
        return [incident for incident in self.incidents.values() if incident.ended_at is None]

    def holding(self, alert_id: str) -> list[Incident]:
        """The open incidents in which this alert fires."""
        found = (self.incidents[each] for each in self._firing.get(alert_id, ()))
        return [incident for incident in found if incident.ended_at is None]

    def taking(self, route: str, group: Labels) -> Incident | None:
        """The incident that takes members of this route and group."""
        found = self._taking.get((route, group))
        return self.incidents[found] if found is not None else None

    def close(self, incident: Incident) -> None:
        """Let an incident take no more members, so that another may open in its place."""
        self._taking.pop((incident.route, incident.group_labels), None)
        self._put(replace(incident, taking_members=False))

    def touch(self, incident: Incident, transition: Transition, outcome: str, reason: str) -> None:
        """Record what a transition made of an incident, and why."""
        self._put(incident)
        self.causes[incident.id] = transition
        alert_id = transition.key.id
        fires = any(member.firing for member in incident.members if member.alert_id == alert_id)
        self._index(incident.id, alert_id, fires)
        self.decide(transition, outcome, reason, incident.id)

    def decide(self, transition: Transition, outcome: str, reason: str, incident_id: str | None = None) -> None:
        """Record why a transition led to what it led to."""
        self.decisions.append(Decision(transition.key.id, transition.seq, outcome, reason, incident_id))

    def hear(self, said: Said) -> None:
        """Record what an incident said, and what it did not."""
        incident = said.incident
        self._put(incident)
        self.deliveries += said.deliveries
        self.withdrawn += said.withdrawn
        cause = self.causes.get(incident.id)
        first = next(iter(urgent_first(incident.members)), None)
        alert_id = cause.key.id if cause else first.alert_id if first else ""
        for outcome, reason in said.remarks:
            self.decisions.append(Decision(alert_id, cause.seq if cause else 0, outcome, reason, incident.id))

    def plan(self) -> FlushPlan:
        """What this flush commits; the most urgent deliveries first, changed incidents before new ones.

        An incident that stopped taking members is written before the one that takes its place, as the store's
        unique index wants it.
        """
        stored = {incident.id: incident for incident in self.seen.incidents}
        due = [with_due(incident) for incident in self.incidents.values()]
        return FlushPlan(
            consumed=tuple(transition.seq for transition in self.seen.transitions),
            incidents=tuple(incident for incident in due if incident != stored.get(incident.id)),
            deliveries=tuple(sorted(self.deliveries, key=lambda delivery: delivery.tier)),
            withdrawn=tuple(self.withdrawn),
            decisions=tuple(self.decisions),
        )

    def _put(self, incident: Incident) -> None:
        self.incidents[incident.id] = incident
        if incident.taking_members:
            self._taking.setdefault((incident.route, incident.group_labels), incident.id)

    def _index(self, incident_id: str, alert_id: str, fires: bool) -> None:
        held = self._firing.setdefault(alert_id, {})
        if fires:
            held[incident_id] = None
        else:
            held.pop(incident_id, None)
