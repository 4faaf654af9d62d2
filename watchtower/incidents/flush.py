"""The flush: transitions become incidents and deliveries, each with a reason; pure, and total on any store.

The stages stand in order in :func:`decide`. What holds a page back (silences, inhibition, mute windows)
belongs between admitting and speaking: one more step on the draft, with its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.incidents.admission import admit
from watchtower.incidents.deliveries import Books, Desk
from watchtower.incidents.draft import Draft
from watchtower.incidents.policy import Policy
from watchtower.incidents.speaking import speak

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from watchtower.incidents.model import Debt, DeliveryBrief, FlushInput, FlushPlan

__all__ = ["Policy", "decide"]


def decide(seen: FlushInput, policy: Policy, now: datetime, new_id: Callable[[], str]) -> FlushPlan:
    """Everything this flush changes; never raises, and has nothing to add when asked again after its commit."""
    draft = Draft.of(seen, now, new_id)
    for transition in seen.transitions:
        admit(draft, transition, policy.routes)
    desk = Desk(seen.store_id, policy.environment, policy.channels, now, new_id)
    stored = {incident.id: incident for incident in seen.incidents}
    books = _books(seen)
    for incident in draft.open():
        told_where = policy.reachable(incident)
        draft.hear(speak(told_where, stored.get(incident.id), books.get(incident.id, Books()), desk))
    return draft.plan()


def _books(seen: FlushInput) -> dict[str, Books]:
    rows: dict[str, list[DeliveryBrief]] = {}
    debts: dict[str, list[Debt]] = {}
    for row in seen.deliveries:
        rows.setdefault(row.incident_id, []).append(row)
    for debt in seen.debts:
        debts.setdefault(debt.incident_id, []).append(debt)
    return {
        incident.id: Books(tuple(rows.get(incident.id, ())), tuple(debts.get(incident.id, ())))
        for incident in seen.incidents
    }
