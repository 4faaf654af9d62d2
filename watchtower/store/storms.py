"""What a flush must know to see a storm: when pagers rang for incidents that are over already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from watchtower.incidents.model import MOST_PAGES
from watchtower.incidents.storms import WITHIN
from watchtower.model import DeliveryState, Event
from watchtower.store.tables import delivery, incident

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.store.database import Work

#: Pages looked at; more of them on one channel than make a storm tell nothing more.
_MOST = 100 * MOST_PAGES


async def paged(work: Work) -> tuple[tuple[str, datetime], ...]:
    """By destination, when incidents that ended lately were first told there."""
    since = work.now - WITHIN
    first = func.min(delivery.c.created_at)
    query = (
        select(delivery.c.destination, first)
        .join(incident, incident.c.id == delivery.c.incident_id)
        .where(
            incident.c.ended_at > since,
            delivery.c.event == Event.TRIGGER,
            delivery.c.state != DeliveryState.WITHDRAWN,
        )
        .group_by(delivery.c.destination, delivery.c.incident_id)
        .having(first > since)
        .limit(_MOST)
    )
    return tuple((where, moment) for where, moment in await work.conn.execute(query))
