"""How every channel fares: what it accepted last, what was given up on it, what it is owed; and what is open."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, case, func, literal_column, select

from watchtower.incidents.lanes import is_lane
from watchtower.store import rows
from watchtower.store.asides import ASIDES
from watchtower.store.tables import channel, debt, delivery, incident
from watchtower.store.values import ChannelHealth, Standing

if TYPE_CHECKING:
    from watchtower.model import Delivery, Priority
    from watchtower.store.database import Work

#: A resolve of an incident that ended longer ago is overdue.
OVERDUE_AFTER = timedelta(minutes=5)

#: What was given up, but for what only follows a page: whoever misses it has the page. Written as the index is.
_LETTERS = and_(delivery.c.state == literal_column("'dead'"), delivery.c.event.not_in(ASIDES))


async def health(work: Work) -> dict[str, ChannelHealth]:
    """By name, every channel that was ever configured or used."""
    known = {row.name: row for row in await work.conn.execute(select(channel)) if not is_lane(row.name)}
    dead = {row.channel: row for row in await work.conn.execute(_dead())}
    owed = {row.channel: row for row in await work.conn.execute(_owed(work))}
    return {
        name: ChannelHealth(
            name=name,
            standing=rows.standing(known[name], work.now) if name in known else Standing(),
            accepted_at=known[name].accepted_at if name in known else None,
            dead=dead[name].dead if name in dead else 0,
            died_at=dead[name].died_at if name in dead else None,
            owed=owed[name].owed if name in owed else 0,
            overdue=owed[name].overdue if name in owed else 0,
            overdue_since=owed[name].since if name in owed else None,
            possible_duplicates=known[name].possible_duplicates if name in known else 0,
        )
        for name in sorted({*known, *dead, *owed})
    }


def _dead() -> Select[Any]:
    died_at = func.max(delivery.c.finished_at).label("died_at")
    return select(delivery.c.channel, func.count().label("dead"), died_at).where(_LETTERS).group_by(delivery.c.channel)


def _owed(work: Work) -> Select[Any]:
    overdue = incident.c.ended_at <= work.now - OVERDUE_AFTER
    return (
        select(
            debt.c.channel,
            func.count().label("owed"),
            func.sum(case((overdue, 1), else_=0)).label("overdue"),
            func.min(case((overdue, incident.c.ended_at))).label("since"),
        )
        .join(incident, incident.c.id == debt.c.incident_id)
        .where(debt.c.paid_at.is_(None))
        .group_by(debt.c.channel)
    )


async def dead_letters(work: Work, *, limit: int) -> list[Delivery]:
    """What was given up, the newest first."""
    query = select(delivery).where(_LETTERS).order_by(delivery.c.seq.desc())
    return [rows.delivery(row) for row in await work.conn.execute(query.limit(limit))]


async def open_tiers(work: Work) -> dict[Priority, int]:
    """How many incidents are open, by tier."""
    query = select(incident.c.tier, func.count().label("open")).where(incident.c.ended_at.is_(None))
    return {row.tier: row.open for row in await work.conn.execute(query.group_by(incident.c.tier))}
