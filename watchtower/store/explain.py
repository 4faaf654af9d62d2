"""What the store knows of an alert, a rule or an incident, for a person who asks why; and how deep the outbox is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, not_, or_, select, true

from watchtower.evaluation import roll
from watchtower.model import Labels
from watchtower.store import debts, evaluations, flush, outages, rows, units
from watchtower.store.asides import ASIDES
from watchtower.store.tables import (
    alert_state,
    alert_transition,
    debt,
    decision,
    delivery,
    incident,
    incident_member,
    work_unit,
)
from watchtower.store.values import Explanation, OutboxDepth, Watch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from watchtower.incidents.model import Debt, Decision, Incident
    from watchtower.model import AlertKey, AlertState, Delivery, Transition
    from watchtower.store.database import Work
    from watchtower.store.rows import AnyRow

#: Alerts of a rule that are looked through, and how many of those that match are explained.
_SCANNED, _EXPLAINED = 10_000, 20
_NEWEST = 20
#: Several decisions may belong to one change.
_DECISIONS = 5 * _NEWEST


@dataclass(frozen=True, slots=True)
class _Known:
    """An alert that left a trace: its state, its newest change or what its evaluations found."""

    key: AlertKey
    labels: Labels
    at: datetime
    state: AlertState | None = None

    @property
    def rank(self) -> tuple[bool, float]:
        """Firing ones first, then the newest."""
        return (self.state is None or not self.state.firing, -self.at.timestamp())


async def explain(work: Work, rule: str, subset: Mapping[str, str]) -> list[Explanation]:
    """Every alert of the rule whose labels include ``subset``; firing ones first, then the newest.

    Of a rule that is evaluated and has no such alert, one explanation that tells how its units fare.
    """
    known: dict[str, _Known] = {}
    for each in [*await _logged(work, rule), *await _changed(work, rule), *await _states(work, rule)]:
        known[each.key.id] = each
    chosen = sorted((each for each in known.values() if _includes(each.labels, subset)), key=lambda each: each.rank)
    watching = await _watching(work, rule)
    if not chosen:
        return [await _of_rule(work, rule, subset, watching)] if watching else []
    return [await _of_alert(work, each, watching) for each in chosen[:_EXPLAINED]]


async def explain_incident(work: Work, prefix: str) -> list[Explanation]:
    """The incidents whose id begins like this, the newest first."""
    beginning = incident.c.id.startswith(prefix, autoescape=True)
    found = reversed(await flush.incidents(work, beginning, limit=_EXPLAINED))
    return [await _of_incident(work, each) for each in found]


def _includes(labels: Labels, subset: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in subset.items())


# -- which alerts there are -------------------------------------------------------------------------------------------


async def _states(work: Work, rule: str) -> list[_Known]:
    query = select(alert_state).where(alert_state.c.rule == rule).limit(_SCANNED)
    states = map(rows.alert_state, await work.conn.execute(query))
    return [_Known(state.key, state.labels, state.updated_at, state) for state in states]


async def _changed(work: Work, rule: str) -> list[_Known]:
    last = (
        select(func.max(alert_transition.c.seq))
        .where(alert_transition.c.rule == rule)
        .group_by(alert_transition.c.alert_id)
    )
    query = select(alert_transition).where(alert_transition.c.seq.in_(last))
    newest = query.order_by(alert_transition.c.seq.desc()).limit(_SCANNED)
    changes = map(rows.transition, await work.conn.execute(newest))
    return [_Known(change.key, change.labels, change.at) for change in changes]


async def _logged(work: Work, rule: str) -> list[_Known]:
    entries = await evaluations.newest_of_rule(work, rule, _SCANNED)
    return [_Known(entry.key, entry.labels, entry.at) for entry in entries]


# -- what is known of each --------------------------------------------------------------------------------------------


async def _of_alert(work: Work, known: _Known, watching: Sequence[AnyRow]) -> Explanation:
    alert_id, identity = known.key.id, known.key.identity
    found = await _incidents(work, alert_id)
    watches = tuple(_watches(known.key.rule, identity, watching))
    return Explanation(
        key=known.key,
        state=known.state,
        transitions=await _transitions(work, alert_transition.c.alert_id == alert_id),
        decisions=await _decisions(work, decision.c.alert_id == alert_id),
        incidents=found,
        deliveries=await _deliveries(work, [one.id for one in found]),
        debts=await _debts(work, [one.id for one in found]),
        log=await evaluations.of_alert(work, alert_id, _NEWEST),
        outages=await outages.of_units(work, [watch.unit.id for watch in watches], _NEWEST),
        watches=watches,
    )


async def _of_rule(work: Work, rule: str, subset: Mapping[str, str], watching: Sequence[AnyRow]) -> Explanation:
    watches = tuple(_watches(rule, subset, watching))
    told = await outages.of_units(work, [watch.unit.id for watch in watches], _NEWEST)
    return Explanation(None, (), (), (), (), (), outages=told, watches=watches)


async def _of_incident(work: Work, one: Incident) -> Explanation:
    decisions = await _decisions(work, decision.c.incident_id == one.id)
    changes = {made.transition_seq for made in decisions}
    return Explanation(
        state=None,
        transitions=await _transitions(work, alert_transition.c.seq.in_(changes)),
        decisions=decisions,
        incidents=(one,),
        deliveries=await _deliveries(work, [one.id]),
        debts=await _debts(work, [one.id]),
    )


async def _transitions(work: Work, condition: ColumnElement[bool]) -> tuple[Transition, ...]:
    query = select(alert_transition).where(condition)
    newest = query.order_by(alert_transition.c.seq.desc()).limit(_NEWEST)
    return tuple(rows.transition(row) for row in await work.conn.execute(newest))


async def _decisions(work: Work, condition: ColumnElement[bool]) -> tuple[Decision, ...]:
    newest = select(decision).where(condition).order_by(decision.c.seq.desc()).limit(_DECISIONS)
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
    newest = query.order_by(delivery.c.seq.desc()).limit(_DECISIONS)
    return tuple(rows.delivery(row) for row in await work.conn.execute(newest))


async def _debts(work: Work, ids: list[str]) -> tuple[Debt, ...]:
    query = select(debt).where(debt.c.incident_id.in_(ids), debt.c.paid_at.is_(None))
    return tuple(rows.debt(row) for row in await work.conn.execute(query.order_by(debt.c.since.desc())))


# -- who evaluates it -------------------------------------------------------------------------------------------------


async def _watching(work: Work, rule: str) -> list[AnyRow]:
    """The units that evaluate this rule."""
    found = await work.conn.execute(select(work_unit).order_by(work_unit.c.id))
    return [row for row in found if rule in (row.rules or ())]


def _watches(rule: str, labels: Mapping[str, str], watching: Iterable[AnyRow]) -> Iterator[Watch]:
    """Those units that may have series with these labels; where one is known to have it, no other."""
    places = [row for row in watching if _may_have(row, labels)]
    watches = [_watch(row, rule, labels) for row in places]
    certain = [watch for watch in watches if watch.watched]
    yield from certain or watches


def _may_have(row: AnyRow, labels: Mapping[str, str]) -> bool:
    return all(getattr(row, name) in ("", labels.get(name, getattr(row, name))) for name in ("account", "region"))


def _watch(row: AnyRow, rule: str, labels: Mapping[str, str]) -> Watch:
    place = {name: value for name in ("account", "region") if (value := getattr(row, name))}
    called = roll.decode(row.roll).get(rule)
    census = next((each for each in row.census or () if each.rule == rule), None)
    known = called is not None and roll.digest(Labels({**place, **labels})) in called.digests
    return Watch(units.health_of(row), census.series if census is not None else None, known)


# -- the outbox -------------------------------------------------------------------------------------------------------


async def outbox(work: Work, lost: Collection[tuple[str, str]] = ()) -> list[OutboxDepth]:
    """How many rows are open, by channel and tier, and since when the oldest waits.

    What only follows a page is none that is missed. At the ``lost`` channels and destinations only pages count: nobody
    can send the rest.
    """
    places = [and_(delivery.c.channel == name, delivery.c.destination == where) for name, where in sorted(lost)]
    missed = or_(debts.pages(delivery), not_(or_(*places))) if places else true()
    key = (delivery.c.channel, delivery.c.tier)
    query = (
        select(*key, func.count().label("rows"), func.min(delivery.c.created_at).label("oldest"))
        .where(delivery.c.finished_at.is_(None), delivery.c.event.not_in(ASIDES), missed)
        .group_by(*key)
        .order_by(*key)
    )
    return [
        OutboxDepth(channel=row.channel, priority=row.tier, count=row.rows, oldest=row.oldest)
        for row in await work.conn.execute(query)
    ]
