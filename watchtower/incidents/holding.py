"""What is held back: between admitting and speaking, every firing member is judged by silences, windows, inhibitors.

An incident has three sets of members: firing, muted (firing, but held back) and resolved. A member that was told
before it was held back stays in its incident, which stays open for it. Who was told to nobody waits in an incident
of its own for the end of the hold, so that it neither rings nor keeps the others' incident from ending.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.incidents.deliveries import Books
from watchtower.incidents.lifecycle import audible, ended, over, reached
from watchtower.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.incidents.draft import Draft
    from watchtower.incidents.hold import Hold
    from watchtower.incidents.model import Incident
    from watchtower.model import Labels, NoticeMember


def hold_back(draft: Draft, books: Mapping[str, Books]) -> dict[str, Books]:
    """Judge the members of every open incident, and keep apart who may be told and who may not.

    Returns the books as they are without what was taken back.
    """
    kept = dict(books)
    for incident_id in [incident.id for incident in draft.open()]:
        judged = _judged(draft, draft.incidents[incident_id])
        if not over(judged):
            judged, kept[incident_id] = _unheard(draft, judged, books.get(incident_id, Books()))
        if judged.told_tier is not None:
            draft.put(replace(judged, tier=reached(judged)))
        elif over(judged):
            draft.put(_without_unsaid(judged))
        else:
            _part(draft, judged)
    draft.expired += _expired(draft)
    return kept


def _judged(draft: Draft, incident: Incident) -> Incident:
    stored = draft.stored.get(incident.id)
    before = {member.alert_id: member for member in stored.members} if stored else {}
    members = tuple(_member(draft, incident, member, before.get(member.alert_id)) for member in incident.members)
    changed = incident.changed
    if stored is not None and changed and not stored.changed:
        changed = any(not member.muted_by and member != before.get(member.alert_id) for member in members)
    freed = any(_freed(member, before.get(member.alert_id)) for member in members)
    return replace(incident, members=members, changed=changed or freed)


def _freed(member: NoticeMember, before: NoticeMember | None) -> bool:
    return before is not None and before.firing and member.firing and bool(before.muted_by) and not member.muted_by


def _member(draft: Draft, incident: Incident, member: NoticeMember, before: NoticeMember | None) -> NoticeMember:
    """The member with what holds it back; one that ended in this flush was still subject to it."""
    if not member.firing and member == before:
        return member
    fired = before if before is not None and before.firing else None
    if not member.firing and fired is not None and fired.muted_by:
        return replace(member, muted_by=fired.muted_by)
    hold = draft.holds.on(member.alert_id, member.labels, incident.route, fired.since if fired else member.since)
    if hold is None and member.firing and fired is not None and fired.muted_by:
        hold = draft.holds.still(member.alert_id)
    if hold is not None and hold.until is not None:
        draft.untils[incident.route, member.alert_id] = hold.until
    judged = replace(member, muted_by=hold.reason if hold else "")
    _say(draft, incident, judged, fired, hold)
    return judged


def _say(draft: Draft, incident: Incident, member: NoticeMember, fired: NoticeMember | None, hold: Hold | None) -> None:
    """Record what is held back and what no longer is, once each."""
    was = fired.muted_by if fired is not None else ""
    rose = fired is not None and member.priority < fired.priority
    if hold is not None and (hold.reason != was or rose):
        draft.remark(member.alert_id, "held back", hold.reason, incident.id)
    elif hold is None and was:
        draft.remark(member.alert_id, "free", f"no longer {was}", incident.id)


def _without_unsaid(incident: Incident) -> Incident:
    """Who began and ended in a hold is not told of, where others are."""
    told = tuple(member for member in incident.members if not member.muted_by)
    return replace(incident, members=told) if told and incident.told_tier is None else incident


def _unheard(draft: Draft, incident: Incident, books: Books) -> tuple[Incident, Books]:
    """Take back what no channel can have heard of, so that the incident is told to nobody again.

    ``told`` would otherwise mean that whoever is now held back was heard of.
    """
    held = next((member.muted_by for member in incident.members if member.firing and member.muted_by), "")
    if incident.told_tier is None or not held or not books.unheard:
        return incident, books
    waiting = books.waiting()
    draft.withdrawn += [(row.id, f"{held}, before it was delivered") for row in waiting]
    untold = replace(incident, told_tier=None, told_at=None, last_page_at=None, changed=True)
    return untold, books.without(waiting)


def _part(draft: Draft, incident: Incident) -> None:
    """An incident that was told to nobody: who may be told stays, who is held back goes apart."""
    free = tuple(member for member in incident.members if not member.muted_by)
    held = tuple(member for member in incident.members if member.firing and member.muted_by)
    if not free:
        draft.put(_of(incident, held, taking_members=False))
        return
    parted = len(free) < len(incident.members)
    kept = _of(incident, free, taking_members=incident.taking_members) if parted else incident
    _open_up(draft, replace(kept, tier=reached(kept)))
    if held:
        _set_apart(draft, incident, held)


def _open_up(draft: Draft, incident: Incident) -> None:
    """An incident whose hold ended is told with the one of its group that waits to be told, or pages anew.

    Then it is the one that takes members from now on: of an earlier page people have heard.
    """
    if incident.taking_members or not audible(incident):
        draft.put(incident)
        return
    other = draft.taking(incident.route, incident.group_labels)
    if other is not None and other.told_tier is None:
        _join(draft, incident, other)
        return
    if other is not None:
        draft.close(other)
    draft.put(_of(incident, incident.members, taking_members=True))


def _join(draft: Draft, incident: Incident, other: Incident) -> None:
    """Let the members of one untold incident be told by another."""
    known = {member.alert_id for member in incident.members}
    stay = tuple(member for member in other.members if member.alert_id not in known)
    draft.enroll(_of(other, (*stay, *incident.members), taking_members=True))
    draft.put(replace(ended(incident, draft.now), members=()))
    for member in incident.members:
        draft.remark(member.alert_id, "joined", "told with the others of its group that wait to be told", other.id)


def _set_apart(draft: Draft, incident: Incident, held: tuple[NoticeMember, ...]) -> None:
    apart = draft.held(incident.route, incident.group_labels)
    if apart is None:
        apart = replace(incident, id=draft.new_id(), members=(), changed=True)
    moved = {member.alert_id for member in held}
    others = tuple(member for member in apart.members if member.alert_id not in moved)
    draft.enroll(_of(apart, (*others, *held), taking_members=False))
    for member in held:
        draft.remark(member.alert_id, "set apart", f"{member.muted_by}; the others are told without it", apart.id)


def _of(incident: Incident, members: tuple[NoticeMember, ...], *, taking_members: bool) -> Incident:
    tier = min(member.priority for member in members)
    return replace(incident, members=members, tier=tier, taking_members=taking_members)


def watch(draft: Draft, incident: Incident) -> None:
    """Look again when what holds a member back ends, and when something may begin to hold one back."""
    for member in incident.members:
        if member.firing and member.muted_by:
            draft.wake(incident.id, draft.untils.get((incident.route, member.alert_id)))
        elif member.firing:
            draft.wake(incident.id, draft.holds.next_start(member.labels, incident.route))


def _expired(draft: Draft) -> list[str]:
    """Silences that end with the last alert they held back."""
    brief = [silence for silence in draft.holds.silences if silence.expire_on_resolve]
    if not brief:
        return []
    firing = [member.labels for incident in draft.open() for member in incident.members if member.firing]
    ended = _ended(draft)
    return [
        silence.id
        for silence in brief
        if any(silence.covers(labels, draft.now) for labels in ended)
        and not any(silence.covers(labels, draft.now) for labels in firing)
    ]


def _ended(draft: Draft) -> list[Labels]:
    """The labels, as they were while they fired, of the alerts that ended in this flush."""
    stored = (member for incident in draft.stored.values() for member in incident.members if member.firing)
    labels = {member.alert_id: member.labels for member in stored}
    ended: dict[str, Labels] = {}
    for transition in draft.seen.transitions:
        alert_id = transition.key.id
        if transition.to_state is not State.OK:
            labels[alert_id] = transition.labels
        elif alert_id in labels:
            ended[alert_id] = labels[alert_id]
    return list(ended.values())
