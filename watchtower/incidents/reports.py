"""What a vendor says that somebody did with an incident there, and what it means here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from watchtower.incidents.acknowledgement import acknowledged, closed_by_hand
from watchtower.incidents.deliveries import ESCALATION_MARK, key_text
from watchtower.incidents.lifecycle import over

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from watchtower.incidents.model import Debt, Incident


class Deed(StrEnum):
    """What can be done with an incident at a vendor that we take over."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Report:
    """Something was done with what is open under a key; ``by`` names the person, and is empty where none did it."""

    key: str
    deed: Deed
    by: str


@dataclass(frozen=True, slots=True)
class Heard:
    """The incident after a report, None when none was changed, and why."""

    incident: Incident | None
    reason: str


def heed(incident: Incident, report: Report, via: str, store_id: str, now: datetime) -> Heard:
    """What a report changes, however often and in whatever order reports come.

    Our own events are no person's. A rise, an end by time and a close by hand each begin a new key, so that a report
    about an older one, late or told twice, changes nothing.
    """
    if not report.by:
        return Heard(None, "no person did it")
    if report.key not in live_keys(store_id, incident):
        return Heard(None, "it is about an earlier page of this incident")
    if report.deed is Deed.RESOLVED:
        if over(incident):
            return Heard(None, "nothing fires any more")
        return Heard(closed_by_hand(incident, report.by, via, now), "closed there while it fires: in hand for 1h")
    if incident.acknowledged_at is not None:
        return Heard(None, f"{incident.acknowledged_by} has it in hand already")
    return Heard(acknowledged(incident, report.by, via, None, now), "in hand")


def live_keys(store_id: str, incident: Incident) -> tuple[str, str]:
    """The keys under which pagers know the incident as it is now; those of an earlier tier or round are history."""
    key = key_text(store_id, incident)
    return key, f"{key}{ESCALATION_MARK}"


def incident_of(key: str, store_id: str) -> str:
    """The id of the incident that a key is about; empty where the key is not of this store."""
    mine, _, rest = key.partition(f"wt:{store_id}:")
    return "" if mine else rest.partition(":")[0]


def asked_for(debts: Iterable[Debt], incidents: Iterable[Incident], channel: str, store_id: str) -> list[str]:
    """The keys to look up at a channel's vendor, in the order in which they were opened."""
    live = {key for incident in incidents for key in live_keys(store_id, incident)}
    return [debt.dedup_key for debt in debts if debt.channel == channel and debt.dedup_key in live]
