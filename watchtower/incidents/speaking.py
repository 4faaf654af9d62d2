"""Whether an incident speaks now, and what it says: a page, a raised one, an update, the end, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.incidents.acknowledgement import lapsed, passed_on
from watchtower.incidents.calling import escalated, reminded
from watchtower.incidents.deliveries import key_of
from watchtower.incidents.evidence import followed
from watchtower.incidents.graphs import graphed
from watchtower.incidents.lifecycle import (
    audible,
    begins,
    ended,
    first_told_at,
    has_news,
    in_nobodys_hands,
    over,
    told,
    update_at,
)
from watchtower.incidents.notices import counts, moved_to, urgent_first
from watchtower.incidents.said import Said, withdrawn
from watchtower.incidents.templated import in_vain
from watchtower.model import Event

if TYPE_CHECKING:
    from collections.abc import Collection

    from watchtower.incidents.deliveries import Books, Desk
    from watchtower.incidents.model import Incident


def speak(incident: Incident, stored: Incident | None, books: Books, desk: Desk) -> Said:
    """What this incident says now; ``stored`` is what it was before this flush, None when it is new."""
    said = _state(incident, stored, books, desk)
    for more in (escalated, reminded, passed_on, graphed, followed):
        said = more(said, books, desk)
    return said


def _state(incident: Incident, stored: Incident | None, books: Books, desk: Desk) -> Said:
    """What its members make it say."""
    if over(incident):
        return _end(incident, books, desk)
    if incident.told_tier is None:
        return _begin(incident, stored, desk) if audible(incident) else Said(incident)
    if not audible(incident):
        return _hush(incident, stored, books, desk)
    if incident.tier < incident.told_tier:
        return _rise(incident, books, desk)
    if lapsed(incident, desk.now):
        return _anew(incident, books, desk)
    if missed := books.missed() & desk.channels.keys():
        return _again(incident, missed, books, desk)
    return _go_on(incident, books, desk)


def _begin(incident: Incident, stored: Incident | None, desk: Desk) -> Said:
    rose = stored is not None and incident.tier < stored.tier
    if not begins(incident, stored, desk.now):
        return Said(incident)
    reason = f"raised to {incident.tier} before it was told" if rose else _began(incident)
    if lapsed(incident, desk.now):
        incident = in_nobodys_hands(incident)
    incident = replace(incident, acknowledgement_told=False)
    pages = desk.pages(incident, reason + _freed(incident, stored))
    return Said(told(incident, desk.now, paged=True), pages, remarks=_unreachable(incident, desk))


def _hush(incident: Incident, stored: Incident | None, books: Books, desk: Desk) -> Said:
    """Everything that fires is held back: what was not sent yet is not sent, until the hold ends."""
    fell_silent = stored is None or audible(stored)
    reason = f"{_held_by(incident)}, before it was delivered"
    waiting = [row for row in books.waiting() if row.event is not Event.UPDATE or fell_silent]
    said = _go_on(incident, books.without(waiting), desk)
    return replace(said, withdrawn=(*withdrawn(waiting, reason), *said.withdrawn))


def _again(incident: Incident, missed: Collection[str], books: Books, desk: Desk) -> Said:
    """The channels whose page was taken back hear of it now; the others have heard."""
    reason = f"{_began(incident)}; nothing holds it back any more"
    pages = desk.pages(incident, reason, only=missed)
    if not pages:
        return _go_on(incident, books, desk)
    told_anew = replace(told(incident, desk.now, paged=True), acknowledgement_told=False)
    if incident.escalated_at is not None:
        told_anew = replace(told_anew, called_at=incident.called_at, escalated_at=incident.escalated_at)
    return Said(told_anew, (*pages, *desk.replaced(incident, books, pages, reason)))


def _go_on(incident: Incident, books: Books, desk: Desk) -> Said:
    if has_news(incident) and desk.now >= update_at(incident):
        return _update(incident, books, desk)
    return Said(incident)


def _rise(incident: Incident, books: Books, desk: Desk) -> Said:
    """Whoever had it in hand had something less urgent in hand."""
    return _page_anew(
        in_nobodys_hands(incident), books, desk, _raised(incident), f"raised to {incident.tier} before it was delivered"
    )


def _anew(incident: Incident, books: Books, desk: Desk) -> Said:
    """An acknowledgement that ended while it fires: vendors that hold an acknowledged key ring only for another."""
    ended_at = f"{incident.acknowledged_until:%H:%M} UTC" if incident.acknowledged_until else ""
    reason = f"still firing: the acknowledgement by {incident.acknowledged_by} ended at {ended_at}"
    again = replace(in_nobodys_hands(incident), rounds=incident.rounds + 1)
    said = _page_anew(again, books, desk, reason, "paged anew before it was delivered")
    return replace(said, news=(("acknowledgement ended", reason),))


def _page_anew(incident: Incident, books: Books, desk: Desk, reason: str, stale: str) -> Said:
    """Page every channel; where that is under a new key, the old one is resolved once the new one is settled."""
    pages = desk.pages(incident, reason)
    paged = {page.channel for page in pages}
    untold = [row for row in books.untold() if row.channel in paged]
    old = desk.replaced(incident, books.without(untold), pages, reason)
    return Said(
        told(incident, desk.now, paged=True),
        (*pages, *old),
        withdrawn(untold, stale),
        _unreachable(incident, desk),
    )


def _update(incident: Incident, books: Books, desk: Desk) -> Said:
    firing, muted, done = counts(incident.members)
    dark = sum(member.firing and member.no_data_since is not None for member in incident.members)
    held = f", {muted} muted" if muted else ""
    gone = sum(not member.firing and bool(member.moves_to) for member in incident.members)
    moved = f", {gone} moved to another route" if gone else ""
    reason = f"members changed: {firing} firing ({dark} without data){held}, {done - gone} resolved{moved}"
    updates = desk.updates(incident, books, reason)
    stale = [row for row in books.untold() if row.event is Event.UPDATE]
    return Said(
        told(incident, desk.now, paged=False),
        updates,
        withdrawn(stale, "members changed again before it was delivered"),
    )


def _end(incident: Incident, books: Books, desk: Desk) -> Said:
    """Resolve what is held; a P1 or P2 nobody heard of is told first, what is less urgent stays unsaid.

    What ended while it was held back stays unsaid, however urgent it was, and so does what another route tells.
    """
    unsaid = incident.told_tier is None or incident.tier < incident.told_tier
    quiet = all(member.muted_by for member in incident.members)
    elsewhere = bool(moved_to(incident))
    missed = unsaid and incident.tier.urgent and not quiet and not elsewhere
    pages = desk.pages(incident, f"{_began(incident)} and ended at once") if missed else ()
    said = bool(pages) or (missed and not incident.channels)  # who has no channel left is told in a storm
    heard = told(incident, desk.now, paged=True) if said else incident
    untold = books.waiting() if quiet else books.untold()
    held = books.without(untold).held() | {key_of(page): page.tier for page in pages}
    done = ended(heard, desk.now)
    return Said(
        done,
        (*pages, *desk.resolves(done, held, _last_words(incident))),
        withdrawn(untold, "ended before it was delivered"),
        _unsaid(incident) if unsaid and not said and not elsewhere else (),
    )


def _unreachable(incident: Incident, desk: Desk) -> tuple[tuple[str, str], ...]:
    gone = [name for name in incident.channels if name not in desk.channels]
    why = [f"channel {name} is not configured any more" for name in gone]
    why += [f"channel {name} leads to the same place as {to}" for name, to in desk.echoes(incident.channels).items()]
    return tuple(("not delivered", reason) for reason in why)


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
    return f"{incident.tier} alert {first.name} began{company}{waited}{in_vain(incident)}"


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
    if moved_to(incident):
        return f"{last.name} moved to route {last.moves_to}, which tells of it from now on"
    return f"last member resolved: {last.name}" + (f" ({last.reason})" if last.reason else "")
