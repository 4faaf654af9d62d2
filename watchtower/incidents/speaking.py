"""Whether an incident speaks now, and what it says: a page, a raised one, an update, the end, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.incidents.deliveries import key_of
from watchtower.incidents.lifecycle import ended, first_told_at, over, told, update_at
from watchtower.incidents.notices import urgent_first
from watchtower.model import Event

if TYPE_CHECKING:
    from watchtower.incidents.deliveries import Books, Desk
    from watchtower.incidents.model import DeliveryBrief, Incident
    from watchtower.model import Delivery


@dataclass(frozen=True, slots=True)
class Said:
    """One incident after it was asked to speak; ``remarks`` are (outcome, reason) about what was not said."""

    incident: Incident
    deliveries: tuple[Delivery, ...] = ()
    withdrawn: tuple[tuple[str, str], ...] = ()
    remarks: tuple[tuple[str, str], ...] = ()


def speak(incident: Incident, stored: Incident | None, books: Books, desk: Desk) -> Said:
    """What this incident says now; ``stored`` is what it was before this flush, None when it is new."""
    if over(incident):
        return _end(incident, books, desk)
    if incident.told_tier is None:
        return _begin(incident, stored, desk)
    if incident.tier < incident.told_tier:
        return _rise(incident, books, desk)
    if incident.changed and desk.now >= update_at(incident):
        return _update(incident, books, desk)
    return Said(incident)


def _begin(incident: Incident, stored: Incident | None, desk: Desk) -> Said:
    rose = stored is not None and incident.tier < stored.tier
    if not incident.tier.urgent and not rose and desk.now < first_told_at(incident):
        return Said(incident)
    reason = f"raised to {incident.tier} before it was told" if rose else _began(incident)
    pages = desk.pages(incident, reason)
    return Said(told(incident, desk.now, paged=True), pages, remarks=_unreachable(incident, desk))


def _rise(incident: Incident, books: Books, desk: Desk) -> Said:
    reason = _raised(incident)
    pages = desk.pages(incident, reason)
    paged = {page.channel for page in pages}
    untold = [row for row in books.untold() if row.channel in paged]
    old = desk.replaced(incident, books.without(untold).held(), pages, reason)
    return Said(
        told(incident, desk.now, paged=True),
        (*pages, *old),
        _withdrawn(untold, f"raised to {incident.tier} before it was delivered"),
        _unreachable(incident, desk),
    )


def _update(incident: Incident, books: Books, desk: Desk) -> Said:
    firing = sum(member.firing for member in incident.members)
    dark = sum(member.firing and member.no_data_since is not None for member in incident.members)
    done = len(incident.members) - firing
    reason = f"members changed: {firing} firing ({dark} without data), {done} resolved"
    updates = desk.updates(incident, books, reason)
    stale = [row for row in books.untold() if row.event is Event.UPDATE]
    return Said(
        told(incident, desk.now, paged=False),
        updates,
        _withdrawn(stale, "members changed again before it was delivered"),
    )


def _end(incident: Incident, books: Books, desk: Desk) -> Said:
    """Resolve what is held; a P1 or P2 nobody heard of is told first, what is less urgent stays unsaid."""
    unsaid = incident.told_tier is None or incident.tier < incident.told_tier
    missed = unsaid and incident.tier.urgent
    pages = desk.pages(incident, f"{_began(incident)} and ended at once") if missed else ()
    heard = told(incident, desk.now, paged=True) if pages else incident
    untold = books.untold()
    held = books.without(untold).held() | {key_of(page): page.tier for page in pages}
    done = ended(heard, desk.now)
    return Said(
        done,
        (*pages, *desk.resolves(done, held, _last_words(incident))),
        _withdrawn(untold, "ended before it was delivered"),
        _unsaid(incident) if unsaid and not pages else (),
    )


def _withdrawn(rows: list[DeliveryBrief], reason: str) -> tuple[tuple[str, str], ...]:
    return tuple((row.id, reason) for row in rows)


def _unreachable(incident: Incident, desk: Desk) -> tuple[tuple[str, str], ...]:
    gone = [name for name in incident.channels if name not in desk.channels]
    return tuple(("not delivered", f"channel {name} is not configured any more") for name in gone)


def _unsaid(incident: Incident) -> tuple[tuple[str, str], ...]:
    if incident.told_tier is None:
        return (("not delivered", f"{incident.tier} incident ended before it was told"),)
    return (("not delivered", f"the rise to {incident.tier} ended before it was told"),)


def _began(incident: Incident) -> str:
    first, *others = urgent_first(incident.members)
    company = f" with {len(others)} more" if others else ""
    wait = (first_told_at(incident) - incident.opened_at).total_seconds()
    waited = "" if incident.tier.urgent or not wait else f", group_wait {format_duration(wait)} over"
    return f"{incident.tier} alert {first.name} began{company}{waited}"


def _raised(incident: Incident) -> str:
    first = urgent_first(incident.members)[0]
    return f"raised from {incident.told_tier} to {incident.tier} by {first.name}"


def _last_words(incident: Incident) -> str:
    if not incident.members:
        return "no member is left"
    last = max(incident.members, key=lambda member: member.since)
    return f"last member resolved: {last.name}" + (f" ({last.reason})" if last.reason else "")
