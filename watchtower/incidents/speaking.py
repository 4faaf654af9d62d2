"""Whether an incident speaks now, and what it says: a page, a raised one, an update, the end, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.incidents.deliveries import key_of
from watchtower.incidents.lifecycle import audible, ended, first_told_at, has_news, over, told, update_at
from watchtower.incidents.notices import counts, urgent_first
from watchtower.model import Event

if TYPE_CHECKING:
    from collections.abc import Collection

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
        return _begin(incident, stored, desk) if audible(incident) else Said(incident)
    if not audible(incident):
        return _hush(incident, stored, books, desk)
    if incident.tier < incident.told_tier:
        return _rise(incident, books, desk)
    if missed := books.missed() & desk.channels.keys():
        return _again(incident, missed, books, desk)
    return _go_on(incident, books, desk)


def _begin(incident: Incident, stored: Incident | None, desk: Desk) -> Said:
    rose = stored is not None and incident.tier < stored.tier
    if not incident.tier.urgent and not rose and desk.now < first_told_at(incident):
        return Said(incident)
    reason = f"raised to {incident.tier} before it was told" if rose else _began(incident)
    pages = desk.pages(incident, reason + _freed(incident, stored))
    return Said(told(incident, desk.now, paged=True), pages, remarks=_unreachable(incident, desk))


def _hush(incident: Incident, stored: Incident | None, books: Books, desk: Desk) -> Said:
    """Everything that fires is held back: what was not sent yet is not sent, until the hold ends."""
    fell_silent = stored is None or audible(stored)
    reason = f"{_held_by(incident)}, before it was delivered"
    waiting = [row for row in books.waiting() if row.event is not Event.UPDATE or fell_silent]
    said = _go_on(incident, books.without(waiting), desk)
    return replace(said, withdrawn=(*_withdrawn(waiting, reason), *said.withdrawn))


def _again(incident: Incident, missed: Collection[str], books: Books, desk: Desk) -> Said:
    """The channels whose page was taken back hear of it now; the others have heard."""
    reason = f"{_began(incident)}; nothing holds it back any more"
    pages = desk.pages(incident, reason, only=missed)
    if not pages:
        return _go_on(incident, books, desk)
    return Said(told(incident, desk.now, paged=True), (*pages, *desk.replaced(incident, books.held(), pages, reason)))


def _go_on(incident: Incident, books: Books, desk: Desk) -> Said:
    if has_news(incident) and desk.now >= update_at(incident):
        return _update(incident, books, desk)
    return Said(incident)


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
    firing, muted, done = counts(incident.members)
    dark = sum(member.firing and member.no_data_since is not None for member in incident.members)
    held = f", {muted} muted" if muted else ""
    reason = f"members changed: {firing} firing ({dark} without data){held}, {done} resolved"
    updates = desk.updates(incident, books, reason)
    stale = [row for row in books.untold() if row.event is Event.UPDATE]
    return Said(
        told(incident, desk.now, paged=False),
        updates,
        _withdrawn(stale, "members changed again before it was delivered"),
    )


def _end(incident: Incident, books: Books, desk: Desk) -> Said:
    """Resolve what is held; a P1 or P2 nobody heard of is told first, what is less urgent stays unsaid.

    What ended while it was held back stays unsaid, however urgent it was.
    """
    unsaid = incident.told_tier is None or incident.tier < incident.told_tier
    quiet = all(member.muted_by for member in incident.members)
    missed = unsaid and incident.tier.urgent and not quiet
    pages = desk.pages(incident, f"{_began(incident)} and ended at once") if missed else ()
    heard = told(incident, desk.now, paged=True) if pages else incident
    untold = books.waiting() if quiet else books.untold()
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
        held = f": {_held_by(incident)}" if _held_by(incident) else ""
        return (("not delivered", f"{incident.tier} incident ended before it was told{held}"),)
    return (("not delivered", f"the rise to {incident.tier} ended before it was told"),)


def _began(incident: Incident) -> str:
    first, *others = urgent_first(incident.members)
    company = f" with {len(others)} more" if others else ""
    wait = (first_told_at(incident) - incident.opened_at).total_seconds()
    waited = "" if incident.tier.urgent or not wait else f", group_wait {format_duration(wait)} over"
    return f"{incident.tier} alert {first.name} began{company}{waited}"


def _held_by(incident: Incident) -> str:
    return next((member.muted_by for member in urgent_first(incident.members) if member.muted_by), "")


def _freed(incident: Incident, stored: Incident | None) -> str:
    """What held back until now who fires, as a reason goes on."""
    firing = {member.alert_id for member in incident.members if member.firing}
    held = [member.muted_by for member in (stored.members if stored else ()) if member.alert_id in firing]
    return next((f"; until now {reason}" for reason in held if reason), "")


def _raised(incident: Incident) -> str:
    first = urgent_first(incident.members)[0]
    return f"raised from {incident.told_tier} to {incident.tier} by {first.name}"


def _last_words(incident: Incident) -> str:
    if not incident.members:
        return "no member is left"
    last = max(incident.members, key=lambda member: member.since)
    return f"last member resolved: {last.name}" + (f" ({last.reason})" if last.reason else "")
