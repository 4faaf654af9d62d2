"""What a flush has decided so far: the one thing in this room that changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watchtower.incidents.lifecycle import doors_closed, over, with_due
from watchtower.incidents.model import Decision, FlushPlan, Incident
from watchtower.incidents.notices import MEMBERS_TOLD, urgent_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from watchtower.incidents.holds import Holds
    from watchtower.incidents.model import FlushInput
    from watchtower.incidents.said import Said
    from watchtower.model import Delivery, Labels, Transition


@dataclass(slots=True)
class Draft:
    """Incidents as they stand within the flush, and the decisions and deliveries made on the way.

    ``causes`` remembers the transition that touched an incident last, for its decisions; ``changes`` the last of
    each alert; ``untils`` when what holds an alert back on a route is to be judged again, ``wakes`` when an
    incident is. ``_firing`` finds the incidents in which an alert fires, ``_taking`` the one that takes members of
    a route and group, ``_held`` the one that keeps those nobody may be told of.
    """

    seen: FlushInput
    holds: Holds
    now: datetime
    new_id: Callable[[], str]
    incidents: dict[str, Incident] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    withdrawn: list[tuple[str, str]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    causes: dict[str, Transition] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    wakes: dict[str, datetime] = field(default_factory=dict)
    untils: dict[tuple[str, str], datetime] = field(default_factory=dict)
    expired: list[str] = field(default_factory=list)
    stored: Mapping[str, Incident] = field(default_factory=dict)
    _firing: dict[str, dict[str, None]] = field(default_factory=dict)
    _taking: dict[tuple[str, Labels], str] = field(default_factory=dict)
    _held: dict[tuple[str, Labels], str] = field(default_factory=dict)

    @classmethod
    def of(cls, seen: FlushInput, holds: Holds, now: datetime, new_id: Callable[[], str]) -> Draft:
        """The incidents as the store has them, those whose time is over taking no more members."""
        draft = cls(seen, holds, now, new_id, stored={incident.id: incident for incident in seen.incidents})
        for incident in seen.incidents:
            draft.put(doors_closed(incident, now))
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
        self.put(replace(incident, taking_members=False))

    def held(self, route: str, group: Labels) -> Incident | None:
        """The incident that keeps those of this route and group that nobody may be told of yet."""
        found = self._held.get((route, group))
        return self.incidents[found] if found is not None else None

    def touch(self, incident: Incident, transition: Transition, outcome: str, reason: str) -> None:
        """Record what a transition made of an incident, and why."""
        self.put(incident)
        self.causes[incident.id] = transition
        alert_id = transition.key.id
        self.changes[alert_id] = transition.seq
        fires = any(member.firing for member in incident.members if member.alert_id == alert_id)
        self._index(incident.id, alert_id, fires)
        self.decide(transition, outcome, reason, incident.id)

    def enroll(self, incident: Incident) -> None:
        """Let the incident stand with members that came from another one."""
        self.put(incident)
        for member in incident.members:
            self._index(incident.id, member.alert_id, member.firing)

    def let_go(self, incident: Incident, alert_ids: Iterable[str]) -> None:
        """Let the incident stand without these alerts firing in it."""
        self.put(incident)
        for alert_id in alert_ids:
            self._index(incident.id, alert_id, False)

    def decide(self, transition: Transition, outcome: str, reason: str, incident_id: str | None = None) -> None:
        """Record why a transition led to what it led to."""
        self.decisions.append(Decision(transition.key.id, transition.seq, outcome, reason, incident_id))

    def remark(self, alert_id: str, outcome: str, reason: str, incident_id: str) -> None:
        """Record a decision that time or somebody's silence made, beside a transition if one came with it."""
        self.decisions.append(Decision(alert_id, self.changes.get(alert_id, 0), outcome, reason, incident_id))

    def wake(self, incident_id: str, moment: datetime | None) -> None:
        """Look at the incident again at this moment, or earlier."""
        if moment is not None:
            self.wakes[incident_id] = min(moment, self.wakes.get(incident_id, moment))

    def hear(self, said: Said) -> None:
        """Record what an incident said, and what it did not."""
        incident = said.incident
        self.put(incident)
        self.deliveries += said.deliveries
        self.withdrawn += said.withdrawn
        cause = self.causes.get(incident.id)
        first = next(iter(urgent_first(incident.members)), None)
        alert_id = cause.key.id if cause else first.alert_id if first else ""
        for outcome, reason in said.remarks:
            self.decisions.append(Decision(alert_id, cause.seq if cause else 0, outcome, reason, incident.id))
        for outcome, reason in said.news:
            for member in urgent_first(incident.members)[:MEMBERS_TOLD]:
                if member.firing:
                    self.remark(member.alert_id, outcome, reason, incident.id)

    def plan(self) -> FlushPlan:
        """What this flush commits; the most urgent deliveries first, changed incidents before new ones.

        An incident that stopped taking members is written before the one that takes its place, as the store's
        unique index wants it.
        """
        due = [with_due(incident, self.wakes.get(incident.id)) for incident in self.incidents.values()]
        changed = [incident for incident in due if incident != self.stored.get(incident.id)]
        return FlushPlan(
            consumed=tuple(transition.seq for transition in self.seen.transitions),
            incidents=tuple(sorted(changed, key=lambda incident: incident.taking_members)),
            deliveries=tuple(sorted(self.deliveries, key=lambda delivery: delivery.tier)),
            withdrawn=tuple(self.withdrawn),
            decisions=tuple(self.decisions),
            expired=tuple(self.expired),
        )

    def put(self, incident: Incident) -> None:
        """Let the incident stand as it is here."""
        self.incidents[incident.id] = incident
        untold = incident.told_tier is None and not incident.taking_members and not over(incident)
        for index, listed in ((self._taking, incident.taking_members), (self._held, untold)):
            lane = (incident.route, incident.group_labels)
            if listed:
                index.setdefault(lane, incident.id)
            elif index.get(lane) == incident.id:
                del index[lane]

    def _index(self, incident_id: str, alert_id: str, fires: bool) -> None:
        held = self._firing.setdefault(alert_id, {})
        if fires:
            held[incident_id] = None
        else:
            held.pop(incident_id, None)
