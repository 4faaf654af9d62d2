"""Asides in the outbox, graphs and evidence that was late: what is not shown any more, and what they wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, exists, or_, select, update

from watchtower.incidents.lanes import channel_of
from watchtower.model import DeliveryState, Event
from watchtower.store.tables import delivery, incident

if TYPE_CHECKING:
    from watchtower.store.database import Work

#: What follows a page: nothing is owed for it, and nobody misses it.
ASIDES = (Event.GRAPH, Event.EVIDENCE)
NOT_SHOWN = "nothing to show it under: its page left with others, did not arrive, or the incident is over"


async def withdraw(work: Work, lane: str, epoch: int) -> None:
    """Take back what has nothing to be shown under, and what is about an incident that ended.

    Also what was tried: whatever became of that, it need not be tried again.
    """
    page = delivery.alias("page")
    settled = and_(page.c.id == delivery.c.after, page.c.finished_at.is_not(None))
    alone = and_(page.c.state == DeliveryState.ACCEPTED, page.c.digest.is_(None))
    over = exists().where(incident.c.id == delivery.c.incident_id, incident.c.ended_at.is_not(None))
    mine = and_(delivery.c.channel == lane, delivery.c.finished_at.is_(None), _idle(epoch))
    await work.conn.execute(
        update(delivery)
        .where(mine, or_(over, exists().where(settled, ~alone)))
        .values(state=DeliveryState.WITHDRAWN, finished_at=work.now, last_error=NOT_SHOWN)
    )


def _idle(epoch: int) -> ColumnElement[bool]:
    """No request of it is out."""
    crashed = and_(delivery.c.state == DeliveryState.SENDING, delivery.c.sending_epoch != epoch)
    return or_(delivery.c.state.in_([DeliveryState.PENDING, DeliveryState.AMBIGUOUS]), crashed)


async def text_waits(work: Work, lane: str) -> bool:
    """Whether anything of the channel itself is out or could leave now: text first."""
    text = and_(delivery.c.channel == channel_of(lane), delivery.c.finished_at.is_(None))
    query = select(delivery.c.seq).where(text, delivery.c.next_at <= work.now).limit(1)
    return (await work.conn.execute(query)).first() is not None
