"""After the clock was set back: what is stored must not wait for a time that was."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, and_, case, literal, or_, type_coerce, update

from watchtower.store import codec
from watchtower.store.columns import Moment
from watchtower.store.tables import delivery, incident, work_unit

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import ColumnElement

    from watchtower.store.database import Work


#: When something happened to an incident.
_STAMPS = (
    "opened_at",
    "last_page_at",
    "told_at",
    "acknowledged_at",
    "called_at",
    "escalated_at",
    "repeated_at",
)


async def mend(work: Work, retries_after: float) -> None:
    """Make due now what is due further ahead than it can be, and let nothing have happened later than now.

    A retry that is more than ``retries_after`` seconds ahead is due now. How a channel fares knows by itself when it
    was written.
    """
    await _units(work)
    furthest = work.now + timedelta(seconds=retries_after)
    ahead = and_(delivery.c.finished_at.is_(None), delivery.c.next_at > furthest)
    await work.conn.execute(update(delivery).where(ahead).values(next_at=work.now))
    await _incidents(work)


async def _units(work: Work) -> None:
    unit, now = work_unit.c, codec.to_micros(work.now)
    ahead = type_coerce(unit.due_at, BigInteger) - now > type_coerce(unit.period, BigInteger) * 1_000_000
    await work.conn.execute(update(work_unit).where(ahead).values(due_at=work.now))
    await work.conn.execute(update(work_unit).where(unit.failing_since > work.now).values(failing_since=work.now))


async def _incidents(work: Work) -> None:
    stamps = {name: incident.c[name] for name in _STAMPS}
    later = or_(*(stamp > work.now for stamp in stamps.values()))
    values = {name: _no_later(stamp, work) for name, stamp in stamps.items()}
    await work.conn.execute(
        update(incident).where(incident.c.ended_at.is_(None), later).values(**values, due_at=work.now)
    )
    waiting = and_(incident.c.ended_at.is_not(None), incident.c.due_at > work.now)
    await work.conn.execute(update(incident).where(waiting).values(due_at=work.now))


def _no_later(stamp: ColumnElement[Any], work: Work) -> ColumnElement[Any]:
    return case((stamp > work.now, literal(work.now, Moment)), else_=stamp)
