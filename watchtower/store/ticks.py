"""What ticks commit: the unit's next due moment, alert states and transitions, fenced by the unit's epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    String,
    Update,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from watchtower.model import State
from watchtower.store import evaluations, outages, rows, uptime
from watchtower.store.columns import Moment
from watchtower.store.tables import alert_state, alert_transition, work_unit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from watchtower.model import AlertState, Transition
    from watchtower.store.database import Work
    from watchtower.store.rows import AnyRow
    from watchtower.store.values import TickCommit

#: Values one statement may list; below SQLite's and PostgreSQL's limit on parameters.
LISTED = 1000

_BLOB = bindparam("blob", type_=LargeBinary)


async def commit(work: Work, commits: Sequence[TickCommit]) -> frozenset[str]:
    """Write the ticks whose epoch still holds, and nothing of the others; returns the units committed."""
    held = await _held(work, commits)
    valid = [tick for tick in commits if tick.unit in held and held[tick.unit].epoch == tick.epoch]
    if valid:
        await work.conn.execute(_advance(), [_progress(tick) for tick in valid])
        await _keep_states(work, [state for tick in valid for state in tick.states])
        await _add_transitions(work, [change for tick in valid for change in tick.transitions])
        await evaluations.add(work, [entry for tick in valid for entry in tick.log])
        await uptime.add(work, [span for tick in valid for span in tick.uptime])
        await outages.note(work, [(tick, held[tick.unit]) for tick in valid])
        await wake(work, [unit for tick in valid for unit in tick.wakes])
    return frozenset(tick.unit for tick in valid)


async def commit_orphans(
    work: Work, states: Sequence[AlertState], transitions: Sequence[Transition], *, wakes: Sequence[str]
) -> None:
    """Write what a change of the plan ended; no unit stands for it."""
    await _keep_states(work, states)
    await _add_transitions(work, transitions)
    await wake(work, wakes)


async def wake(work: Work, units: Iterable[str]) -> None:
    """Make these units due now, also those that somebody holds: what they have read is not the newest any more."""
    unit, wanted = work_unit.c, sorted(set(units))
    if wanted:
        now = bindparam("now", work.now, type_=Moment)
        earlier = case((unit.due_at < now, unit.due_at), else_=now)
        await work.conn.execute(
            update(work_unit).where(unit.id.in_(wanted)).values(due_at=earlier, woken=unit.woken + 1)
        )


async def _held(work: Work, commits: Iterable[TickCommit]) -> dict[str, AnyRow]:
    """The rows of those units that are claimed, locked until the transaction ends.

    A unit without a lease was committed already: the second commit of one claim is fenced like a stranger's.
    """
    held: dict[str, AnyRow] = {}
    unit = work_unit.c
    for ids in _chunks(sorted({tick.unit for tick in commits})):
        query = (
            select(unit.id, unit.epoch, unit.last_tick, unit.period, unit.failing_since)
            .where(unit.id.in_(ids), unit.lease_until.is_not(None))
            .order_by(unit.id)
            .with_for_update()
        )
        held.update({row.id: row for row in await work.conn.execute(query)})
    return held


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + LISTED] for start in range(0, len(ids), LISTED))


def _advance() -> Update:
    unit = work_unit.c
    return (
        update(work_unit)
        .where(unit.id == bindparam("unit"))
        .values(
            due_at=case(
                (unit.woken > bindparam("woken_before", type_=BigInteger), unit.due_at),
                else_=bindparam("next_due", type_=Moment),
            ),
            last_tick=func.coalesce(bindparam("tick", type_=BigInteger), unit.last_tick),
            memory=case((_asked_otherwise(), unit.memory), else_=func.coalesce(_BLOB, unit.memory)),
            roll=func.coalesce(bindparam("called", type_=LargeBinary), unit.roll),
            census=func.coalesce(bindparam("counted", type_=unit.census.type), unit.census),
            failing_since=bindparam("failed_since"),
            failures=bindparam("failed"),
            failure=bindparam("why"),
            blinded=bindparam("unseen", type_=unit.blinded.type),
            silent=bindparam("unanswered", type_=unit.silent.type),
            reasons=bindparam("kinds", type_=unit.reasons.type),
            lease_until=None,
        )
    )


def _asked_otherwise() -> ColumnElement[bool]:
    """The tick was of a plan whose asks the unit does not have any more, and it matters."""
    polled_for = bindparam("polled_for", type_=String)
    return and_(polled_for != "", polled_for != work_unit.c.fingerprint)


def _progress(tick: TickCommit) -> dict[str, Any]:
    return {
        "unit": tick.unit,
        "next_due": tick.due_at,
        "woken_before": tick.woken,
        "tick": tick.last_tick,
        "blob": tick.memory,
        "polled_for": tick.fingerprint,
        "called": tick.roll,
        "counted": tick.census,
        "failed_since": tick.failing_since,
        "failed": tick.failures,
        "why": tick.failure,
        "unseen": tick.blinded,
        "unanswered": tick.silent,
        "kinds": tick.reasons,
    }


async def _keep_states(work: Work, states: Iterable[AlertState]) -> None:
    """Remember these states; two workers write in the same order, so that neither waits for the other."""
    values = sorted((rows.state_values(state) for state in states), key=lambda row: str(row["id"]))
    if values:
        await work.conn.execute(work.upsert(alert_state, "id"), values)


async def _add_transitions(work: Work, transitions: Iterable[Transition]) -> None:
    """Hand these changes to the flush, in this order."""
    values = [rows.transition_values(transition) for transition in transitions]
    if values:
        await work.conn.execute(insert(alert_transition), values)


async def states(
    work: Work, rules: Collection[str] | None, *, include_ok: bool, include_memories: bool
) -> list[AlertState]:
    """What is remembered of alerts, of these rules or of all."""
    query = select(alert_state).order_by(alert_state.c.id)
    if not include_ok:
        remembered = [alert_state.c.memory.is_not(None)] if include_memories else []
        query = query.where(or_(alert_state.c.firing, alert_state.c.state != State.OK, *remembered))
    if rules is not None:
        query = query.where(alert_state.c.rule.in_(sorted(rules)))
    return [rows.alert_state(row) for row in await work.conn.execute(query)]
