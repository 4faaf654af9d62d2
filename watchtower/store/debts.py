"""How an attempt ended, and what is owed since: whoever was paged is owed one accepted resolve."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, Table, and_, case, or_, select, update

from watchtower.incidents.deliveries import RESOLVED_AGAIN_AFTER
from watchtower.model import DeliveryState, Event
from watchtower.store import mending, rows, superseding
from watchtower.store.tables import channel, debt, delivery, incident

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.incidents.model import Debt
    from watchtower.model import Delivery
    from watchtower.store.database import Work
    from watchtower.store.values import Settled, Standing

#: What opens something at the vendor, so that it must be closed there.
PAGES = (Event.TRIGGER, Event.ESCALATION, Event.REPEAT)
RESOLVED_ALREADY = "resolved already"


def pages(table: FromClause) -> ColumnElement[bool]:
    """The row opens something at the vendor."""
    return table.c.event.in_(PAGES)


def of(table: Table) -> ColumnElement[bool]:
    """The debts that a row of ``table`` makes, pays or belongs to."""
    return and_(
        debt.c.incident_id == table.c.incident_id,
        debt.c.channel == table.c.channel,
        debt.c.destination == table.c.destination,
        debt.c.dedup_key == table.c.dedup_key,
    )


def _of(sent: Delivery) -> ColumnElement[bool]:
    return and_(
        debt.c.incident_id == sent.incident_id,
        debt.c.channel == sent.channel,
        debt.c.destination == sent.destination,
        debt.c.dedup_key == sent.dedup_key,
    )


async def finish(work: Work, sent: Delivery, epoch: int, settled: Settled, standing: Standing | None) -> bool:
    """Write how a request ended, once; False when the channel or the row belongs to somebody else by now."""
    if not await holds(work, sent.channel, epoch) or not await close(work, sent, epoch, settled):
        return False
    if standing is not None:
        await stand(work, sent.channel, standing)
    return True


async def holds(work: Work, name: str, epoch: int) -> bool:
    """The channel is still the worker's that was given this epoch, and stays so until the commit."""
    query = select(channel.c.epoch).where(channel.c.name == name).with_for_update()
    return bool((await work.conn.execute(query)).scalar_one_or_none() == epoch)


async def close(work: Work, sent: Delivery, epoch: int, settled: Settled, digest: str | None = None) -> bool:
    """Write what an attempt made of a row and of what is owed; False when the row is not this attempt's.

    ``digest`` is the message of several that it left with.
    """
    if not await _close(work, sent, epoch, settled):
        return False
    if sent.event in PAGES and settled.state in (DeliveryState.ACCEPTED, DeliveryState.AMBIGUOUS):
        await owe(work, sent, settled.ref, digest)
        if settled.state is DeliveryState.ACCEPTED:
            await superseding.settle(work, sent.id)
    elif settled.state is DeliveryState.ACCEPTED:
        await _accepted(work, sent, None if digest else settled.ref)
        if sent.event is Event.RESOLVE:
            await mending.mend(work, sent, digest)
    await _tell_on(work, sent, settled)
    return True


async def _tell_on(work: Work, sent: Delivery, settled: Settled) -> None:
    """Remember that the channel accepts; a page that it never will is told elsewhere by the next flush."""
    if settled.state is DeliveryState.ACCEPTED:
        await work.conn.execute(update(channel).where(channel.c.name == sent.channel).values(accepted_at=work.now))
    elif sent.event in PAGES and (settled.refused or settled.state is DeliveryState.DEAD):
        await work.conn.execute(update(incident).where(incident.c.id == sent.incident_id).values(due_at=work.now))


async def stand(work: Work, name: str, standing: Standing) -> None:
    """Keep how the channel fares; once it rests no more, what waited for its next try may leave at once."""
    mine = channel.c.name == name
    resting = update(channel).where(mine, channel.c.rest_until.is_not(None)).values(rest_until=None)
    rested = (await work.conn.execute(resting)).rowcount == 1
    told = {field.name: getattr(standing, field.name) for field in fields(standing)}
    await work.conn.execute(update(channel).where(mine).values(**told, stood_at=work.now))
    if rested and not standing.open:
        tried = and_(delivery.c.channel == name, delivery.c.finished_at.is_(None), delivery.c.attempts > 0)
        waiting = and_(tried, delivery.c.next_at > work.now)
        await work.conn.execute(update(delivery).where(waiting).values(next_at=work.now))


async def _close(work: Work, sent: Delivery, epoch: int, settled: Settled) -> bool:
    """Leave ``sending``; what the vendor said last about a row that was accepted is kept for explanations."""
    values: dict[str, Any] = {"state": settled.state, "refused": settled.refused}
    if settled.state.open:
        values["next_at"] = settled.next_at or work.now
    else:
        values["finished_at"] = work.now
    if settled.state is not DeliveryState.ACCEPTED:
        values["last_error"] = settled.detail
    mine = and_(
        delivery.c.id == sent.id,
        delivery.c.state == DeliveryState.SENDING,
        delivery.c.sending_epoch == epoch,
    )
    return (await work.conn.execute(update(delivery).where(mine).values(**values))).rowcount == 1


async def owe(work: Work, sent: Delivery, ref: Mapping[str, Any] | None, digest: str | None = None) -> None:
    """Record that a resolve is owed from now on; a second page of the same key owes no second one.

    A message of its own carries an incident on, whatever digest told of it before; a digest does not take the place
    of a message that is there.
    """
    insert = work.insert(debt).values(
        incident_id=sent.incident_id,
        tier=sent.tier,
        channel=sent.channel,
        destination=sent.destination,
        dedup_key=sent.dedup_key,
        ref=ref,
        since=work.now,
        digest=digest,
    )
    stays: ColumnElement[bool] = insert.excluded.ref.is_(None)
    if digest is not None:
        stays = or_(stays, and_(debt.c.paid_at.is_(None), debt.c.ref.is_not(None)))
    await work.conn.execute(
        insert.on_conflict_do_update(
            index_elements=list(debt.primary_key.columns),
            set_={
                "ref": case((stays, debt.c.ref), else_=insert.excluded.ref),
                "digest": case((stays, debt.c.digest), else_=insert.excluded.digest),
                "since": case((debt.c.paid_at.is_(None), debt.c.since), else_=insert.excluded.since),
                "paid_at": None,
            },
        )
    )


async def _accepted(work: Work, sent: Delivery, ref: Mapping[str, Any] | None) -> None:
    """A resolve pays; any message may tell a newer reference."""
    unpaid = and_(_of(sent), debt.c.paid_at.is_(None))
    if ref is not None:
        own = and_(unpaid, debt.c.digest.is_(None))  # the rest keeps the message of its digest, which is edited apart
        if not (await work.conn.execute(update(debt).where(own).values(ref=ref))).rowcount:
            await work.conn.execute(update(debt).where(unpaid).values(ref=ref, digest=None))
    if sent.event is Event.RESOLVE:
        await work.conn.execute(update(debt).where(unpaid).values(paid_at=work.now))
        await _withdraw_older(work, sent)
        await _postpone_second(work, sent)


async def _withdraw_older(work: Work, resolve: Delivery) -> None:
    """A page that left after its resolve would open the incident anew, and nothing would close it."""
    older = and_(
        delivery.c.channel == resolve.channel,
        delivery.c.destination == resolve.destination,
        delivery.c.dedup_key == resolve.dedup_key,
        delivery.c.seq < resolve.seq,
        delivery.c.finished_at.is_(None),
        pages(delivery),
    )
    await work.conn.execute(
        update(delivery)
        .where(older)
        .values(state=DeliveryState.WITHDRAWN, finished_at=work.now, last_error=RESOLVED_ALREADY)
    )


async def _postpone_second(work: Work, resolve: Delivery) -> None:
    """The resolve that follows it is for what arrives late: its time counts from now."""
    second = and_(delivery.c.after == resolve.id, delivery.c.finished_at.is_(None), delivery.c.attempts == 0)
    later = work.now + RESOLVED_AGAIN_AFTER
    await work.conn.execute(update(delivery).where(second, delivery.c.next_at < later).values(next_at=later))


async def unpaid(work: Work) -> list[Debt]:
    """Every resolve that is owed, the oldest first."""
    query = select(debt).where(debt.c.paid_at.is_(None)).order_by(debt.c.since, debt.c.incident_id, debt.c.tier)
    return [rows.debt(row) for row in await work.conn.execute(query)]
