"""The alerts that may hold others back: read by a flush only when something inhibits.

What nobody was told of, because it was too old to page or is suppressed, holds nobody back: else nobody hears of both.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from watchtower.incidents.model import FiringAlert
from watchtower.model import NOTIFY_FALSE, State
from watchtower.store.tables import alert_state, alert_transition

if TYPE_CHECKING:
    from watchtower.model import Transition
    from watchtower.store.database import Work


async def firing(work: Work, ended_within: float) -> tuple[FiringAlert, ...]:
    """All alerts that fire, through lost data too, and those that ended within so many seconds."""
    return (*await _firing(work), *await _ended(work, ended_within))


async def _firing(work: Work) -> list[FiringAlert]:
    state = alert_state.c
    columns = (state.id, state.rule, state.labels, state.since, state.memory)
    rows = await work.conn.execute(select(*columns).where(state.firing).order_by(state.id))
    return [
        FiringAlert(row.id, row.rule, row.labels, row.since)
        for row in rows
        if row.memory is None or not row.memory.never_told
    ]


async def _ended(work: Work, within: float) -> list[FiringAlert]:
    """Only an alert that fired has a transition to OK."""
    if not within:
        return []
    since = work.now - timedelta(seconds=within)
    query = select(alert_transition.c.body).where(alert_transition.c.at > since).order_by(alert_transition.c.seq)
    last: dict[str, Transition] = {row.body.key.id: row.body for row in await work.conn.execute(query)}
    return [_gone(change) for change in last.values() if change.to_state is State.OK and _heard(change)]


def _heard(end: Transition) -> bool:
    """Whether its beginning was told, or kept quiet by the rule itself, as its author wants it."""
    return end.notify or end.unsent in ("", NOTIFY_FALSE)


def _gone(change: Transition) -> FiringAlert:
    """An alert that ended, with the priority it had: what matched it while it fired matches it still."""
    had = {"priority": str(change.from_priority)} if change.from_priority else {}
    return FiringAlert(change.key.id, change.key.rule, change.labels.merged(had), change.at, ended_at=change.at)
