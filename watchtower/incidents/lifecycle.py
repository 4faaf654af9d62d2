"""The life of one incident: members fire, go dark and resolve; it waits, takes members, and is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from watchtower.incidents.model import Incident
from watchtower.incidents.notices import member_of
from watchtower.model import NoticeMember, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.incidents.routing import Route
    from watchtower.model import Labels, Priority, Transition

#: How long after its last page an incident takes members: whoever was paged is still looking.
TAKES_MEMBERS_FOR = timedelta(minutes=10)


def opened(incident_id: str, route: Route, group: Labels, first: Transition, now: datetime) -> Incident:
    """A new incident with its first member, told to nobody yet."""
    member = member_of(first)
    return Incident(
        id=incident_id,
        route=route.name,
        group_labels=group,
        tier=member.priority,
        opened_at=now,
        channels=route.channels,
        settings=route.settings,
        members=(member,),
        changed=True,
    )


def member(incident: Incident, alert_id: str) -> NoticeMember | None:
    """The member that is this alert, firing or resolved."""
    return next((each for each in incident.members if each.alert_id == alert_id), None)


def fired(incident: Incident, transition: Transition) -> Incident:
    """The incident after this alert joined, fired again after it resolved, or rose within its episode."""
    new = member_of(transition)
    old = member(incident, new.alert_id)
    if old is not None and old.firing:
        new = replace(new, since=old.since, priority=min(old.priority, new.priority))
    return _with(incident, new)


def continued(incident: Incident, transition: Transition) -> Incident:
    """The incident after a firing member was seen again, its data back or its priority lower.

    It keeps the priority it has here: a rise may have been told by another incident. It keeps its evidence where there
    is none newer.
    """
    old = member(incident, transition.key.id)
    if old is None:
        return incident
    seen = replace(member_of(transition), since=old.since, priority=old.priority, moves_to=old.moves_to)
    if not seen.evidence:
        seen = replace(seen, evidence=old.evidence, late=old.late)
    return _with(incident, seen)


def went_dark(incident: Incident, transition: Transition) -> Incident:
    """The incident after a firing member lost its data: it neither resolves nor rings."""
    old = member(incident, transition.key.id)
    if old is None:
        return incident
    since = old.no_data_since or transition.at
    return _with(
        incident,
        replace(old, state=State.INSUFFICIENT_DATA, reason=transition.reason, value=None, no_data_since=since),
    )


def resolved(incident: Incident, transition: Transition) -> Incident:
    """The incident after a member resolved; what it said when it fired stays, to be recognised."""
    old = member(incident, transition.key.id)
    if old is None:
        return incident
    return _with(
        incident,
        replace(
            old,
            state=State.OK,
            firing=False,
            value=transition.value,
            reason=transition.reason,
            since=transition.at,
            no_data_since=None,
            moves_to="",
        ),
    )


def _with(incident: Incident, new: NoticeMember) -> Incident:
    known = any(each.alert_id == new.alert_id for each in incident.members)
    members = (
        tuple(new if each.alert_id == new.alert_id else each for each in incident.members)
        if known
        else (*incident.members, new)
    )
    return replace(incident, members=members, changed=True)


def over(incident: Incident) -> bool:
    """Whether no member fires any more."""
    return not any(each.firing for each in incident.members)


def audible(incident: Incident) -> bool:
    """Whether a member fires that nothing holds back."""
    return any(each.firing and not each.muted_by for each in incident.members)


def has_news(incident: Incident) -> bool:
    """Whether the channels have not heard of a change that nothing holds back."""
    return incident.changed and any(
        not each.muted_by and (each.firing or incident.told_at is None or each.since > incident.told_at)
        for each in incident.members
    )


def reached(incident: Incident) -> Priority:
    """The tier its members bring it to: what a held back member reached counts once nothing holds it back."""
    return min([incident.tier, *(each.priority for each in incident.members if not each.muted_by)])


def told(incident: Incident, now: datetime, *, paged: bool) -> Incident:
    """The incident after its channels heard of it; a page starts the time in which it takes members anew."""
    page_at = now if paged else incident.last_page_at
    tier = incident.tier if paged else incident.told_tier
    heard = replace(incident, told_tier=tier, last_page_at=page_at, told_at=now, changed=False)
    return replace(heard, called_at=now, escalated_at=None) if paged else heard


def ended(incident: Incident, now: datetime) -> Incident:
    """The incident after its last member resolved."""
    return replace(incident, ended_at=now, taking_members=False, changed=False)


def doors_closed(incident: Incident, now: datetime) -> Incident:
    """The incident, taking no more members once its last page is too long ago for a silent joiner."""
    if incident.taking_members and incident.last_page_at is not None:
        return replace(incident, taking_members=now < incident.last_page_at + TAKES_MEMBERS_FOR)
    return incident


def first_told_at(incident: Incident) -> datetime:
    """When group_wait ends; urgent incidents and those that rose do not wait for it."""
    return incident.opened_at + _seconds(incident, "group_wait", 0.0)


def begins(incident: Incident, stored: Incident | None, now: datetime) -> bool:
    """Whether its channels are to hear of it for the first time now; ``stored`` is what it was before this flush."""
    if incident.told_tier is not None or not audible(incident):
        return False
    rose = stored is not None and incident.tier < stored.tier
    return incident.tier.urgent or rose or now >= first_told_at(incident)


def update_at(incident: Incident) -> datetime:
    """When the channels may hear of changed members: one group_interval after they last heard anything."""
    last = incident.told_at or incident.last_page_at or incident.opened_at
    return last + _seconds(incident, "group_interval", 60.0)


def with_due(incident: Incident, judged_at: datetime | None = None) -> Incident:
    """The incident with the time at which it must be looked at again whatever happens.

    ``judged_at`` is when what holds its members back may end or begin, or when a page is to be told elsewhere: that
    is all that an ended one may be due for.
    """
    if incident.ended_at is not None:
        return replace(incident, due_at=judged_at)
    return replace(incident, due_at=min((due for due in (judged_at, *_dues(incident)) if due), default=None))


def _dues(incident: Incident) -> Iterator[datetime]:
    if incident.told_tier is None:
        if audible(incident):
            yield first_told_at(incident)
        return
    if has_news(incident):
        yield update_at(incident)
    if incident.taking_members and incident.last_page_at is not None:
        yield incident.last_page_at + TAKES_MEMBERS_FOR
    if audible(incident):
        yield from _calls(incident)


def _calls(incident: Incident) -> Iterator[datetime]:
    """When somebody is asked for again: nothing of this is asked while everything is held back."""
    for moment in (incident.acknowledged_until, escalation_at(incident), repeat_at(incident)):
        if moment is not None:
            yield moment


def escalation_at(incident: Incident) -> datetime | None:
    """When others are called, unless somebody has it in hand by then; None when they were, or when nobody is."""
    waiting = incident.acknowledged_at is None and incident.escalated_at is None
    if not waiting or incident.called_at is None or not escalation_channels(incident):
        return None
    return incident.called_at + _after(incident.settings["escalate"])


def escalation_channels(incident: Incident) -> tuple[str, ...]:
    """Whom its route calls when nobody acknowledges."""
    told = incident.settings.get("escalate")
    names = told.get("channels") if isinstance(told, Mapping) else None
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list | tuple) else ()


def _after(told: Mapping[str, Any]) -> timedelta:
    value = told.get("after")
    return timedelta(seconds=value if isinstance(value, int | float) else 0.0)


def repeat_at(incident: Incident) -> datetime | None:
    """When chat is reminded of it; None when it is not, or somebody has it in hand."""
    every = _seconds(incident, "repeat", 0.0)
    said = [when for when in (incident.called_at, incident.last_page_at, incident.repeated_at) if when is not None]
    return max(said) + every if every and said and incident.acknowledged_at is None else None


def in_nobodys_hands(incident: Incident) -> Incident:
    """The incident after its acknowledgement ended."""
    return replace(
        incident,
        acknowledged_at=None,
        acknowledged_by="",
        acknowledged_via="",
        acknowledged_until=None,
        acknowledgement_told=False,
    )


def _seconds(incident: Incident, setting: str, default: float) -> timedelta:
    value = incident.settings.get(setting)
    return timedelta(seconds=value if isinstance(value, int | float) else default)
