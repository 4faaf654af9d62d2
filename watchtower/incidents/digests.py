"""Digests: when more waits for a channel than people read one by one, it leaves as one message.

What is chosen here leaves with one request and shares its outcome. A message of several is known by the digest's id,
as one of its own is by the delivery's; who is in it is settled before it leaves, because it may have arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from watchtower.incidents.deliveries import PAGES
from watchtower.incidents.notices import counted
from watchtower.model import EMPTY, Delivery, DeliveryState, Event, Notice, NoticeMember, Priority, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

#: How the key of a digest's own message begins; its id follows.
KEY = "wt:digest:"
#: Messages that wait and are still sent one by one.
DIGEST_ABOVE = 10
#: Rows that one digest takes; the rest is the next one's.
MOST = 500


class Kind(StrEnum):
    """What is to be done with the rows chosen.

    One leaves by itself, or several as one new message, as the one that may have arrived, or as one edit.
    """

    SINGLE = "single"
    POST = "post"
    AGAIN = "again"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row whose turn it is.

    ``digest`` is the message that it may have arrived in. ``own`` says that its incident has a message of its own at
    this destination, ``told_in`` is the digest that tells of it while it has none.
    """

    seq: int
    tier: Priority
    event: Event
    state: DeliveryState
    destination: str
    digest: str | None = None
    told_in: str | None = None
    own: bool = False

    @property
    def edits(self) -> bool:
        """It changes a message that is there, and makes none."""
        return self.event not in PAGES and (self.own or self.told_in is not None)

    @property
    def digestible(self) -> bool:
        """It may be told with others: not urgent above all, surely never told, and a message of its own otherwise."""
        return self.tier > Priority.P1 and self.state is DeliveryState.PENDING and not self.edits


@dataclass(frozen=True, slots=True)
class Choice:
    """Rows that leave together; ``digest`` None asks for a new one, or for none."""

    kind: Kind
    digest: str | None = None
    seqs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows marked to leave as one message.

    ``told`` is what the message shows: of each incident in it the newest row. ``ref`` is the message to edit.
    """

    id: str
    kind: Kind
    rows: tuple[Delivery, ...]
    told: tuple[Delivery, ...]
    ref: Mapping[str, Any] | None = None


def choose(waiting: Sequence[Waiting], *, gathering: bool = False) -> Choice | None:
    """What leaves now, of the rows whose turn it is, in that order.

    While the channel gathers, what would be told with others waits; None when nothing else is there.
    """
    free = [row for row in waiting if not (gathering and row.digestible)]
    if not free:
        return None
    first = free[0]
    if first.digest is not None:
        return Choice(Kind.AGAIN, first.digest)
    if first.edits and not first.own:
        return Choice(Kind.EDIT, first.told_in, _edits(first, free))
    company = tuple(row.seq for row in free if row.digestible and row.destination == first.destination)
    if first.digestible and len(company) > DIGEST_ABOVE:
        return Choice(Kind.POST, None, company[:MOST])
    return Choice(Kind.SINGLE, None, (first.seq,))


def _edits(first: Waiting, waiting: Sequence[Waiting]) -> tuple[int, ...]:
    """Everything that changes one digest's message is one edit of it."""
    mine = [row for row in waiting if row.edits and not row.own and row.told_in == first.told_in]
    return tuple(row.seq for row in mine if row.destination == first.destination)[:MOST]


def compose(batch: Batch, now: datetime) -> Delivery:
    """The batch as one delivery, so that a notifier sends, edits and finds it like any other."""
    rows = batch.rows
    tier = min(row.tier for row in rows)
    event = _event(batch)
    fresh = batch.kind is Kind.EDIT or all(row.state is DeliveryState.PENDING for row in rows)
    tried = [row.first_attempt_at for row in rows if row.first_attempt_at is not None]
    return Delivery(
        id=batch.id,
        incident_id=batch.id,
        channel=rows[0].channel,
        destination=rows[0].destination,
        event=event,
        tier=tier,
        dedup_key=f"{KEY}{batch.id}",
        notice=_notice(batch, event, tier, now),
        reason=f"{len(rows)} messages as one",
        created_at=min(row.created_at for row in rows),
        next_at=now,
        state=DeliveryState.PENDING if fresh else DeliveryState.AMBIGUOUS,
        attempts=max(row.attempts for row in rows),
        first_attempt_at=min(tried, default=None),
        ref=batch.ref,
    )


def _event(batch: Batch) -> Event:
    if all(_over(row) for row in batch.told):
        return Event.RESOLVE
    return Event.UPDATE if batch.kind is Kind.EDIT else Event.TRIGGER


def _over(row: Delivery) -> bool:
    return row.event is Event.RESOLVE


def _notice(batch: Batch, event: Event, tier: Priority, now: datetime) -> Notice:
    """Most urgent first, then the oldest; those that are over last."""
    told = sorted(batch.told, key=lambda row: (_over(row), row.tier, row.notice.opened_at, row.seq))
    over = sum(map(_over, told))
    return Notice(
        incident_id=batch.id,
        event=event,
        tier=min((row.tier for row in told), default=tier),
        route="digest",
        environment=told[0].notice.environment,
        group_labels=EMPTY,
        opened_at=min(row.notice.opened_at for row in told),
        at=now,
        title=title(told),
        members=tuple(map(_member, told)),
        firing=len(told) - over,
        resolved=over,
        reason=f"More than {DIGEST_ABOVE} messages waited for this channel, so they are one.",
        ended_at=now if event is Event.RESOLVE else None,
        digest=True,
    )


def title(told: Sequence[Delivery]) -> str:
    """``43 incidents: RdsCpuHigh 20, SiteDown 12, DiskFull 4 and 3 rules more``."""
    return f"{len(told)} incidents: {counted(rule_of(row.notice) for row in told)}"


def rule_of(notice: Notice) -> str:
    """The rule that an incident is told by."""
    return notice.members[0].name if notice.members else notice.route


def _member(row: Delivery) -> NoticeMember:
    """One line of the digest: an incident with its title, in the place where others have their alerts."""
    notice, over = row.notice, _over(row)
    rule = rule_of(notice)
    return NoticeMember(
        alert_id=row.incident_id,
        name=rule,
        labels=notice.group_labels,
        state=State.OK if over else State.ALARM,
        firing=not over,
        priority=row.tier,
        summary=notice.title.removeprefix(f"{notice.tier} ").removeprefix(f"{rule}: "),
        reason="",
        value=None,
        since=notice.opened_at,
    )
