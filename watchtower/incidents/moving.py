"""Alerts that another route tells since they became more urgent: told there first, then the old incident says so.

Until the new incident has paged, the old one keeps the alert: nobody may miss it because the new route is still
silent. Where both lead to one channel that is what a rise is too: a new key rings, then the old one is resolved.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.incidents.deliveries import PAGES
from watchtower.incidents.lifecycle import member as member_of
from watchtower.model import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watchtower.incidents.deliveries import Books, Page
    from watchtower.incidents.draft import Draft
    from watchtower.incidents.model import Incident
    from watchtower.incidents.said import Said
    from watchtower.model import Delivery, NoticeMember


def bound_for(incident: Incident, alert_id: str, route: str) -> Incident:
    """The incident, letting this alert go once ``route`` has told it."""
    members = (replace(each, moves_to=route) if each.alert_id == alert_id else each for each in incident.members)
    return replace(incident, members=tuple(members))


def leaves(incident: Incident) -> bool:
    """Whether an alert is to leave it."""
    return any(member.firing and member.moves_to for member in incident.members)


def let_go(draft: Draft, incident: Incident) -> list[Incident]:
    """Let those go whose new route has told them; the incidents that tell of them now.

    Who was told of here stays as one that has moved, so that the channels hear it; who was not is forgotten, unless
    it was the last.
    """
    targets = {member.alert_id: _told_by(draft, incident, member) for member in incident.members}
    gone = {alert_id: target for alert_id, target in targets.items() if target is not None}
    if not gone:
        return []
    members = tuple(_gone(draft, each) if each.alert_id in gone else each for each in incident.members)
    left = replace(incident, members=members, changed=True)
    firing = [each for each in members if each.firing]
    if incident.told_tier is None and firing:
        kept = tuple(each for each in members if each.alert_id not in gone)
        left = replace(left, members=kept, tier=min(each.priority for each in firing))
    draft.let_go(left, gone)
    for alert_id, target in gone.items():
        draft.remark(alert_id, "moved", f"told on route {target.route}, which goes on", incident.id)
    return list({target.id: target for target in gone.values()}.values())


def _told_by(draft: Draft, incident: Incident, member: NoticeMember) -> Incident | None:
    """The incident that tells of this alert on the route it is bound for; None while nobody heard of it there."""
    if not member.firing or not member.moves_to:
        return None
    for other in draft.holding(member.alert_id):
        there = member_of(other, member.alert_id)
        told = other.route == member.moves_to and other.told_tier is not None
        if other.id != incident.id and told and there is not None and there.firing and not there.muted_by:
            return other
    return None


def _gone(draft: Draft, member: NoticeMember) -> NoticeMember:
    return replace(member, firing=False, reason=f"moved to route {member.moves_to}", since=draft.now)


def behind(draft: Draft, said: Said, targets: Iterable[Incident], books: Mapping[str, Books]) -> Said:
    """What was said, each resolve after the page that takes its place: on its own channel, else on any."""
    pages = [page for target in targets for page in _coming(draft, target, books)]
    if not pages:
        return said
    return replace(said, deliveries=tuple(_after(each, pages) for each in said.deliveries))


def _coming(draft: Draft, target: Incident, books: Mapping[str, Books]) -> list[Page]:
    """Pages of the incident that no vendor has accepted yet."""
    taken_back = {row_id for row_id, _ in draft.withdrawn}
    rows: list[Page] = [*books[target.id].rows] if target.id in books else []
    rows += [page for page in draft.deliveries if page.incident_id == target.id]
    return [row for row in rows if row.event in PAGES and row.state.open and row.id not in taken_back]


def _after(delivery: Delivery, pages: Sequence[Page]) -> Delivery:
    if delivery.event is not Event.RESOLVE or delivery.after is not None:
        return delivery
    own = next((page for page in pages if page.channel == delivery.channel), pages[0])
    return replace(delivery, after=own.id)
