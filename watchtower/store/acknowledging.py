"""Somebody has an incident in hand: written between two flushes, told by the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, false, or_, select, update

from watchtower.incidents import reports
from watchtower.incidents.acknowledgement import acknowledged
from watchtower.incidents.reports import Deed, Heard, incident_of
from watchtower.model import DeliveryState, Event
from watchtower.store import debts, flush, rows, superseding
from watchtower.store.sending import shared
from watchtower.store.tables import channel, delivery, incident, meta

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.incidents.model import Incident
    from watchtower.incidents.reports import Report
    from watchtower.store.database import Work

#: Characters of an incident's id that are enough to mean it.
SHORTEST = 8


async def acknowledge(work: Work, incident_id: str, by: str, via: str, until: datetime | None) -> Incident | None:
    """Note who has it in hand; the incident as it is then."""
    found = await _meant(work, incident_id)
    return None if found is None else await _keep(work, found, acknowledged(found, by, via, until, work.now))


async def heed(work: Work, report: Report, via: str, store_id: str) -> Heard:
    """Take over what somebody did at a vendor, if it is about an open incident as it is now.

    Whatever it is about, it proves that what was sent under the key has arrived.
    """
    found = await _meant(work, incident_of(report.key, store_id))
    await _arrived(work, report, via)
    if found is None:
        return Heard(None, "no open incident has this key")
    heard = reports.heed(found, report, via, store_id, work.now)
    if heard.incident is not None:
        await _keep(work, found, heard.incident)
    return heard


async def _arrived(work: Work, report: Report, via: str) -> None:
    """Settle what left under the key without an answer: sent again it would ring for what a person has closed.

    A vendor that may have the key at two places proves one of them, unless a person has the incident in hand.
    A request that is out just now finds its row settled; what may open something stays owed a resolve.
    """
    await work.conn.execute(select(channel.c.name).where(channel.c.name == via).with_for_update())
    news = delivery.c.event == Event.UPDATE if report.deed is Deed.RESOLVED else false()
    unanswered = and_(
        delivery.c.channel == via,
        delivery.c.dedup_key == report.key,
        delivery.c.state.in_([DeliveryState.AMBIGUOUS, DeliveryState.SENDING]),
        or_(debts.pages(delivery), news),
    )
    for row in (await work.conn.execute(select(delivery).where(unanswered))).all():
        if not report.by and await shared(work, row):
            continue
        if row.event != Event.UPDATE:
            await debts.owe(work, rows.delivery(row), None)
        why = f"{via} reported it {report.deed.value} under this key: it had arrived"
        settled = {"state": DeliveryState.ACCEPTED, "finished_at": work.now, "last_error": why}
        await work.conn.execute(update(delivery).where(delivery.c.seq == row.seq).values(**settled))
        await superseding.settle(work, row.id)


async def _meant(work: Work, incident_id: str) -> Incident | None:
    """The one open incident that is meant; no flush that read it before runs on."""
    await work.conn.execute(select(meta.c.value).where(meta.c.key == "flush").with_for_update())
    found = await flush.incidents(work, incident.c.ended_at.is_(None) & _named(incident_id), limit=2)
    return found[0] if len(found) == 1 else None


def _named(incident_id: str) -> ColumnElement[bool]:
    if len(incident_id) < SHORTEST:
        return incident.c.id == incident_id
    return incident.c.id.startswith(incident_id, autoescape=True)


async def _keep(work: Work, before: Incident, after: Incident) -> Incident:
    """Write what changed, and let the next flush look at it."""
    if after != before:
        values = {name: getattr(after, name) for name in (*flush.IN_HAND, "taking_members", "due_at")}
        await work.conn.execute(update(incident).where(incident.c.id == after.id).values(**values))
    return after
