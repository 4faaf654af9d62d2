"""Who has an incident in hand, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from watchtower.incidents.deliveries import PAGES, key_of
from watchtower.incidents.said import withdrawn

if TYPE_CHECKING:
    from watchtower.incidents.deliveries import Books, Desk, Key
    from watchtower.incidents.model import Incident
    from watchtower.incidents.said import Said
    from watchtower.model import Priority

#: Whoever closes an incident at a vendor while it fires has it in hand for so long.
CLOSED_BY_HAND = timedelta(hours=1)


def acknowledged(incident: Incident, by: str, via: str, until: datetime | None, now: datetime) -> Incident:
    """The incident in the hands of ``by``, looked at again now so that the other channels hear of it.

    Whoever has it in hand already keeps it; another acknowledgement can only let it last longer. It takes members
    on while it is told to nobody: there is no pager yet that would not ring.
    """
    until = until or _lasts(incident, now)
    if incident.acknowledged_at is not None:
        return replace(incident, acknowledged_until=_later(incident.acknowledged_until, until))
    return replace(
        incident,
        acknowledged_at=now,
        acknowledged_by=by,
        acknowledged_via=via,
        acknowledged_until=until,
        acknowledgement_told=False,
        taking_members=incident.taking_members and incident.told_tier is None,
        due_at=now,
    )


def closed_by_hand(incident: Incident, by: str, via: str, now: datetime) -> Incident:
    """The incident after somebody closed it at a vendor while it fires: in hand for an hour, and no longer.

    A trigger under the key that was closed would ring at once, so what the vendor is told from now on has another.
    """
    heard = acknowledged(incident, by, via, None, now)
    return replace(heard, acknowledged_until=now + CLOSED_BY_HAND, rounds=incident.rounds + 1, due_at=now)


def lapsed(incident: Incident, now: datetime) -> bool:
    """Whether its acknowledgement has ended by itself."""
    return incident.acknowledged_until is not None and incident.acknowledged_until <= now


def passed_on(said: Said, books: Books, desk: Desk) -> Said:
    """Tell the other channels who has it in hand, and take back what would have called for somebody.

    What holds the incident back does not hold this back: a pager that rings on is to stop.
    """
    incident = said.incident
    if incident.acknowledged_at is None or incident.acknowledgement_told or incident.ended_at is not None:
        return said
    if incident.told_tier is None:
        return said
    reason = _in_hand(incident)
    calls = books.calls()
    told = desk.acknowledgements(incident, _open_keys(said, books.without(calls)), reason)
    return said.adding(
        replace(incident, acknowledgement_told=True),
        told,
        withdrawn=withdrawn(calls, reason),
        news=(("acknowledged", reason),),
    )


def _open_keys(said: Said, books: Books) -> dict[Key, Priority]:
    """What is open at the vendors once everything that was said has arrived."""
    gone = {row_id for row_id, _ in said.withdrawn}
    held = books.without(row for row in books.rows if row.id in gone).held()
    return held | {key_of(page): page.tier for page in said.deliveries if page.event in PAGES}


def _in_hand(incident: Incident) -> str:
    until = f" until {incident.acknowledged_until:%Y-%m-%d %H:%M} UTC" if incident.acknowledged_until else ""
    return f"acknowledged by {incident.acknowledged_by} via {incident.acknowledged_via}{until}"


def _lasts(incident: Incident, now: datetime) -> datetime | None:
    seconds = incident.settings.get("acknowledge_for")
    return now + timedelta(seconds=seconds) if isinstance(seconds, int | float) else None


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later end; None is never."""
    return None if one is None or other is None else max(one, other)
