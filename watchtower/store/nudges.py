"""Units that are made due early because something was heard of what they look at; never more often than they may be."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Update, bindparam, select, update

from watchtower.store.columns import Moment
from watchtower.store.tables import work_unit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from watchtower.store.database import Work
    from watchtower.store.rows import AnyRow


async def nudge(work: Work, units: Collection[str], gap: float) -> Mapping[str, datetime]:
    """Make these units due, each at least ``gap`` seconds after it was so the last time.

    Returns when each of them is looked at next: what is heard until then is in it. A unit that failed is left out,
    unless somebody holds it: it is tried again soon anyway, and its pauses are what AWS asked for.
    """
    unit = work_unit.c
    query = (
        select(unit.id, unit.due_at, unit.lease_until, unit.nudged_at, unit.failures)
        .where(unit.id.in_(sorted(set(units))))
        .order_by(unit.id)
        .with_for_update()
    )
    changed = []
    for row in await work.conn.execute(query):
        held = row.lease_until is not None and row.lease_until > work.now
        if row.failures and not held:
            continue
        moment = _next(row, work.now, timedelta(seconds=gap))
        if held:
            changed.append({"unit": row.id, "due": moment, "looked": moment})
        else:
            soonest = min(moment, max(work.now, row.due_at))
            changed.append({"unit": row.id, "due": min(row.due_at, moment), "looked": soonest})
    if changed:
        await work.conn.execute(_early(), changed)
    return {row["unit"]: row["looked"] for row in changed}


def _early() -> Update:
    unit = work_unit.c
    return (
        update(work_unit)
        .where(unit.id == bindparam("unit"))
        .values(
            due_at=bindparam("due", type_=Moment),
            nudged_at=bindparam("looked", type_=Moment),
            woken=unit.woken + 1,
        )
    )


def _next(row: AnyRow, now: datetime, gap: timedelta) -> datetime:
    """The next moment at which the unit may be due early; the one that it waits for, where it does."""
    if row.nudged_at is None or row.nudged_at > now + gap:  # further ahead than it can be: the clock was set back
        return now
    if row.nudged_at > now:
        waits: datetime = row.nudged_at
        return waits
    moment: datetime = max(now, row.nudged_at + gap)
    return moment
