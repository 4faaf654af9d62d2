"""Everything between a transition and a vendor, in memory; vendors accept at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from watchtower.incidents.deliveries import PAGES
from watchtower.incidents.flush import decide
from watchtower.incidents.model import Debt, DeliveryBrief, FlushInput
from watchtower.model import DeliveryState, Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from watchtower.incidents.flush import Policy
    from watchtower.incidents.model import FiringAlert, FlushPlan, Incident
    from watchtower.incidents.silences import Silence
    from watchtower.model import Delivery, Transition

STORE_ID = "test"


class Ledger:
    """Incidents, outbox and debts, as the store keeps them for the flush."""

    def __init__(self, policy: Policy, silences: Sequence[Silence]) -> None:
        self._policy = policy
        self._silences = silences
        self._incidents: dict[str, Incident] = {}
        self._rows: dict[str, Delivery] = {}
        self._debts: list[Debt] = []
        self._ids = count(1)
        self._seqs = count(1)

    def flush(
        self,
        now: datetime,
        transitions: Sequence[Transition],
        firing: Sequence[FiringAlert],
        calm: frozenset[str] = frozenset(),
    ) -> list[Delivery]:
        """Decide until nothing is left to decide, and send it; what was accepted, in order.

        ``firing`` are the alerts that fire, and those that did; ``calm`` those that flap and are well just now.
        """
        waiting = tuple(replace(one, seq=next(self._seqs)) for one in transitions)
        accepted: list[Delivery] = []
        while True:
            plan = decide(replace(self._seen(waiting, firing, now), calm=calm), self._policy, now, self._new_id)
            if plan.empty:
                return accepted
            self._commit(plan)
            accepted += self._send(now)
            waiting = ()

    def due(self, after: datetime) -> datetime | None:
        """When an incident next wants to be looked at, later than ``after``."""
        dues = (one.due_at for one in self._incidents.values())
        return min((due for due in dues if due is not None and due > after), default=None)

    def _seen(self, waiting: tuple[Transition, ...], firing: Sequence[FiringAlert], now: datetime) -> FlushInput:
        return FlushInput(
            store_id=STORE_ID,
            transitions=waiting,
            incidents=tuple(self._incidents.values()),
            deliveries=tuple(map(DeliveryBrief.of, self._rows.values())),
            debts=tuple(self._debts),
            silences=tuple(one for one in self._silences if one.active(now)),
            firing=tuple(firing),
        )

    def _new_id(self) -> str:
        return f"{next(self._ids):08d}"

    def _commit(self, plan: FlushPlan) -> None:
        for incident in plan.incidents:
            self._incidents[incident.id] = incident
        for row, why in plan.withdrawn:
            self._rows[row] = replace(self._rows[row], state=DeliveryState.WITHDRAWN, last_error=why)
        for delivery in plan.deliveries:
            self._rows[delivery.id] = replace(delivery, seq=next(self._seqs))
        for ended in [one.id for one in self._incidents.values() if one.ended_at is not None]:
            del self._incidents[ended]

    def _send(self, now: datetime) -> Iterator[Delivery]:
        """Let the vendors accept all that is open, each row after the one it waits for."""
        for row in list(self._rows.values()):
            if row.state.open:
                self._settle(row, now)
                yield row
        alive = self._incidents
        self._rows = {row.id: row for row in self._rows.values() if row.incident_id in alive}
        self._debts = [debt for debt in self._debts if debt.incident_id in alive]

    def _settle(self, row: Delivery, now: datetime) -> None:
        self._rows[row.id] = replace(row, state=DeliveryState.ACCEPTED, attempts=1, finished_at=now)
        if row.event is Event.RESOLVE:
            self._debts = [debt for debt in self._debts if not _paid(debt, row)]
        elif row.event in PAGES and not any(_paid(debt, row) for debt in self._debts):
            debt = Debt(row.incident_id, row.tier, row.channel, row.destination, row.dedup_key, None, now)
            self._debts.append(debt)


def _paid(debt: Debt, row: Delivery) -> bool:
    mine = (debt.incident_id, debt.channel, debt.destination, debt.dedup_key)
    return mine == (row.incident_id, row.channel, row.destination, row.dedup_key)
