"""Channels: the unit of sending. Whoever holds the lease sends, in order, at the channel's pace."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, exists, func, literal, or_, select, update
from sqlalchemy.sql import and_

from watchtower.model import DeliveryState, Priority
from watchtower.store import debts, digests, rows
from watchtower.store.columns import Moment
from watchtower.store.sending import furthest, heads, unblocked
from watchtower.store.tables import channel, debt, delivery
from watchtower.store.units import free

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from watchtower.store.database import Work
    from watchtower.store.values import Standing


async def claim(work: Work, name: str, worker: str, *, lease: float) -> int | None:
    """Lease a channel; its new epoch, or None while another worker holds it.

    Claiming again what one already holds gives a new epoch too: what the old one left in ``sending`` is then
    known to be nobody's.
    """
    values = {"worker": worker, "lease": lease, "lease_until": work.now + timedelta(seconds=lease)}
    column = channel.c
    statement = (
        work.insert(channel)
        .values(name=name, epoch=1, **values)
        .on_conflict_do_update(
            index_elements=["name"],
            set_=values | {"epoch": column.epoch + 1},
            where=or_(free(column.lease_until, work.now, lease), column.worker == worker),
        )
        .returning(column.epoch)
    )
    epoch: int | None = (await work.conn.execute(statement)).scalar_one_or_none()
    return epoch


async def standings(work: Work) -> dict[str, Standing]:
    """By name, how each channel fares that was ever configured or used."""
    return {row.name: rows.standing(row, work.now) for row in await work.conn.execute(select(channel))}


async def release(work: Work, name: str, epoch: int) -> None:
    """Let another worker have the channel at once."""
    mine = and_(channel.c.name == name, channel.c.epoch == epoch)
    await work.conn.execute(update(channel).where(mine).values(lease_until=None))


async def retarget(work: Work, name: str, known: Collection[str], today: str) -> int:
    """Lead to ``today`` what waits for a destination that nothing reaches any more; how many rows that were.

    1. A page goes to wherever its channel leads now, also when an attempt at the old place may have arrived: a page
       that stays behind is a lost page, and the debt of that attempt stays recorded.
    2. A message that follows such a page goes with it, unless the old place is owed it.
    """
    row = delivery.c
    lost = and_(row.channel == name, row.finished_at.is_(None), row.destination.not_in(sorted(known)))
    owed = exists().where(debts.of(delivery), debt.c.paid_at.is_(None))
    follows = and_(row.attempts == 0, ~owed)
    moved = update(delivery).where(lost, or_(debts.pages(delivery), follows)).values(destination=today)
    return (await work.conn.execute(moved)).rowcount


async def strays(work: Work, name: str, known: Collection[str]) -> list[str]:
    """The destinations of a channel's open rows that are none of ``known``."""
    row = delivery.c
    lost = and_(row.channel == name, row.finished_at.is_(None), row.destination.not_in(sorted(known)))
    return list((await work.conn.execute(select(row.destination).where(lost).distinct())).scalars())


async def count_duplicate(work: Work, name: str, epoch: int) -> bool:
    """Count a message that may be there twice from now on; False, and nothing, when the channel is somebody else's."""
    mine = and_(channel.c.name == name, channel.c.epoch == epoch)
    counted = update(channel).where(mine).values(possible_duplicates=channel.c.possible_duplicates + 1)
    return (await work.conn.execute(counted)).rowcount == 1


async def free_all(work: Work) -> None:
    """End every lease: for who opens a store that nobody else can be holding."""
    await work.conn.execute(update(channel).values(lease_until=None))


async def next_due(work: Work, names: Collection[str]) -> dict[str, datetime]:
    """By channel, when something could be sent; only channels that have open rows.

    A row that waits for another is not counted: the other is. A request that is out counts when its holder's
    lease ends.
    """
    row = heads(names)
    urgent = row.c.tier <= Priority.P2
    in_flight = and_(row.c.state == DeliveryState.SENDING, row.c.sending_epoch == channel.c.epoch)
    moment = case(
        (in_flight, func.coalesce(channel.c.lease_until, row.c.next_at)),
        (digests.gathering(row, work.now), channel.c.gathers_until),
        (row.c.next_at > furthest(work.now), literal(work.now, Moment)),
        else_=row.c.next_at,
    )
    query = (
        select(channel.c.name, urgent.label("urgent"), func.min(moment).label("due_at"))
        .join(row, row.c.channel == channel.c.name)
        .where(unblocked(row))
        .group_by(channel.c.name, urgent)
    )
    found = (await work.conn.execute(query)).all()
    standing = await standings(work) if found else {}
    due: dict[str, datetime] = {}
    for one in found:
        free_at = standing[one.name].free_from(urgent=bool(one.urgent))
        when = max(one.due_at, free_at or one.due_at)
        due[one.name] = min(when, due.get(one.name, when))
    return due
