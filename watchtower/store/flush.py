"""One flush: what it reads, and the commit of what was decided, in a transaction that excludes other flushes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, or_, select, update

from watchtower.incidents.model import DeliveryBrief, FlushInput
from watchtower.model import DeliveryState, stable_hash
from watchtower.store import inhibitors, rows, silences, storms
from watchtower.store.calm import calm
from watchtower.store.tables import (
    alert_transition,
    channel,
    debt,
    decision,
    delivery,
    incident,
    incident_member,
    meta,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from watchtower.incidents.model import Debt, Decision, FlushPlan, Incident
    from watchtower.model import Delivery, Labels, NoticeMember, Transition
    from watchtower.store.database import Work

#: Transitions that one flush looks at; the rest waits for the next.
BATCH = 1000


async def run(
    work: Work, store_id: str, decide: Callable[[FlushInput], FlushPlan], inhibits_for: float | None
) -> FlushPlan:
    """Read, decide, commit."""
    await lock(work)
    plan = decide(await _read(work, store_id, inhibits_for))
    if not plan.empty:
        await _commit(work, plan)
    return plan


async def lock(work: Work) -> None:
    """Wait until no other flush runs, and keep every sender from starting a row that this one may withdraw.

    SQLite has one writer anyway. The channels are locked in the order of their names, and a sender locks only
    its own, so that nobody waits in a circle.
    """
    await work.conn.execute(select(meta.c.value).where(meta.c.key == "flush").with_for_update())
    await work.conn.execute(select(channel.c.name).order_by(channel.c.name).with_for_update())


async def _read(work: Work, store_id: str, inhibits_for: float | None) -> FlushInput:
    """Everything the decision may look at."""
    judged = tuple(await incidents(work, _to_judge()))
    return FlushInput(
        store_id=store_id,
        transitions=await _unconsumed(work),
        incidents=judged,
        deliveries=await _briefs(work),
        debts=await _debts(work),
        silences=tuple(await silences.silences(work)),
        firing=await inhibitors.firing(work, inhibits_for) if inhibits_for is not None else (),
        paged=await storms.paged(work),
        calm=await calm(work, judged),
    )


def _to_judge() -> ColumnElement[bool]:
    """Open incidents, and those that ended before an urgent page of theirs was accepted."""
    return or_(incident.c.ended_at.is_(None), incident.c.due_at.is_not(None))


async def _unconsumed(work: Work) -> tuple[Transition, ...]:
    query = (
        select(alert_transition.c.seq, alert_transition.c.body)
        .where(~alert_transition.c.consumed)
        .order_by(alert_transition.c.seq)
        .limit(BATCH)
    )
    return tuple(rows.transition(row) for row in await work.conn.execute(query))


async def _briefs(work: Work) -> tuple[DeliveryBrief, ...]:
    query = (
        select(*(delivery.c[name] for name in DeliveryBrief.__dataclass_fields__))
        .join(incident, incident.c.id == delivery.c.incident_id)
        .where(_to_judge())
        .order_by(delivery.c.seq)
    )
    return tuple(rows.brief(row) for row in await work.conn.execute(query))


async def _debts(work: Work) -> tuple[Debt, ...]:
    query = (
        select(debt)
        .join(incident, incident.c.id == debt.c.incident_id)
        .where(_to_judge(), debt.c.paid_at.is_(None))
        .order_by(debt.c.since, debt.c.incident_id, debt.c.channel)
    )
    return tuple(rows.debt(row) for row in await work.conn.execute(query))


async def incidents(work: Work, condition: ColumnElement[bool], *, limit: int | None = None) -> list[Incident]:
    """The incidents of which the condition holds, with their members, the newest last."""
    query = select(incident).where(condition).order_by(incident.c.opened_at.desc(), incident.c.id).limit(limit)
    found = list(await work.conn.execute(query))
    members = await _members(work, condition)
    return [rows.incident(row, members) for row in reversed(found)]


async def _members(work: Work, condition: ColumnElement[bool]) -> dict[str, list[NoticeMember]]:
    query = (
        select(incident_member.c.incident_id, incident_member.c.body)
        .where(incident_member.c.incident_id.in_(select(incident.c.id).where(condition)))
        .order_by(incident_member.c.incident_id, incident_member.c.position)
    )
    members: dict[str, list[NoticeMember]] = {}
    for row in await work.conn.execute(query):
        members.setdefault(row.incident_id, []).append(row.body)
    return members


async def _commit(work: Work, plan: FlushPlan) -> None:
    """Write all that was decided."""
    await _consume(work, plan.consumed)
    await _keep_incidents(work, plan.incidents)
    await add_deliveries(work, plan.deliveries)
    await _withdraw(work, plan.withdrawn)
    await _add_decisions(work, plan.decisions)
    await silences.end(work, plan.expired, work.now)


async def _consume(work: Work, consumed: Sequence[int]) -> None:
    if consumed:
        statement = update(alert_transition).where(alert_transition.c.seq == bindparam("number"))
        await work.conn.execute(statement.values(consumed=True), [{"number": number} for number in consumed])


async def _keep_incidents(work: Work, kept: Sequence[Incident]) -> None:
    """Upsert incidents and replace their members; who stops taking members goes first, to make room."""
    if not kept:
        return
    ordered = sorted(kept, key=lambda one: one.taking_members and one.ended_at is None)
    await work.conn.execute(work.upsert(incident, "id"), [_incident_values(one) for one in ordered])
    forget = delete(incident_member).where(incident_member.c.incident_id == bindparam("incident"))
    await work.conn.execute(forget, [{"incident": one.id} for one in kept])
    members = [values for one in kept for values in _member_values(one)]
    if members:
        await work.conn.execute(insert(incident_member), members)


def _incident_values(one: Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        "route": one.route,
        "group_labels": one.group_labels,
        "group_hash": group_hash(one.group_labels),
        "tier": one.tier,
        "opened_at": one.opened_at,
        "channels": one.channels,
        "settings": one.settings,
        "told_tier": one.told_tier,
        "last_page_at": one.last_page_at,
        "told_at": one.told_at,
        "taking_members": one.taking_members,
        "ended_at": one.ended_at,
        "due_at": one.due_at,
        "changed": one.changed,
        **{name: getattr(one, name) for name in IN_HAND},
    }


#: Who has the incident in hand, and how often and whom it has called so far.
IN_HAND = (
    "acknowledged_at",
    "acknowledged_by",
    "acknowledged_via",
    "acknowledged_until",
    "acknowledgement_told",
    "rounds",
    "called_at",
    "escalated_at",
    "repeated_at",
)


def group_hash(labels: Labels) -> str:
    """What the unique index compares: one group, one incident that takes members."""
    return stable_hash(*(part for pair in labels.items() for part in pair))


def _member_values(one: Incident) -> Iterable[dict[str, Any]]:
    for position, member in enumerate(one.members):
        yield {"incident_id": one.id, "alert_id": member.alert_id, "position": position, "body": member}


async def add_deliveries(work: Work, added: Sequence[Delivery]) -> None:
    """Insert outbox rows in order; their channels exist before them, so that the next flush can lock them."""
    if not added:
        return
    names = sorted({row.channel for row in added})
    known = work.insert(channel).on_conflict_do_nothing()
    await work.conn.execute(known, [{"name": name, "epoch": 0, "lease": 0.0} for name in names])
    await work.conn.execute(insert(delivery), [_delivery_values(row, work.now) for row in added])


def _delivery_values(row: Delivery, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "incident_id": row.incident_id,
        "channel": row.channel,
        "destination": row.destination,
        "event": row.event,
        "tier": row.tier,
        "dedup_key": row.dedup_key,
        "notice": row.notice,
        "reason": row.reason,
        "created_at": row.created_at,
        "next_at": row.next_at,
        "state": row.state,
        "attempts": row.attempts,
        "last_error": row.last_error,
        "finished_at": None if row.state.open else (row.finished_at or now),
        "first_attempt_at": row.first_attempt_at,
        "after": row.after,
        "refused": row.refused,
        "fallback_of": row.fallback_of,
    }


async def _withdraw(work: Work, withdrawn: Sequence[tuple[str, str]]) -> None:
    """Settle rows that are not to be sent; one that was attempted stays, whatever was decided."""
    if not withdrawn:
        return
    statement = (
        update(delivery)
        .where(
            delivery.c.id == bindparam("row"),
            delivery.c.state == DeliveryState.PENDING,
            delivery.c.attempts == 0,
        )
        .values(state=DeliveryState.WITHDRAWN, finished_at=work.now, last_error=bindparam("why"))
    )
    await work.conn.execute(statement, [{"row": row, "why": why} for row, why in withdrawn])


async def _add_decisions(work: Work, decisions: Sequence[Decision]) -> None:
    if decisions:
        values = [
            {
                "alert_id": made.alert_id,
                "transition_seq": made.transition_seq,
                "outcome": made.outcome,
                "reason": made.reason,
                "incident_id": made.incident_id,
                "at": work.now,
            }
            for made in decisions
        ]
        await work.conn.execute(insert(decision), values)


async def next_due(work: Work) -> datetime | None:
    """When the next incident wants to be looked at."""
    query = select(func.min(incident.c.due_at)).where(incident.c.due_at.is_not(None))
    found: datetime | None = (await work.conn.execute(query)).scalar_one()
    return found


async def open_incidents(work: Work) -> list[Incident]:
    """Incidents that have not ended, the newest last."""
    return await incidents(work, incident.c.ended_at.is_(None))
