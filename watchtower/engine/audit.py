"""The audit of the ledger: whoever was paged and not told of the end is told again."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import structlog

from watchtower.incidents.audit import Owed, pay_again
from watchtower.incidents.deliveries import Desk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from watchtower.incidents.model import Incident
    from watchtower.model import Delivery
    from watchtower.store.store import Store

log = structlog.get_logger("watchtower.audit")


async def audit_debts(store: Store, environment: str, now: datetime) -> int:
    """Write resolves for what is owed and on its way to nobody; how many."""
    desk = Desk(store.store_id, environment, {}, now, lambda: str(uuid.uuid4()))

    def decide(owed: Sequence[Owed], incidents: Mapping[str, Incident]) -> tuple[Delivery, ...]:
        return pay_again(owed, incidents, desk)

    written = await store.audit_debts(decide)
    for one in written:
        log.warning("debt.paid_again", channel=one.channel, incident=one.incident_id, reason=one.reason)
    return len(written)
