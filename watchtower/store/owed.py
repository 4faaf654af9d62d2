"""The ledger of resolves owed, as it is audited: what nobody is paying is written into the outbox anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, select

from watchtower.incidents.audit import Owed
from watchtower.model import Event
from watchtower.store import debts, flush, rows
from watchtower.store.tables import debt, delivery, incident

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchtower.incidents.model import Incident
    from watchtower.model import Delivery
    from watchtower.store.database import Work

#: Debts that one audit looks at, those that were tried longest ago first.
LOOKED_AT = 500


async def audit(
    work: Work, decide: Callable[[Sequence[Owed], Mapping[str, Incident]], tuple[Delivery, ...]]
) -> tuple[Delivery, ...]:
    """Look, decide, write: in one transaction that no flush and no other audit overlaps."""
    if not await _nobody_pays(work, limit=1):
        return ()
    await flush.lock(work)
    owed = await _nobody_pays(work, limit=LOOKED_AT)
    ids = {each.debt.incident_id for each in owed}
    found = await flush.incidents(work, incident.c.id.in_(sorted(ids)))
    written = decide(owed, {each.id: each for each in found})
    await flush.add_deliveries(work, written)
    return written


async def _nobody_pays(work: Work, *, limit: int) -> list[Owed]:
    """Debts of incidents that ended, without a resolve in the outbox."""
    resolves = and_(debts.of(delivery), delivery.c.event == Event.RESOLVE)
    coming = exists().where(resolves, delivery.c.finished_at.is_(None))
    last = select(delivery).where(resolves).order_by(delivery.c.seq.desc()).limit(1).correlate(debt)
    tried_at = last.with_only_columns(delivery.c.finished_at).scalar_subquery().label("tried_at")
    detail = last.with_only_columns(delivery.c.last_error).scalar_subquery().label("detail")
    query = (
        select(debt, tried_at, detail)
        .join(incident, incident.c.id == debt.c.incident_id)
        .where(incident.c.ended_at.is_not(None), debt.c.paid_at.is_(None), ~coming)
        .order_by(tried_at.is_not(None), tried_at, debt.c.since)
        .limit(limit)
    )
    found = await work.conn.execute(query)
    return [Owed(rows.debt(row), row.tried_at, row.detail or "") for row in found]
