"""What a sender takes from the outbox: the most urgent row whose turn it is, marked before it leaves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, Subquery, and_, exists, func, or_, select, update

from watchtower.model import DeliveryState, Event, Priority
from watchtower.store import debts, rows
from watchtower.store.tables import channel, debt, delivery, incident
from watchtower.store.values import FURTHEST_RETRY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from watchtower.model import Delivery
    from watchtower.store.database import Work
    from watchtower.store.rows import AnyRow
    from watchtower.store.values import Standing

#: How long a page waits for its incident to be judged.
JUDGED_WITHIN = timedelta(seconds=60)
NEVER_TOLD = "its trigger never reached the channel: nothing is owed"


async def next_delivery(work: Work, name: str, epoch: int) -> Delivery | None:
    """Claim the next row of a channel, as it was before; None when there is none or the channel is lost."""
    held = await _extend(work, name, epoch)
    if held is None:
        return None
    await _settle(work, name, epoch)
    standing = rows.standing(held, work.now)
    if _held(standing, work.now, urgent=True):
        return None
    row = await _pick(work, name, epoch, urgent_only=_held(standing, work.now, urgent=False))
    if row is None:
        return None
    await _mark(work, row, epoch)
    return rows.delivery(row, await _ref(work, row))


async def _extend(work: Work, name: str, epoch: int) -> AnyRow | None:
    """The channel's row with its lease extended; None when another worker took it or the lease lapsed."""
    query = select(channel).where(channel.c.name == name, channel.c.epoch == epoch).with_for_update()
    found = (await work.conn.execute(query)).one_or_none()
    if found is None or found.lease_until is None or found.lease_until <= work.now:
        return None
    until = work.now + timedelta(seconds=found.lease)
    await work.conn.execute(update(channel).where(channel.c.name == name).values(lease_until=until))
    return found


async def _settle(work: Work, name: str, epoch: int) -> None:
    """Write what needs no request: debts of requests that a crash left open, and resolves that nobody owes."""
    orphaned = select(delivery).where(
        delivery.c.channel == name, delivery.c.finished_at.is_(None), _crashed(delivery, epoch), debts.pages(delivery)
    )
    for row in await work.conn.execute(orphaned):
        await debts.owe(work, rows.delivery(row), None)
    await work.conn.execute(
        update(delivery)
        .where(
            delivery.c.channel == name,
            delivery.c.finished_at.is_(None),
            delivery.c.event == Event.RESOLVE,
            delivery.c.state == DeliveryState.PENDING,
            delivery.c.attempts == 0,
            ~_owed(),
        )
        .values(state=DeliveryState.WITHDRAWN, finished_at=work.now, last_error=NEVER_TOLD)
    )


def _crashed(row: FromClause, epoch: int) -> ColumnElement[bool]:
    """The request left under an epoch that is over: nobody knows whether it arrived."""
    return and_(row.c.state == DeliveryState.SENDING, row.c.sending_epoch != epoch)


def _owed() -> ColumnElement[bool]:
    """A resolve has something to resolve: an unpaid debt, or a page before it that may still go out."""
    page = delivery.alias("page")
    unpaid = exists().where(debts.of(delivery), debt.c.paid_at.is_(None))
    coming = exists().where(
        page.c.incident_id == delivery.c.incident_id,
        page.c.channel == delivery.c.channel,
        page.c.destination == delivery.c.destination,
        page.c.dedup_key == delivery.c.dedup_key,
        page.c.seq < delivery.c.seq,
        page.c.finished_at.is_(None),
        debts.pages(page),
    )
    return or_(unpaid, coming)


def _held(standing: Standing, now: datetime, *, urgent: bool) -> bool:
    free_from = standing.free_from(urgent=urgent)
    return free_from is not None and free_from > now


async def _pick(work: Work, name: str, epoch: int, *, urgent_only: bool) -> AnyRow | None:
    row = heads([name])
    least = Priority.P2 if urgent_only else Priority.P5
    sendable = or_(row.c.state.in_([DeliveryState.PENDING, DeliveryState.AMBIGUOUS]), _crashed(row, epoch))
    chosen = (
        select(row.c.seq)
        .where(unblocked(row), sendable, row.c.tier <= least, _timely(row, work.now), ~_to_be_judged(row, work.now))
        .order_by(row.c.tier, row.c.seq)
        .limit(1)
    )
    found = await work.conn.execute(select(delivery).where(delivery.c.seq == chosen.scalar_subquery()))
    return found.one_or_none()


def _timely(row: Subquery, now: datetime) -> ColumnElement[bool]:
    """Its time has come, or is so far ahead that the clock must have been set back since."""
    return or_(row.c.next_at <= now, row.c.next_at > furthest(now))


def furthest(now: datetime) -> datetime:
    """The latest moment that a retry can be set to at ``now``."""
    return now + timedelta(seconds=FURTHEST_RETRY)


def _to_be_judged(row: Subquery, now: datetime) -> ColumnElement[bool]:
    """A page that was never tried, of an incident that the flush is to look at: a silence may hold it back by now.

    Resolves are owed whatever holds. A flush that has not looked within a minute cannot: better told than lost.
    """
    due = exists().where(
        incident.c.id == row.c.incident_id,
        incident.c.ended_at.is_(None),
        incident.c.due_at <= now,
        incident.c.due_at > now - JUDGED_WITHIN,
    )
    untried = and_(row.c.state == DeliveryState.PENDING, row.c.attempts == 0, row.c.event != Event.RESOLVE)
    return and_(untried, due)


def heads(names: Collection[str]) -> Subquery:
    """The open rows of these channels, each with its place among those of its key and target.

    One pass for all: asking for every row whether an older one exists takes a planner that has no statistics yet
    quadratic time.
    """
    place = func.row_number().over(
        partition_by=(delivery.c.channel, delivery.c.destination, delivery.c.dedup_key), order_by=delivery.c.seq
    )
    names_of = ("seq", "channel", "tier", "state", "sending_epoch", "next_at", "after")
    columns = [delivery.c[name] for name in (*names_of, "attempts", "event", "incident_id")]
    return (
        select(*columns, place.label("place"))
        .where(delivery.c.channel.in_(sorted(names)), delivery.c.finished_at.is_(None))
        .subquery()
    )


def unblocked(row: Subquery) -> ColumnElement[bool]:
    """A row of :func:`heads` is the first of its key, and what must be settled before it is settled."""
    before = delivery.alias("before")
    waiting = exists().where(before.c.id == row.c.after, before.c.finished_at.is_(None))
    return and_(row.c.place == 1, or_(row.c.after.is_(None), ~waiting))


async def _mark(work: Work, row: AnyRow, epoch: int) -> None:
    """From the commit on, a crash means: it may have arrived."""
    await work.conn.execute(
        update(delivery)
        .where(delivery.c.seq == row.seq)
        .values(
            state=DeliveryState.SENDING,
            attempts=delivery.c.attempts + 1,
            sending_epoch=epoch,
            first_attempt_at=row.first_attempt_at or work.now,
        )
    )


async def _ref(work: Work, row: AnyRow) -> Mapping[str, Any] | None:
    """What the vendor answered to the message that this incident already has on this target."""
    query = (
        select(debt.c.ref)
        .where(
            debt.c.incident_id == row.incident_id,
            debt.c.channel == row.channel,
            debt.c.destination == row.destination,
            debt.c.ref.is_not(None),
        )
        .order_by(debt.c.since.desc(), debt.c.tier)
        .limit(1)
    )
    found: Mapping[str, Any] | None = (await work.conn.execute(query)).scalar_one_or_none()
    return found
