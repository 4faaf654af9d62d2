"""What the store knows of an alert, for a person who asks why; and how deep the outbox is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select

from watchtower.store import flush, rows
from watchtower.store.tables import (
    alert_state,
    alert_transition,
    debt,
    decision,
    delivery,
    incident,
    incident_member,
)
from watchtower.store.values import Explanation, OutboxDepth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.incidents.model import Debt, Decision, Incident
    from watchtower.model import AlertState, Delivery, Labels, Transition
    from watchtower.store.database import Work

#: Alerts of a rule that are looked through, and how many of those that match are explained.
_SCANNED, _EXPLAINED = 10_000, 20
_NEWEST = 20


async def explain(work: Work, rule: str, subset: Mapping[str, str]) -> list[Explanation]:
    """Every alert of the rule whose labels include ``subset``; firing ones first, then the newest."""
    states = {state.key.id: state for state in await _states(work, rule) if _includes(state.labels, subset)}
    changed = {change.key.id: change for change in await _last_changes(work, rule) if _includes(change.labels, subset)}
    ids = sorted({**states, **changed}, key=lambda one: _rank(states.get(one), changed.get(one)))
    return [await _explanation(work, one, states.get(one)) for one in ids[:_EXPLAINED]]


def _includes(labels: Labels, subset: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in subset.items())


def _rank(state: AlertState | None, change: Transition | None) -> tuple[bool, float]:
    moment = state.updated_at if state is not None else change.at if change is not None else None
    return (state is None or not state.firing, -moment.timestamp() if moment is not None else 0.0)


async def _states(work: Work, rule: str) -> list[AlertState]:
    query = select(alert_state).where(alert_state.c.rule == rule).limit(_SCANNED)
    return [rows.alert_state(row) for row in await work.conn.execute(query)]


async def _last_changes(work: Work, rule: str) -> list[Transition]:
    last = (
        select(func.max(alert_transition.c.seq))
        .where(alert_transition.c.rule == rule)
        .group_by(alert_transition.c.alert_id)
    )
    query = select(alert_transition).where(alert_transition.c.seq.in_(last))
    newest = query.order_by(alert_transition.c.seq.desc()).limit(_SCANNED)
    return [rows.transition(row) for row in await work.conn.execute(newest)]


async def _explanation(work: Work, alert_id: str, state: AlertState | None) -> Explanation:
    found = await _incidents(work, alert_id)
    return Explanation(
        state=state,
        transitions=await _transitions(work, alert_id),
        decisions=await _decisions(work, alert_id),
        incidents=found,
        deliveries=await _deliveries(work, [one.id for one in found]),
        debts=await _debts(work, [one.id for one in found]),
    )


async def _transitions(work: Work, alert_id: str) -> tuple[Transition, ...]:
    query = select(alert_transition).where(alert_transition.c.alert_id == alert_id)
    newest = query.order_by(alert_transition.c.seq.desc()).limit(_NEWEST)
    return tuple(rows.transition(row) for row in await work.conn.execute(newest))


async def _decisions(work: Work, alert_id: str) -> tuple[Decision, ...]:
    query = select(decision).where(decision.c.alert_id == alert_id)
    newest = query.order_by(decision.c.seq.desc()).limit(_NEWEST)
    return tuple(rows.decision(row) for row in await work.conn.execute(newest))


async def _incidents(work: Work, alert_id: str) -> tuple[Incident, ...]:
    member_of = select(incident_member.c.incident_id).where(incident_member.c.alert_id == alert_id)
    named_in = select(decision.c.incident_id).where(
        decision.c.alert_id == alert_id, decision.c.incident_id.is_not(None)
    )
    condition = or_(incident.c.id.in_(member_of), incident.c.id.in_(named_in))
    return tuple(reversed(await flush.incidents(work, condition, limit=_NEWEST)))


async def _deliveries(work: Work, ids: list[str]) -> tuple[Delivery, ...]:
    query = select(delivery).where(delivery.c.incident_id.in_(ids))
    newest = query.order_by(delivery.c.seq.desc()).limit(_NEWEST)
    return tuple(rows.delivery(row) for row in await work.conn.execute(newest))


async def _debts(work: Work, ids: list[str]) -> tuple[Debt, ...]:
    query = select(debt).where(debt.c.incident_id.in_(ids), debt.c.paid_at.is_(None))
    return tuple(rows.debt(row) for row in await work.conn.execute(query.order_by(debt.c.since.desc())))


async def outbox(work: Work) -> list[OutboxDepth]:
    """How many rows are open, by channel and tier, and since when the oldest waits."""
    key = (delivery.c.channel, delivery.c.tier)
    query = (
        select(*key, func.count().label("rows"), func.min(delivery.c.created_at).label("oldest"))
        .where(delivery.c.finished_at.is_(None))
        .group_by(*key)
        .order_by(*key)
    )
    return [
        OutboxDepth(channel=row.channel, priority=row.tier, count=row.rows, oldest=row.oldest)
        for row in await work.conn.execute(query)
    ]
