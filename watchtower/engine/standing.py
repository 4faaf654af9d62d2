"""Whether a firing alert was told, and if not, what is responsible: the first thing somebody asks at night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.incidents.lifecycle import escalation_at, escalation_channels
from watchtower.model import DeliveryState, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from watchtower.incidents.model import Incident
    from watchtower.model import Delivery, Transition
    from watchtower.store.values import Explanation

    When = Callable[[datetime], str]


def standing_lines(found: Explanation, when: When) -> Iterator[str]:
    """One line for each incident and channel of a firing alert; nothing for one that does not fire."""
    if found.state is None or not found.state.firing:
        return
    alert_id = found.state.key.id
    held = False
    for incident in found.incidents:
        member = next((each for each in incident.members if each.alert_id == alert_id and each.firing), None)
        if incident.ended_at is None and member is not None:
            held = True
            if member.muted_by:
                yield f"held back: {member.muted_by}"
            else:
                yield from _hands(incident, when)
                yield from _channels(found, incident, when)
    if not held:
        yield f"not told: {_unheld(found)}"


def _hands(incident: Incident, when: When) -> Iterator[str]:
    """Who has it in hand, or who is called when nobody has."""
    if incident.acknowledged_at is not None:
        until = f", until {when(incident.acknowledged_until)}" if incident.acknowledged_until else ""
        owner = f"{incident.acknowledged_by} via {incident.acknowledged_via}"
        yield f"acknowledged by {owner} {when(incident.acknowledged_at)}{until}"
    calls = escalation_at(incident)
    if calls is not None:
        yield f"{', '.join(escalation_channels(incident))}: called {when(calls)} unless somebody acknowledges"


def _channels(found: Explanation, incident: Incident, when: When) -> Iterator[str]:
    waits = f"; it waits until {when(incident.due_at)}" if incident.due_at is not None else ""
    others = (row.channel for row in found.deliveries if row.incident_id == incident.id)
    for channel in dict.fromkeys((*incident.channels, *others)):
        rows = [row for row in found.deliveries if row.incident_id == incident.id and row.channel == channel]
        newest = next((row for row in rows if row.event is not Event.RESOLVE and _names(row, found)), None)
        if newest is not None:
            yield f"{channel}: {_told(newest, when)}"
        elif rows:
            yield f"{channel}: told of the incident, not of this alert yet{waits}"
        else:
            yield f"{channel}: not told yet{waits}" if incident.told_tier is None else f"{channel}: nothing was sent"


def _names(row: Delivery, found: Explanation) -> bool:
    """The message tells of this alert; one that names only some of its members may."""
    told, notice = row.notice.members, row.notice
    named = found.key is not None and any(member.alert_id == found.key.id for member in told)
    return named or len(told) < notice.firing + notice.muted + notice.resolved


def _told(row: Delivery, when: When) -> str:
    if row.finished_at is None:
        trouble = f", {row.attempts} attempts, {row.last_error}" if row.attempts else ""
        return f"{row.event} not accepted yet{trouble}; next try {when(row.next_at)}"
    if row.state is DeliveryState.ACCEPTED:
        return f"{row.event} accepted {when(row.finished_at)}"
    return f"{row.event} {row.state} {when(row.finished_at)}: {row.last_error}"


def _unheld(found: Explanation) -> str:
    """Why no open incident has it: what was decided of its newest change that may page."""
    change: Transition | None = next((each for each in found.transitions if each.firing), None)
    if change is None:
        return "no change of it is known"
    reasons = [made.reason for made in found.decisions if made.transition_seq == change.seq]
    return "; ".join(reversed(reasons)) or change.unsent or "the next flush looks at it"
