"""Evidence that was late, once it is there: kept wherever its alert is told of, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select, update

from watchtower.model import AlertKey, Event, NoticeMember, Transition
from watchtower.store import flush
from watchtower.store.tables import alert_transition, delivery, incident, incident_member

if TYPE_CHECKING:
    from watchtower.lookup import Lookup
    from watchtower.model import Delivery
    from watchtower.store.database import Work

Told = TypeVar("Told", Transition, NoticeMember)

#: Changes of an alert that are looked through, the newest: the one that asked is minutes old.
_NEWEST = 20


async def show(work: Work, row: Delivery, lookup: Lookup, lines: tuple[str, ...]) -> bool:
    """Keep the lines in the alert's change, in its incidents and in what is still to follow their pages.

    Whether the row that found them may leave: its incident is open, and the alert fires and is not held back. From
    then on the row says that it may have left; the others have the lines and say that they have not.
    """
    await flush.lock(work)
    alert_id = AlertKey(lookup.rule, lookup.identity).id
    await _in_changes(work, alert_id, lookup, lines)
    await _in_follow_ups(work, row.id, lookup, lines)
    members = await _in_members(work, alert_id, lookup, lines)
    member = members.get(row.incident_id)
    ended = select(incident.c.ended_at).where(incident.c.id == row.incident_id)
    is_open = (await work.conn.execute(ended)).scalar_one_or_none() is None
    return is_open and member is not None and member.firing and not member.muted_by


async def _in_changes(work: Work, alert_id: str, lookup: Lookup, lines: tuple[str, ...]) -> None:
    change = alert_transition.c
    query = select(change.seq, change.body).where(change.alert_id == alert_id).order_by(change.seq.desc())
    for row in (await work.conn.execute(query.limit(_NEWEST))).all():
        if _asks(row.body, lookup):
            kept = update(alert_transition).where(change.seq == row.seq)
            await work.conn.execute(kept.values(body=_shown(row.body, lookup, lines)))


async def _in_members(work: Work, alert_id: str, lookup: Lookup, lines: tuple[str, ...]) -> dict[str, NoticeMember]:
    """The alert in every incident, by the incident's id."""
    there = incident_member.c
    found = (await work.conn.execute(select(incident_member).where(there.alert_id == alert_id))).all()
    for row in found:
        if _asks(row.body, lookup):
            mine = update(incident_member).where(there.incident_id == row.incident_id, there.alert_id == alert_id)
            await work.conn.execute(mine.values(body=_shown(row.body, lookup, lines)))
    return {row.incident_id: row.body for row in found}


async def _in_follow_ups(work: Work, leaving: str, lookup: Lookup, lines: tuple[str, ...]) -> None:
    row = delivery.c
    query = select(row.id, row.notice).where(row.finished_at.is_(None), row.event == Event.EVIDENCE)
    for one in (await work.conn.execute(query)).all():
        [member] = one.notice.members
        if _asks(member, lookup):
            shown = _shown(member, lookup, lines) if one.id == leaving else replace(member, evidence=lines)
            told = replace(one.notice, members=(shown,))
            await work.conn.execute(update(delivery).where(row.id == one.id).values(notice=told))


def _asks(about: Transition | NoticeMember, lookup: Lookup) -> bool:
    return about.late == lookup


def _shown(about: Told, lookup: Lookup, lines: tuple[str, ...]) -> Told:
    return replace(about, evidence=lines, late=replace(lookup, found=True))
