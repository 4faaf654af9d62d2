"""Evidence that was late: one delivery to each place that was told without it, on a lane of its own.

The page never waits for it. Whether it came is seen when the delivery leaves; here it is only decided who is owed a
look: chat and mail, never a pager, which would ring or show nothing. What ended or is held back meanwhile is not
followed up: a message about what is over reads like a beginning.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.clock import epoch
from watchtower.incidents.deliveries import PAGES, Key, key_of
from watchtower.incidents.lanes import evidence_lane
from watchtower.incidents.notices import urgent_first
from watchtower.incidents.said import withdrawn
from watchtower.model import DeliveryState, Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watchtower.incidents.deliveries import Books, Desk
    from watchtower.incidents.model import DeliveryBrief, Incident
    from watchtower.incidents.said import Said
    from watchtower.model import Delivery, NoticeMember

#: For so long after it was first asked for evidence helps whoever looks at the alert.
WITHIN = timedelta(minutes=10)
#: Alerts of one incident that are followed up; of many that fail at once the first show the cause.
MOST = 5
UNWANTED = "its alert ended, is held back, or has newer evidence"


def followed(said: Said, books: Books, desk: Desk) -> Said:
    """What was told without its evidence is followed up; what nobody needs any more is taken back."""
    gone = {row_id for row_id, _ in said.withdrawn}
    rows = [row for row in books.rows if row.id not in gone]
    wanted = {_key(said.incident, member, desk) for member in _audible(said.incident)}
    stale = [row for row in rows if _untried(row) and row.dedup_key not in wanted]
    more = follow_ups(said.incident, rows, said.deliveries, desk)
    return said.adding(said.incident, more, withdrawn=withdrawn(stale, UNWANTED))


def follow_ups(
    incident: Incident, rows: Sequence[DeliveryBrief], pages: Iterable[Delivery], desk: Desk
) -> tuple[Delivery, ...]:
    """One for each alert whose evidence is late and each place that has a page, where there is none yet."""
    late = [member for member in _audible(incident) if _late(member, desk)][:MOST]
    if not late or incident.ended_at is not None:
        return ()
    looks = [(member, _key(incident, member, desk)) for member in late]
    wanted = (
        (Key(evidence_lane(channel), destination, key), member, page)
        for (channel, destination), page in _told(rows, pages, desk).items()
        for member, key in looks
    )
    return tuple(
        desk.evidence(incident, key, member, page) for key, member, page in wanted if not _written(rows, key, page)
    )


def _audible(incident: Incident) -> list[NoticeMember]:
    """Those with late evidence that people may hear of, the most urgent first."""
    return [one for one in urgent_first(incident.members) if one.firing and not one.muted_by and one.late]


def _late(member: NoticeMember, desk: Desk) -> bool:
    """Its evidence has not come, and may still help."""
    lookup = member.late
    return lookup is not None and not lookup.found and desk.now - lookup.asked_at < WITHIN


def _told(rows: Iterable[DeliveryBrief], pages: Iterable[Delivery], desk: Desk) -> Mapping[tuple[str, str], str]:
    """The newest page of every place that can be followed up."""
    unsent = (DeliveryState.WITHDRAWN, DeliveryState.DEAD)
    every: list[DeliveryBrief | Delivery] = [*rows, *pages]
    return {
        (row.channel, row.destination): row.id
        for row in every
        if row.event in PAGES and row.state not in unsent and _takes(row.channel, desk)
    }


def _takes(channel: str, desk: Desk) -> bool:
    traits = desk.channels.get(channel)
    return traits is not None and traits.follow_ups


def _written(rows: Iterable[DeliveryBrief], key: Key, page: str) -> bool:
    """It is there already; one that was taken back comes again with another page only."""
    same = (row for row in rows if key_of(row) == key)
    return any(row.state is not DeliveryState.WITHDRAWN or row.after == page for row in same)


def _untried(row: DeliveryBrief) -> bool:
    return row.event is Event.EVIDENCE and row.state is DeliveryState.PENDING and row.attempts == 0


def _key(incident: Incident, member: NoticeMember, desk: Desk) -> str:
    """The key of one look: the same however often the flush asks, and another when the alert rises."""
    asked = epoch(member.late.asked_at) if member.late else 0.0
    return f"wt:{desk.store_id}:{incident.id}:evidence:{member.alert_id}:{asked:.0f}"
