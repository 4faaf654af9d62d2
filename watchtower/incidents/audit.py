"""The audit of what is owed: a resolve that was given up is written anew, less and less often, until it is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.incidents.deliveries import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from watchtower.incidents.deliveries import Desk, Key
    from watchtower.incidents.model import Debt, Incident
    from watchtower.model import Delivery, Priority

#: Resolves that one audit writes: a backlog must not become a storm.
AT_ONCE = 50
#: The wait before another try: a quarter of the time since the page, within these bounds.
LEAST_WAIT = timedelta(minutes=1)
MOST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Owed:
    """A debt of an incident that ended and of which no resolve is on its way; ``tried_at`` is the last one's end."""

    debt: Debt
    tried_at: datetime | None = None
    detail: str = ""


def pay_again(owed: Sequence[Owed], incidents: Mapping[str, Incident], desk: Desk) -> tuple[Delivery, ...]:
    """A resolve for each key whose time has come, at most AT_ONCE of them, those first that wait longest."""
    written: dict[Key, Delivery] = {}
    for each in owed:
        debt, incident = each.debt, incidents.get(each.debt.incident_id)
        key = key_of(debt)
        if incident is None or key in written or len(written) >= AT_ONCE or not _due(each, desk.now):
            continue
        tiers: dict[Key, Priority] = {key: debt.tier}
        [written[key]] = desk.resolves(incident, tiers, _reason(each))
    return tuple(written.values())


def _due(owed: Owed, now: datetime) -> bool:
    if owed.tried_at is None or owed.tried_at > now:
        return True
    wait = (owed.tried_at - owed.debt.since) / 4
    return now >= owed.tried_at + min(max(wait, LEAST_WAIT), MOST_WAIT)


def _reason(owed: Owed) -> str:
    return f"still owed: {owed.detail}" if owed.detail else "still owed: nothing was on its way"
