"""Storms: where many incidents begin within minutes, a pager rings for the first ten and once for all others.

What a pager is told in one call is an incident of its own, the storm, whose members are the alerts of the others. So
ends, rises, silences and resolves need nothing of their own. An incident that is carried by a storm is told everywhere
else as ever. P1 is never carried: it rings for itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.incidents.lifecycle import begins, fired, over
from watchtower.incidents.model import CARRIED, STORM, Incident, carried, is_storm
from watchtower.model import DeliveryState, Event, Labels, NoticeMember, Priority

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from watchtower.incidents.deliveries import Books
    from watchtower.incidents.draft import Draft
    from watchtower.incidents.policy import Policy
    from watchtower.model import Transition

#: Within which :data:`MOST_PAGES` incidents may begin.
WITHIN = timedelta(minutes=5)


def gather(draft: Draft, books: Mapping[str, Books], policy: Policy) -> None:
    """Let storms carry what begins now beyond the first ten, and what belongs to incidents that they carry."""
    for incident in draft.open():
        if incident.tier is Priority.P1 and CARRIED in incident.settings:
            draft.put(_released(incident))
    for name, traits in policy.channels.items():
        if traits.keyed_by_tier:
            twins = frozenset(one.name for one in policy.channels.values() if one.destination == traits.destination)
            room = policy.most_pages - sum(
                moment > draft.now - WITHIN for moment in _begun(draft, books, traits.destination, twins)
            )
            _judge(draft, name, twins, room)
    for incident in draft.open():
        for name in carried(incident):
            _enroll(draft, incident, name)


def raised(draft: Draft, transition: Transition, storms: Sequence[Incident]) -> None:
    """A member of storms became more urgent: the storm rings for it, unless it rings for itself."""
    for storm in storms:
        if transition.priority is Priority.P1:
            draft.decide(transition, "stays", "P1 rings for itself, not in the storm", storm.id)
        else:
            draft.touch(fired(storm, transition), transition, "raised", f"carried by storm incident {storm.id}")


def _judge(draft: Draft, channel: str, twins: Collection[str], room: int) -> None:
    """The most urgent of those that begin ring while there is room.

    ``twins`` are all channels of the place; an incident tells it through the first that it names.
    """
    beginning = [
        incident
        for incident in draft.open()
        if next((name for name in incident.channels if name in twins), None) == channel
        and not is_storm(incident)
        and begins(incident, draft.stored.get(incident.id), draft.now)
    ]
    for incident in sorted(beginning, key=lambda one: (one.tier, one.opened_at)):
        if room <= 0 and incident.tier > Priority.P1:
            draft.put(_handed_over(incident, channel, twins))
        room -= 1


def _begun(draft: Draft, books: Mapping[str, Books], destination: str, twins: frozenset[str]) -> Iterator[datetime]:
    """When incidents began at this place, by a page of their own or in a storm, whatever its channel was called."""
    yield from (moment for where, moment in draft.seen.paged if where == destination)
    for incident in draft.open():
        if is_storm(incident) or incident.id not in books:
            continue
        if not twins.isdisjoint(carried(incident)) and incident.last_page_at is not None:
            yield incident.last_page_at
        rows = [row for row in books[incident.id].rows if row.destination == destination]
        pages = (row for row in rows if row.event is Event.TRIGGER)
        first = next((row for row in pages if row.state is not DeliveryState.WITHDRAWN), None)
        if first is not None:
            yield first.created_at or incident.opened_at


def _handed_over(incident: Incident, channel: str, twins: Collection[str]) -> Incident:
    """The incident without this channel and those of its place.

    Who is called when nobody acknowledges is the storm's to call, once.
    """
    kept = incident.settings.get(CARRIED) or {"escalate": incident.settings.get("escalate")}
    settings = {name: value for name, value in incident.settings.items() if name != "escalate"}
    settings[CARRIED] = {**kept, "channels": [*carried(incident), channel]}
    return replace(incident, channels=tuple(name for name in incident.channels if name not in twins), settings=settings)


def _released(incident: Incident) -> Incident:
    """The incident as it was before a storm carried it: from now on it rings for itself."""
    settings = dict(incident.settings)
    kept = settings.pop(CARRIED)
    if kept.get("escalate"):
        settings["escalate"] = kept["escalate"]
    return replace(incident, channels=tuple(dict.fromkeys((*incident.channels, *kept["channels"]))), settings=settings)


def _enroll(draft: Draft, incident: Incident, channel: str) -> None:
    """The alerts that fire in a carried incident, and that nothing holds back, are in a storm."""
    new = [
        replace(member, moves_to="")
        for member in incident.members
        if member.firing and not member.muted_by and not _listed(draft, member, channel)
    ]
    if not new:
        return
    storm = draft.taking(STORM, _group(channel))
    if storm is not None and over(storm):
        draft.close(storm)
        storm = None
    storm = storm or _opened(draft, incident, channel)
    again = {member.alert_id for member in new}
    stay = [member for member in storm.members if member.alert_id not in again]
    tier = min(storm.tier, *(member.priority for member in new))
    draft.enroll(replace(storm, members=(*stay, *new), tier=tier, changed=True))
    for member in new:
        reason = f"by storm incident {storm.id}: too many incidents within 5 minutes on {channel}"
        draft.remark(member.alert_id, "carried", reason, incident.id)


def _listed(draft: Draft, member: NoticeMember, channel: str) -> bool:
    mine = (one for one in draft.holding(member.alert_id) if is_storm(one))
    return any(one.settings[STORM] == channel for one in mine)


def _group(channel: str) -> Labels:
    return Labels({"channel": channel})


def _opened(draft: Draft, first: Incident, channel: str) -> Incident:
    """A storm calls others, and lasts in somebody's hands, as the first incident it carries would have."""
    kept = {"escalate": (first.settings.get(CARRIED) or {}).get("escalate")}
    kept["acknowledge_for"] = first.settings.get("acknowledge_for")
    settings = {name: value for name, value in kept.items() if value is not None}
    return Incident(
        id=draft.new_id(),
        route=STORM,
        group_labels=_group(channel),
        tier=first.tier,
        opened_at=draft.now,
        channels=(channel,),
        settings={"group_wait": 0.0, "group_interval": 60.0, **settings, STORM: channel},
        changed=True,
    )
