"""The flapping alerts that are well just now: read by a flush only where an alert is held back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from watchtower.store.tables import alert_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.incidents.model import Incident
    from watchtower.store.database import Work


async def calm(work: Work, incidents: Iterable[Incident]) -> frozenset[str]:
    """The alerts that ended and go on firing, because they flap; none when these incidents hold nobody back."""
    if not any(member.firing and member.muted_by for incident in incidents for member in incident.members):
        return frozenset()
    state = alert_state.c
    rows = await work.conn.execute(select(state.id, state.memory).where(state.firing, state.memory.is_not(None)))
    return frozenset(row.id for row in rows if row.memory.calm)
