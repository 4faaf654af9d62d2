"""What may be forgotten, in steps that each hold the writer only briefly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, Table, and_, delete, exists, func, or_, select

from watchtower.model import State
from watchtower.store.asides import ASIDES
from watchtower.store.tables import (
    alert_state,
    alert_transition,
    debt,
    decision,
    delivery,
    evaluation,
    incident,
    outage,
    received,
    silence,
)

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.store.database import Work

#: Transitions and decisions that are kept of every alert.
KEPT = 50
#: Rows that one step removes.
STEP = 500


async def step(work: Work, before: datetime) -> bool:
    """Forget some of what is older than ``before``; True when there may be more."""
    removed = [
        await _remove(work, incident, "id", _settled(before)),
        await _remove(work, alert_transition, "seq", _surplus(alert_transition, before, consumed=True)),
        await _remove(work, decision, "seq", _surplus(decision, before, consumed=False)),
        await _remove(work, evaluation, "seq", select(evaluation.c.seq).where(evaluation.c.at < before)),
        await _remove(work, outage, "seq", select(outage.c.seq).where(outage.c.until < before)),
        await _remove(work, alert_state, "id", _forgotten(before)),
        await _remove(work, silence, "id", select(silence.c.id).where(silence.c.ends_at < before)),
        await _heeded(work, before),
    ]
    return max(removed) >= STEP


async def _heeded(work: Work, before: datetime) -> int:
    """What somebody said of a probe was heeded long ago; a ping is kept, for its like may come once a month."""
    said = received.c.source == "probe"
    return (await work.conn.execute(delete(received).where(said, received.c.at < before))).rowcount


async def _remove(work: Work, table: Table, key: str, chosen: Select[Any]) -> int:
    statement = delete(table).where(table.c[key].in_(chosen.limit(STEP)))
    return (await work.conn.execute(statement)).rowcount


def _settled(before: datetime) -> Select[Any]:
    """Incidents that ended, owe nothing and wait for nothing; their rows go with them."""
    owes = exists().where(debt.c.incident_id == incident.c.id, debt.c.paid_at.is_(None))
    open_row = and_(delivery.c.incident_id == incident.c.id, delivery.c.finished_at.is_(None))
    waits = exists().where(open_row, delivery.c.event.not_in(ASIDES))  # an aside whose lane is gone would wait for ever
    return select(incident.c.id).where(incident.c.ended_at < before, ~owes, ~waits)


def _surplus(table: Table, before: datetime, *, consumed: bool) -> Select[Any]:
    """Rows older than ``before`` or beyond the newest of their alert; a transition only once it is consumed."""
    place = func.row_number().over(partition_by=table.c.alert_id, order_by=table.c.seq.desc())
    ranked = select(table, place.label("place")).subquery()
    surplus = or_(ranked.c.at < before, ranked.c.place > KEPT)
    return select(ranked.c.seq).where(and_(surplus, ranked.c.consumed) if consumed else surplus)


def _forgotten(before: datetime) -> Select[Any]:
    plain = and_(alert_state.c.state == State.OK, ~alert_state.c.firing)
    return select(alert_state.c.id).where(plain, alert_state.c.updated_at < before)
