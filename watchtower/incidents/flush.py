"""The flush: transitions become incidents and deliveries, each with a reason; pure, and total on any store.

The stages stand in order in :func:`decide`: admit every transition, hold back what nobody may hear of now, gather
what would ring too often, let every incident speak, and tell elsewhere what was not accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.incidents.admission import admit
from watchtower.incidents.deliveries import Books, Desk
from watchtower.incidents.draft import Draft
from watchtower.incidents.fallback import fall_back
from watchtower.incidents.holding import hold_back, watch
from watchtower.incidents.holds import Holds
from watchtower.incidents.moving import behind, leaves, let_go
from watchtower.incidents.policy import Policy
from watchtower.incidents.speaking import speak
from watchtower.incidents.storms import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from watchtower.incidents.model import Debt, DeliveryBrief, FlushInput, FlushPlan, Incident

__all__ = ["Policy", "decide"]


def decide(seen: FlushInput, policy: Policy, now: datetime, new_id: Callable[[], str]) -> FlushPlan:
    """Everything this flush changes; never raises, and has nothing to add when asked again after its commit."""
    draft = Draft.of(seen, Holds.of(seen, policy, now), now, new_id)
    for transition in seen.transitions:
        admit(draft, transition, policy)
    books = hold_back(draft, _books(seen))
    gather(draft, books, policy)
    desk = Desk(seen.store_id, policy.environment, policy.channels, now, new_id)
    opened = draft.open()
    for incident in (one for one in opened if not leaves(one)):
        _ask(draft, incident, books, desk, policy)
    for incident in reversed([one for one in opened if leaves(one)]):
        targets = let_go(draft, incident)
        _ask(draft, draft.incidents[incident.id], books, desk, policy, targets)
    fall_back(draft, books, desk, policy)
    return draft.plan()


def _ask(
    draft: Draft,
    incident: Incident,
    books: Mapping[str, Books],
    desk: Desk,
    policy: Policy,
    targets: Sequence[Incident] = (),
) -> None:
    """Let one incident speak; ``targets`` are those that tell of alerts it just let go."""
    told_where, mine = policy.reachable(incident), books.get(incident.id, Books())
    said = speak(told_where, draft.stored.get(incident.id), mine, desk)
    draft.hear(behind(draft, said, targets, books))
    watch(draft, incident)


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
