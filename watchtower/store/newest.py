"""What is known of alerts that no incident has: they are told to nobody, or no flush has seen them yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from watchtower.store.tables import alert_state, alert_transition, incident, incident_member

if TYPE_CHECKING:
    from watchtower.model import Transition
    from watchtower.store.database import Work


@dataclass(frozen=True, slots=True)
class LastWord:
    """An alert's newest transition; ``flushed``: the flush has decided what becomes of it."""

    transition: Transition
    flushed: bool


async def outside(work: Work) -> dict[str, LastWord]:
    """The newest transition of each alert that fires and is a member of no open incident, by the alert's id."""
    held = select(incident_member.c.alert_id).join(incident).where(incident.c.ended_at.is_(None))
    alone = select(alert_state.c.id).where(alert_state.c.firing, alert_state.c.id.not_in(held))
    transition = alert_transition.c
    newest = select(func.max(transition.seq)).where(transition.alert_id.in_(alone)).group_by(transition.alert_id)
    query = select(transition.alert_id, transition.body, transition.consumed).where(transition.seq.in_(newest))
    return {row.alert_id: LastWord(row.body, row.consumed) for row in await work.conn.execute(query)}
