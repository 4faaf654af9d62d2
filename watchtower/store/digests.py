"""What leaves a channel as one message: rows claimed, marked and settled together, in one transaction each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, exists, func, select, update

from watchtower.incidents.digests import MOST, Batch, Kind, Waiting, choose
from watchtower.model import DeliveryState, Priority
from watchtower.store import debts, mending, rows, sending
from watchtower.store.tables import channel, debt, delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Subquery

    from watchtower.incidents.digests import Choice
    from watchtower.model import Delivery
    from watchtower.store.database import Work
    from watchtower.store.values import Settled, Standing


#: The longest that a channel may wait for company; what seems longer was written before the clock was set back.
GATHERS_AT_MOST = timedelta(minutes=1)


async def next_parcel(work: Work, name: str, epoch: int, new_id: Callable[[], str]) -> Delivery | Batch | None:
    """Claim what leaves next on a channel that takes digests: one row, or several as one message."""
    least = await sending.turn(work, name, epoch)
    if least is None:
        return None
    row = sending.heads([name])
    waiting = await _waiting(work, row, sending.ready(row, epoch, work.now, least))
    choice = choose(waiting, gathering=bool(waiting) and await _gathers(work, name))
    if choice is None:
        return None
    if choice.kind is Kind.SINGLE:
        return await sending.take(work, choice.seqs[0], epoch)
    return await _claim(work, name, epoch, choice, new_id)


async def _gathers(work: Work, name: str) -> bool:
    """It had a digest a short while ago."""
    query = select(channel.c.gathers_until).where(channel.c.name == name)
    until = (await work.conn.execute(query)).scalar_one()
    return until is not None and work.now < until <= work.now + GATHERS_AT_MOST


def gathering(row: Subquery, now: datetime) -> ColumnElement[bool]:
    """A row of :func:`sending.heads` that waits for company on its ``channel``."""
    until = channel.c.gathers_until
    held = and_(until > now, until <= now + GATHERS_AT_MOST, row.c.next_at < until)
    fresh = and_(row.c.tier > Priority.P1, row.c.state == DeliveryState.PENDING)
    return and_(held, fresh, debts.pages(row))


async def _waiting(work: Work, row: Subquery, ready: ColumnElement[bool]) -> list[Waiting]:
    """The rows whose turn it is, and where their incidents are told already."""
    here = and_(
        debt.c.incident_id == row.c.incident_id,
        debt.c.channel == row.c.channel,
        debt.c.destination == row.c.destination,
        debt.c.ref.is_not(None),
    )
    mends = mending.mends(row)
    own = and_(exists().where(here, debt.c.digest.is_(None)), ~mends)
    newest = select(debt.c.digest).where(here, debt.c.digest.is_not(None)).order_by(debt.c.since.desc()).limit(1)
    told_in = case((mends, mending.mended(row)), else_=newest.scalar_subquery())
    columns = [row.c[name] for name in ("seq", "tier", "event", "state", "destination", "digest")]
    query = (
        select(*columns, own.label("own"), told_in.label("told_in"))
        .where(ready)
        .order_by(row.c.tier, row.c.seq)
        .limit(2 * MOST)
    )
    return [Waiting(**{**one._mapping, "own": bool(one.own)}) for one in await work.conn.execute(query)]


async def _claim(work: Work, name: str, epoch: int, choice: Choice, new_id: Callable[[], str]) -> Batch:
    """Mark the rows; one that is sent again takes exactly those that left with it."""
    digest = choice.digest or new_id()
    again = and_(delivery.c.channel == name, delivery.c.digest == digest, delivery.c.finished_at.is_(None))
    chosen = again if choice.kind is Kind.AGAIN else delivery.c.seq.in_(choice.seqs)
    taken = (await work.conn.execute(select(delivery).where(chosen).order_by(delivery.c.tier, delivery.c.seq))).all()
    edits = choice.kind is Kind.EDIT
    await sending.mark(work, [row.seq for row in taken], epoch, digest=None if edits else digest)
    mine = tuple(map(rows.delivery, taken))
    if not edits:
        return Batch(digest, choice.kind, mine, mine)
    return Batch(digest, choice.kind, mine, await _told(work, mine, digest), await _ref(work, name, digest))


async def _told(work: Work, mine: Sequence[Delivery], digest: str) -> tuple[Delivery, ...]:
    """Of each incident in a digest the newest row that reached its channel or is about to."""
    inside = select(delivery.c.incident_id).where(delivery.c.digest == digest, debts.pages(delivery))
    newest = (
        select(func.max(delivery.c.seq))
        .where(
            delivery.c.channel == mine[0].channel,
            delivery.c.destination == mine[0].destination,
            delivery.c.incident_id.in_(inside),
            delivery.c.state.in_([DeliveryState.ACCEPTED, DeliveryState.SENDING]),
        )
        .group_by(delivery.c.incident_id)
    )
    found = await work.conn.execute(select(delivery).where(delivery.c.seq.in_(newest)).limit(MOST))
    return tuple(map(rows.delivery, found)) or tuple(mine)


async def _ref(work: Work, name: str, digest: str) -> Mapping[str, Any] | None:
    """The message that the digest is."""
    mine = and_(debt.c.channel == name, debt.c.digest == digest, debt.c.ref.is_not(None))
    found: Mapping[str, Any] | None = (
        await work.conn.execute(select(debt.c.ref).where(mine).limit(1))
    ).scalar_one_or_none()
    return found


async def finish(
    work: Work, batch: Batch, epoch: int, settled: Sequence[Settled], standing: Standing, gathers_for: float
) -> bool:
    """Write how one message ended for all its rows, once; False when the channel is somebody else's by now."""
    name = batch.rows[0].channel
    if not await debts.holds(work, name, epoch):
        return False
    kept = [await debts.close(work, row, epoch, one, batch.id) for row, one in zip(batch.rows, settled, strict=True)]
    if not any(kept):
        return False
    await _follow(work, batch, settled)
    if batch.kind is not Kind.EDIT and all(one.state is DeliveryState.ACCEPTED for one in settled):
        gathers = (
            update(channel)
            .where(channel.c.name == name)
            .values(gathers_until=work.now + timedelta(seconds=gathers_for))
        )
        await work.conn.execute(gathers)
    await debts.stand(work, name, standing)
    return True


async def _follow(work: Work, batch: Batch, settled: Sequence[Settled]) -> None:
    """What was refused may be told in other company; a message that was posted afresh is the digest's from now on."""
    refused = and_(delivery.c.digest == batch.id, delivery.c.state == DeliveryState.PENDING)
    await work.conn.execute(update(delivery).where(refused).values(digest=None))
    ref = next((one.ref for one in settled if one.ref is not None), None)
    if batch.kind is Kind.EDIT and ref is not None and ref != batch.ref:
        mine = and_(debt.c.channel == batch.rows[0].channel, debt.c.digest == batch.id)
        await work.conn.execute(update(debt).where(mine).values(ref=ref))
