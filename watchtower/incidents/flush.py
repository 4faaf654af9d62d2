"""The flush: transitions become incidents and deliveries, each with a reason; pure, and total on any store.

The stages stand in order in :func:`decide`: admit every transition, hold back what nobody may hear of now, let
every incident speak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.incidents.admission import admit
from watchtower.incidents.deliveries import Books, Desk
from watchtower.incidents.draft import Draft
from watchtower.incidents.holding import hold_back, watch
from watchtower.incidents.holds import Holds
from watchtower.incidents.policy import Policy
from watchtower.incidents.speaking import speak

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from watchtower.incidents.model import Debt, DeliveryBrief, FlushInput, FlushPlan

__all__ = ["Policy", "decide"]


def decide(seen: FlushInput, policy: Policy, now: datetime, new_id: Callable[[], str]) -> FlushPlan:
    """Everything this flush changes; never raises, and has nothing to add when asked again after its commit."""
    draft = Draft.of(seen, Holds.of(seen, policy, now), now, new_id)
    for transition in seen.transitions:
        admit(draft, transition, policy.routes)
    books = hold_back(draft, _books(seen))
    desk = Desk(seen.store_id, policy.environment, policy.channels, now, new_id)
    for incident in draft.open():
        told_where = policy.reachable(incident)
        draft.hear(speak(told_where, draft.stored.get(incident.id), books.get(incident.id, Books()), desk))
        watch(draft, incident)
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
