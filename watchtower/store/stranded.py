"""What is owed where nothing leads any more: found, and written off when a person says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, insert, select, union, update

from watchtower.incidents.lanes import is_lane
from watchtower.model import DeliveryState
from watchtower.store import flush
from watchtower.store.tables import debt, decision, delivery, incident_member

if TYPE_CHECKING:
    from collections.abc import Collection

    from watchtower.store.database import Work

#: The outcome of the decision, as ``watchtower why`` prints it.
WRITTEN_OFF = "written off"


async def places(work: Work) -> frozenset[tuple[str, str]]:
    """Every channel and destination that is owed something, or for which something waits."""
    owed = select(debt.c.channel, debt.c.destination).where(debt.c.paid_at.is_(None))
    waiting = select(delivery.c.channel, delivery.c.destination).where(delivery.c.finished_at.is_(None))
    found = await work.conn.execute(union(owed, waiting))
    return frozenset((row.channel, row.destination) for row in found if not is_lane(row.channel))


async def write_off(work: Work, name: str, destinations: Collection[str], by: str) -> int:
    """Owe these destinations of a channel nothing any more, and send them nothing; how many resolves were owed.

    It is kept as a decision about each alert of the incidents: what still looks open there, somebody has to close.
    """
    await flush.lock(work)
    there = sorted(destinations)
    owed = and_(debt.c.channel == name, debt.c.destination.in_(there), debt.c.paid_at.is_(None))
    rows = and_(delivery.c.channel == name, delivery.c.destination.in_(there), delivery.c.state.in_(_UNSENT))
    about = union(select(debt.c.incident_id).where(owed), select(delivery.c.incident_id).where(rows))
    incidents = sorted((await work.conn.execute(about)).scalars())
    reason = f"what channel {name} was owed, because nothing leads there any more: by {by}"
    await _note(work, incidents, reason)
    settled = {"state": DeliveryState.WITHDRAWN, "finished_at": work.now, "last_error": f"written off by {by}"}
    await work.conn.execute(update(delivery).where(rows).values(**settled))
    return (await work.conn.execute(update(debt).where(owed).values(paid_at=work.now))).rowcount


#: Not what is under way: its outcome says what is owed.
_UNSENT = (DeliveryState.PENDING, DeliveryState.AMBIGUOUS, DeliveryState.DEAD)


async def _note(work: Work, incidents: Collection[str], reason: str) -> None:
    members = select(incident_member.c.incident_id, incident_member.c.alert_id)
    found = await work.conn.execute(members.where(incident_member.c.incident_id.in_(incidents)))
    noted = {"transition_seq": 0, "outcome": WRITTEN_OFF, "reason": reason, "at": work.now}
    values = [{"alert_id": row.alert_id, "incident_id": row.incident_id, **noted} for row in found]
    if values:
        await work.conn.execute(insert(decision), values)
