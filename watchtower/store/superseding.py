"""A page that a newer one of its incident replaces: it waits for the newer, and is never sent once that was accepted.

What is replaced is said by the resolve that waits for the newer page, which the flush wrote with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, select, update

from watchtower.incidents.deliveries import PAGES, RESOLVED_AGAIN_AFTER
from watchtower.model import DeliveryState, Event
from watchtower.store.tables import delivery

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Subquery

    from watchtower.store.database import Work

#: Made once: an alias makes an object of every column, and these are asked with every message.
_MAKING_ROOM, _NEWER = delivery.alias("making_room"), delivery.alias("newer")
_BEFORE_NEWER = delivery.alias("before_newer")

#: What opens something where nothing is open under its key.
_OPENING = (*PAGES, Event.UPDATE)


def waits(row: Subquery) -> ColumnElement[bool]:
    """A row of :func:`sending.heads` is a page whose replacement is on its way: that one rings first.

    It is not waited for where the vendor refused it, nor where something else of its key comes before it.
    """
    resolve, newer, before = _MAKING_ROOM, _NEWER, _BEFORE_NEWER
    first = ~exists().where(
        before.c.channel == newer.c.channel,
        before.c.destination == newer.c.destination,
        before.c.dedup_key == newer.c.dedup_key,
        before.c.finished_at.is_(None),
        before.c.seq < newer.c.seq,
    )
    coming = exists().where(
        resolve.c.incident_id == row.c.incident_id,
        resolve.c.channel == row.c.channel,
        resolve.c.destination == row.c.destination,
        resolve.c.dedup_key == row.c.dedup_key,
        resolve.c.event == Event.RESOLVE,
        resolve.c.finished_at.is_(None),
        newer.c.id == resolve.c.after,
        newer.c.event.in_(PAGES),
        newer.c.finished_at.is_(None),
        newer.c.refused.is_(False),
        newer.c.seq > row.c.seq,
        first,
    )
    return and_(row.c.event.in_(_OPENING), coming)


async def settle(work: Work, page: str) -> None:
    """The page was accepted: what it replaces and was not accepted is not sent any more, only resolved if need be.

    What was refused for sure opened nothing. What was not answered may have, and owes its resolve; that one goes a
    minute later unless another follows it, because the request may still be on its way.
    """
    resolve = delivery.alias("making_room")
    query = (
        select(delivery.c.seq, delivery.c.state, resolve.c.id.label("resolve"))
        .join(
            resolve,
            and_(
                resolve.c.incident_id == delivery.c.incident_id,
                resolve.c.channel == delivery.c.channel,
                resolve.c.destination == delivery.c.destination,
                resolve.c.dedup_key == delivery.c.dedup_key,
            ),
        )
        .where(
            resolve.c.after == page,
            resolve.c.event == Event.RESOLVE,
            resolve.c.finished_at.is_(None),
            delivery.c.seq < resolve.c.seq,
            delivery.c.id != page,
            delivery.c.event.in_(_OPENING),
            delivery.c.finished_at.is_(None),
        )
    )
    for row in (await work.conn.execute(query)).all():
        doubtful = row.state is not DeliveryState.PENDING
        why = "replaced by a newer page that was accepted"
        gone: dict[str, Any] = {"state": DeliveryState.WITHDRAWN, "finished_at": work.now}
        gone["last_error"] = f"{why}; it may have arrived and is resolved" if doubtful else f"{why}; it never arrived"
        await work.conn.execute(update(delivery).where(delivery.c.seq == row.seq).values(**gone))
        if doubtful:
            await _postpone(work, row.resolve)


async def _postpone(work: Work, resolve: str) -> None:
    second = delivery.alias("second")
    followed = exists().where(second.c.after == resolve, second.c.event == Event.RESOLVE)
    later = work.now + RESOLVED_AGAIN_AFTER
    alone = and_(delivery.c.id == resolve, delivery.c.next_at < later, ~followed)
    await work.conn.execute(update(delivery).where(alone).values(next_at=later))
