"""Graphs in the outbox: what is not drawn any more, and what they wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, or_, select, update

from watchtower.incidents.graphs import channel_of
from watchtower.model import DeliveryState
from watchtower.store.tables import delivery, incident

if TYPE_CHECKING:
    from watchtower.store.database import Work

NOT_SHOWN = "nothing to show it under: its page left with others, did not arrive, or the incident is over"


async def withdraw(work: Work, lane: str) -> None:
    """Take back graphs that were never tried and whose page has no message of its own, or whose incident ended."""
    page = delivery.alias("page")
    settled = and_(page.c.id == delivery.c.after, page.c.finished_at.is_not(None))
    alone = and_(page.c.state == DeliveryState.ACCEPTED, page.c.digest.is_(None))
    over = exists().where(incident.c.id == delivery.c.incident_id, incident.c.ended_at.is_not(None))
    idle = and_(
        delivery.c.channel == lane,
        delivery.c.finished_at.is_(None),
        delivery.c.state == DeliveryState.PENDING,
        delivery.c.attempts == 0,
    )
    await work.conn.execute(
        update(delivery)
        .where(idle, or_(over, exists().where(settled, ~alone)))
        .values(state=DeliveryState.WITHDRAWN, finished_at=work.now, last_error=NOT_SHOWN)
    )


async def text_waits(work: Work, lane: str) -> bool:
    """Whether anything of the channel itself is out or could leave now: text first."""
    text = and_(delivery.c.channel == channel_of(lane), delivery.c.finished_at.is_(None))
    query = select(delivery.c.seq).where(text, delivery.c.next_at <= work.now).limit(1)
    return (await work.conn.execute(query)).first() is not None
