"""Fallback: who is told in the place of a channel that does not accept a page, when, and why.

Pages of P1 and P2 are told elsewhere when nobody accepted them for a minute, or at once when they were refused for
good; less urgent ones when they are given up. So are alerts about a channel: that channel is no place to wait in.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.incidents.deliveries import PAGES, Books, key_of
from watchtower.incidents.evidence import follow_ups
from watchtower.incidents.graphs import graphs
from watchtower.incidents.lifecycle import audible
from watchtower.incidents.model import DeliveryBrief
from watchtower.incidents.notices import urgent_first
from watchtower.model import DeliveryState, Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from watchtower.incidents.deliveries import Desk
    from watchtower.incidents.draft import Draft
    from watchtower.incidents.model import Debt, Incident
    from watchtower.incidents.policy import Policy
    from watchtower.model import Delivery

#: A page that is not accepted this long after it was written is told elsewhere, and is late when it arrives.
FALLBACK_AFTER = timedelta(seconds=60)
#: Own alerts about the channel that their label ``channel`` names.
DELIVERY_FAILING = "WatchtowerDeliveryFailing"
RESOLVE_OWED = "WatchtowerResolveOwed"

#: What tells somebody that something began; a repeat was told before.
_BEGINNINGS = frozenset({Event.TRIGGER, Event.ESCALATION})
#: Characters of a vendor's words in a reason.
_CAUSE = 200


def fall_back(draft: Draft, books: Mapping[str, Books], desk: Desk, policy: Policy) -> None:
    """Tell those who stand in what is due now, and look at each incident again when more of it will be."""
    gone = {row_id for row_id, _ in draft.withdrawn}
    rows: dict[str, list[DeliveryBrief]] = defaultdict(list)
    for incident_id, kept in books.items():
        rows[incident_id] = [row for row in kept.rows if row.id not in gone]
    for written in draft.deliveries:
        rows[written.incident_id].append(DeliveryBrief.of(written))
    for incident_id, pages in rows.items():
        incident = draft.incidents[incident_id]
        if incident.acknowledged_at or not (incident.ended_at or audible(incident)):
            continue
        if leads := _leads(incident, pages, policy):
            _judge(draft, incident, pages, leads, books.get(incident_id, Books()).debts, desk)


def _leads(incident: Incident, rows: Iterable[DeliveryBrief], policy: Policy) -> dict[str, str]:
    """Who stands in for each of these rows' channels, and in turn for those who do.

    Whoever leads to where the channel itself leads is no help. A place that another channel told is told by that one:
    under one key, two would each keep an order of its own.
    """
    homes: dict[str, str] = {}
    asked = []
    for row in rows:
        asked.append(row.channel)
        if row.channel in policy.channels and policy.channels[row.channel].destination == row.destination:
            homes.setdefault(row.destination, row.channel)
    leads: dict[str, str] = {}
    while asked:
        channel = asked.pop()
        to = _elsewhere(incident, channel, policy) if channel not in leads else None
        if to is not None:
            leads[channel] = homes.setdefault(policy.channels[to].destination, to)
            asked.append(leads[channel])
    return leads


def _elsewhere(incident: Incident, channel: str, policy: Policy) -> str | None:
    """The first that stands in for a channel, directly or in turn, and leads to another place."""
    here = policy.channels[channel].destination if channel in policy.channels else None
    passed = {channel}
    to = policy.stand_in(incident, channel)
    while to is not None and to not in passed and policy.channels[to].destination == here:
        passed.add(to)
        to = policy.stand_in(incident, to)
    return None if to in passed else to


def _judge(
    draft: Draft,
    incident: Incident,
    rows: list[DeliveryBrief],
    leads: Mapping[str, str],
    debts: tuple[Debt, ...],
    desk: Desk,
) -> None:
    """Tell what is due; the pages that say so may have to be told elsewhere in their turn."""
    owing = [row for row, due in _moments(incident, rows, leads, desk.now) if due <= desk.now]
    for channel in dict.fromkeys(leads[row.channel] for row in owing):
        failed = [row for row in owing if leads[row.channel] == channel]
        rows += map(DeliveryBrief.of, _tell(draft, incident, Books(tuple(rows), debts), desk, channel, failed))
    later = [due for _, due in _moments(incident, rows, leads, desk.now) if due > desk.now]
    draft.wake(incident.id, min(later, default=None))


def _moments(
    incident: Incident, rows: Sequence[DeliveryBrief], leads: Mapping[str, str], now: datetime
) -> list[tuple[DeliveryBrief, datetime]]:
    moments = ((row, due_from(row, incident, rows, leads, now)) for row in rows)
    return [(row, due) for row, due in moments if due is not None]


def due_from(
    row: DeliveryBrief, incident: Incident, rows: Iterable[DeliveryBrief], leads: Mapping[str, str], now: datetime
) -> datetime | None:
    """From when on a delivery is told elsewhere; None when it need not be: accepted, told already, or no page.

    A page that seems to come from later than now was written before the clock was set back: it waited long enough.
    """
    target = leads.get(row.channel)
    if target is None or row.event not in _BEGINNINGS or row.created_at is None or not _fails(row, incident):
        return None
    others = [other for other in rows if other.state is not DeliveryState.WITHDRAWN]
    if _heard(row, target, others) or (incident.ended_at and _knows(target, others)):
        return None
    at_once = row.refused or row.state is DeliveryState.DEAD or row.created_at > now + FALLBACK_AFTER
    return min(row.created_at, now) if at_once else row.created_at + FALLBACK_AFTER


def _fails(row: DeliveryBrief, incident: Incident) -> bool:
    """Whether it may have to be told elsewhere: it is pressing and not accepted yet, or it was given up.

    What was given up at a lower tier was told again since; once the incident is over, only what is urgent matters.
    """
    if row.state.open:
        return row.tier.urgent or (incident.ended_at is None and _about(incident, row.channel))
    return row.state is DeliveryState.DEAD and row.tier == incident.tier and incident.ended_at is None


def _about(incident: Incident, channel: str) -> bool:
    """Whether it says that this very channel fails."""
    own = (member for member in incident.members if member.name in (DELIVERY_FAILING, RESOLVE_OWED))
    return any(member.labels.get("channel") == channel for member in own)


def _heard(row: DeliveryBrief, target: str, others: Sequence[DeliveryBrief]) -> bool:
    """Each page is told elsewhere once; what was told since at this urgency or above says it all."""
    for other in others:
        if other.fallback_of == row.id:
            return True
        if other.fallback_of and other.channel == target and other.tier <= row.tier and not _older(other, row):
            return True
    return False


def _older(one: DeliveryBrief, other: DeliveryBrief) -> bool:
    return one.created_at is None or other.created_at is None or one.created_at < other.created_at


def _knows(target: str, others: Iterable[DeliveryBrief]) -> bool:
    """Whether the channel has a page of the incident, or will have, or is told of its end because it may have one."""
    telling = (*_BEGINNINGS, Event.RESOLVE)
    theirs = (other for other in others if other.channel == target and other.event in telling)
    return any(other.state.open or other.state is DeliveryState.ACCEPTED for other in theirs)


def _tell(
    draft: Draft, incident: Incident, books: Books, desk: Desk, channel: str, failed: Sequence[DeliveryBrief]
) -> tuple[Delivery, ...]:
    """One page that says for whom it stands in; of an incident that is over with its end."""
    reason = f"fallback: {'; '.join(dict.fromkeys(why(row, desk.now) for row in failed))}"
    page = desk.stand_in(incident, channel, reason, failed[0])
    if incident.ended_at:
        ends = desk.resolves(incident, {key_of(page): page.tier}, "it ended before it was told here")
    else:
        ends = desk.replaced(incident, books, [page], reason)
    draft.deliveries += (page, *ends, *graphs(incident, books.rows, [page], desk))
    draft.deliveries += follow_ups(incident, books.rows, [page], desk)
    first = next(iter(urgent_first(incident.members)), None)
    draft.remark(first.alert_id if first else "", "fallback", f"{channel} is told; {reason}", incident.id)
    return page, *ends


def why(row: DeliveryBrief, now: datetime) -> str:
    """``oncall has not accepted for 1m: connection refused``, in the vendor's words where it said something."""
    if row.refused or row.state is DeliveryState.DEAD:
        what = "refused it for good" if row.refused else "was given up"
    else:
        waited = max(FALLBACK_AFTER.total_seconds(), (now - (row.created_at or now)).total_seconds())
        what = f"has not accepted for {_lasting(waited)}"
    cause = row.last_error or ("nothing could be sent to it" if row.attempts == 0 else "")
    return f"{row.channel} {what}: {cause[:_CAUSE]}" if cause else f"{row.channel} {what}"


def _lasting(seconds: float) -> str:
    """``60 s``, and from two minutes on ``4m`` as everywhere."""
    return f"{seconds:.0f} s" if seconds < 120 else format_duration(seconds // 60 * 60)


def labelled_late(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery as it leaves now: a page that comes more than a minute after it was written says so."""
    waited = now - delivery.created_at
    if delivery.event not in PAGES or waited <= FALLBACK_AFTER:
        return delivery
    told, late = delivery.notice, f"late by {_minutes(waited)}"
    label = ", ".join(part for part in (told.label, late) if part)
    reason = "; ".join(part for part in (told.reason, late) if part)
    return replace(delivery, notice=replace(told, label=label, reason=reason))


def _minutes(waited: timedelta) -> str:
    minutes = int(waited.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
