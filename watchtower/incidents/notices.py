"""What people read: members and titles of notices."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.incidents.model import STORM, is_storm
from watchtower.model import Event, Notice, NoticeMember, Priority, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from watchtower.incidents.model import Incident
    from watchtower.model import Transition

#: How many members one notice carries; the counts are of all.
MEMBERS_TOLD = 50
#: Rules that a title counts by name.
RULES_NAMED = 3


def priority_of(transition: Transition) -> Priority:
    """The priority an alert reached; one that nobody stated is told as P3 rather than not at all."""
    return transition.priority or transition.from_priority or Priority.P3


def member_of(transition: Transition) -> NoticeMember:
    """A firing member as its transition describes it."""
    return NoticeMember(
        alert_id=transition.key.id,
        name=transition.key.rule,
        labels=transition.labels,
        state=State.ALARM,
        firing=True,
        priority=priority_of(transition),
        summary=transition.summary,
        reason=transition.reason,
        value=transition.value,
        since=transition.at,
        runbook=transition.runbook,
        annotations=transition.annotations,
        evidence=transition.evidence,
        graph=transition.graph,
        late=transition.late,
    )


def urgent_first(members: Sequence[NoticeMember]) -> list[NoticeMember]:
    """Firing members before muted ones before resolved ones, each most urgent and oldest first."""
    return sorted(members, key=lambda m: (_standing(m), m.priority, m.since, m.name, m.alert_id))


def _standing(member: NoticeMember) -> int:
    """The three sets of an incident: a muted member fires, but nobody is to hear of it."""
    if not member.firing:
        return 2
    return 1 if member.muted_by else 0


def moved_to(incident: Incident) -> str:
    """The route that tells of what ended here last, when it did not end but moved; else empty."""
    last = max(incident.members, key=lambda member: member.since, default=None)
    return last.moves_to if last is not None and not last.firing else ""


def counts(members: Sequence[NoticeMember]) -> tuple[int, int, int]:
    """How many fire, are muted, and are resolved."""
    standings = [_standing(member) for member in members]
    return standings.count(0), standings.count(1), standings.count(2)


def title(tier: Priority, members: Sequence[NoticeMember]) -> str:
    """One line for the incident: ``P1 SiteDown: www.example.com is down (and 2 more)``."""
    ordered = urgent_first(members)
    if not ordered:
        return f"{tier} incident without alerts"
    first = ordered[0]
    alike = counts(ordered)[_standing(first)] - 1
    more = f" (and {alike} more)" if alike else ""
    said = (first.summary or str(first.labels)).removeprefix(f"{first.name}: ")
    return f"{tier} {first.name}: {said}{more}"


def counted(names: Iterable[str]) -> str:
    """``RdsCpuHigh 20, SiteDown 12, DiskFull 4 and 3 rules more``."""
    found = by_number(names)
    named = ", ".join(f"{name} {number}" for name, number in found[:RULES_NAMED])
    rest = len(found) - RULES_NAMED
    return f"{named} and {rest} {'rule' if rest == 1 else 'rules'} more" if rest > 0 else named


def by_number(names: Iterable[str]) -> list[tuple[str, int]]:
    """How often each name, the most frequent first."""
    return sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0]))


def headline(incident: Incident, tier: Priority) -> str:
    """The title of what is told about an incident; a storm's counts alerts per rule."""
    if not is_storm(incident):
        return title(tier, incident.members)
    told = [member for member in incident.members if member.firing and not member.muted_by] or incident.members
    alerts = "alert" if len(told) == 1 else "alerts"
    where = incident.settings[STORM]
    return f"{tier} storm: {len(told)} {alerts} on {where}: {counted(member.name for member in told)}"


def notice(incident: Incident, event: Event, tier: Priority, *, reason: str, environment: str, now: datetime) -> Notice:
    """What a delivery about this incident says now."""
    firing, muted, resolved = counts(incident.members)
    return Notice(
        incident_id=incident.id,
        event=event,
        tier=tier,
        route=incident.route,
        environment=environment,
        group_labels=incident.group_labels,
        opened_at=incident.opened_at,
        at=now,
        title=headline(incident, tier),
        members=tuple(replace(one, graph=None, late=None) for one in urgent_first(incident.members)[:MEMBERS_TOLD]),
        firing=firing,
        resolved=resolved,
        reason=reason,
        ended_at=incident.ended_at,
        muted=muted,
        acknowledged_by=incident.acknowledged_by,
        acknowledged_at=incident.acknowledged_at,
        moved_to=moved_to(incident) if event is Event.RESOLVE else "",
    )
