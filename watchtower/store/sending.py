"""What a sender takes from the outbox: the most urgent row whose turn it is, marked before it leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, Subquery, and_, exists, func, literal, or_, select, update

from watchtower.incidents.lanes import channel_of, evidence_lane, is_lane
from watchtower.model import DeliveryState, Event, Heard, Priority
from watchtower.store import asides, debts, rows, superseding
from watchtower.store.columns import Moment
from watchtower.store.tables import channel, debt, delivery, incident, incident_member
from watchtower.store.values import FURTHEST_RETRY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from watchtower.model import Delivery
    from watchtower.store.database import Work
    from watchtower.store.rows import AnyRow
    from watchtower.store.values import Standing

#: Made once: an alias makes an object of every column, and these are asked with every message.
_BEFORE, _PAGE, _FIRST = delivery.alias("before"), delivery.alias("page"), delivery.alias("first")

#: How long a page waits for its incident to be judged.
JUDGED_WITHIN = timedelta(seconds=60)
#: For so long it is counted how often an alert was told.
COUNTED_FOR = timedelta(days=7)
NEVER_TOLD = "its trigger never reached the channel: nothing is owed"


async def next_delivery(work: Work, name: str, epoch: int) -> Delivery | None:
    """Claim the next row of a channel, as it was before; None when there is none or the channel is lost."""
    least = await turn(work, name, epoch)
    return None if least is None else await single(work, name, epoch, least)


async def turn(work: Work, name: str, epoch: int) -> Priority | None:
    """Extend the lease; the least urgent priority that may leave now, None when nothing may or the channel is lost."""
    held = await _extend(work, name, epoch)
    if held is None:
        return None
    await _settle(work, name, epoch)
    if is_lane(name):
        await asides.withdraw(work, name, epoch)
        if await asides.text_waits(work, name) or await _too_close(work, name):
            return None
    standing = rows.standing(held, work.now)
    if _held(standing, work.now, urgent=True):
        return None
    return Priority.P2 if _held(standing, work.now, urgent=False) else Priority.P5


async def single(work: Work, name: str, epoch: int, least: Priority) -> Delivery | None:
    """Claim the first row whose turn it is."""
    row = heads([name])
    chosen = select(row.c.seq).where(ready(row, epoch, work.now, least)).order_by(row.c.tier, row.c.seq).limit(1)
    seq = (await work.conn.execute(chosen)).scalar_one_or_none()
    return None if seq is None else await take(work, seq, epoch)


async def take(work: Work, seq: int, epoch: int) -> Delivery:
    """Claim this row: it leaves by itself."""
    found = (await work.conn.execute(select(delivery).where(delivery.c.seq == seq))).one()
    await mark(work, [seq], epoch, digest=None)
    taken = rows.delivery(found, await _ref(work, found), await _receipts(work, found))
    taken = replace(taken, times=await _times(work, found))
    return replace(taken, shared=await shared(work, found)) if found.attempts else taken


async def shared(work: Work, row: AnyRow) -> bool:
    """Whether its vendor may know the row's key at another destination, too: what is found there proves nothing."""
    others = select(delivery.c.destination).where(
        delivery.c.incident_id == row.incident_id,
        delivery.c.dedup_key == row.dedup_key,
        delivery.c.destination != row.destination,
        delivery.c.attempts > 0,
        debts.pages(delivery),
    )
    found = (await work.conn.execute(others)).scalars()
    return any(vendor(one) == vendor(row.destination) for one in found)


async def _too_close(work: Work, name: str) -> bool:
    """Whether evidence would break the distance that its channel keeps between messages, or its rest."""
    if name != evidence_lane(channel_of(name)):
        return False
    found = (await work.conn.execute(select(channel).where(channel.c.name == channel_of(name)))).one_or_none()
    return found is not None and _held(rows.standing(found, work.now), work.now, urgent=True)


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
    """Write what needs no request: debts of requests that a crash left open, and what ends or eases nothing."""
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
            delivery.c.event.in_([Event.RESOLVE, Event.ACKNOWLEDGE]),
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
    """A resolve has something to resolve: an unpaid debt, or a page before it that may still go out.

    One that follows another resolve is for what may have opened since, whatever is paid.
    """
    page, first = _PAGE, _FIRST
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
    again = exists().where(
        first.c.id == delivery.c.after, first.c.event == Event.RESOLVE, first.c.state == DeliveryState.ACCEPTED
    )
    return or_(unpaid, coming, again)


def _held(standing: Standing, now: datetime, *, urgent: bool) -> bool:
    free_from = standing.free_from(urgent=urgent)
    return free_from is not None and free_from > now


def ready(row: Subquery, epoch: int, now: datetime, least: Priority) -> ColumnElement[bool]:
    """A row of :func:`heads` may leave now."""
    sendable = or_(row.c.state.in_([DeliveryState.PENDING, DeliveryState.AMBIGUOUS]), _crashed(row, epoch))
    return and_(unblocked(row), sendable, row.c.tier <= least, _timely(row, now), ~_to_be_judged(row, now))


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
    names_of = ("seq", "channel", "tier", "state", "sending_epoch", "next_at", "after", "destination", "dedup_key")
    columns = [delivery.c[name] for name in (*names_of, "digest", "attempts", "event", "incident_id")]
    return (
        select(*columns, place.label("place"))
        .where(delivery.c.channel.in_(sorted(names)), delivery.c.finished_at.is_(None))
        .subquery()
    )


def unblocked(row: Subquery) -> ColumnElement[bool]:
    """A row of :func:`heads` is the first of its key, and what must be settled before it is settled.

    A page that another replaces waits for that one.
    """
    waiting = exists().where(_BEFORE.c.id == row.c.after, _BEFORE.c.finished_at.is_(None))
    return and_(row.c.place == 1, or_(row.c.after.is_(None), ~waiting), ~superseding.waits(row))


async def mark(work: Work, seqs: Sequence[int], epoch: int, *, digest: str | None) -> None:
    """From the commit on, a crash means: it may have arrived; ``digest`` is the message in which."""
    await work.conn.execute(
        update(delivery)
        .where(delivery.c.seq.in_(seqs))
        .values(
            state=DeliveryState.SENDING,
            attempts=delivery.c.attempts + 1,
            sending_epoch=epoch,
            first_attempt_at=func.coalesce(delivery.c.first_attempt_at, literal(work.now, Moment)),
            digest=digest,
        )
    )


async def _ref(work: Work, row: AnyRow) -> Mapping[str, Any] | None:
    """What the vendor answered to the message that this incident already has for itself on this target."""
    query = (
        select(debt.c.ref)
        .where(
            debt.c.incident_id == row.incident_id,
            debt.c.channel == channel_of(row.channel),
            debt.c.destination == row.destination,
            debt.c.ref.is_not(None),
            debt.c.digest.is_(None),
        )
        .order_by(debt.c.since.desc(), debt.c.tier)
        .limit(1)
    )
    found: Mapping[str, Any] | None = (await work.conn.execute(query)).scalar_one_or_none()
    return found


async def _receipts(work: Work, row: AnyRow) -> tuple[Heard, ...]:
    """The other channels that accepted a page of this incident, the first to do so first."""
    heard = func.min(delivery.c.finished_at).label("at")
    query = (
        select(delivery.c.channel, delivery.c.destination, heard)
        .where(
            delivery.c.incident_id == row.incident_id,
            delivery.c.channel != row.channel,
            delivery.c.state == DeliveryState.ACCEPTED,
            debts.pages(delivery),
        )
        .group_by(delivery.c.channel, delivery.c.destination)
        .order_by(heard, delivery.c.channel)
    )
    found = await work.conn.execute(query)
    return tuple(Heard(one.channel, vendor(one.destination), one.at) for one in found)


async def _times(work: Work, row: AnyRow) -> int:
    """How many incidents of the last days told of the alert that the row speaks about first."""
    if not row.notice.members:
        return 0
    query = (
        select(func.count())
        .select_from(incident_member)
        .join(incident, incident.c.id == incident_member.c.incident_id)
        .where(
            incident_member.c.alert_id == row.notice.members[0].alert_id,
            incident.c.told_tier.is_not(None),
            incident.c.opened_at > work.now - COUNTED_FOR,
        )
    )
    found: int = (await work.conn.execute(query)).scalar_one()
    return found


def vendor(destination: str) -> str:
    """The kind of a channel by its destination: ``slack`` of ``slack-webhook:…``."""
    return destination.partition(":")[0].partition("-")[0]
