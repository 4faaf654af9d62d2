"""What the store takes and gives besides the model's own values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from watchtower.evaluation.findings import Entry
    from watchtower.evaluation.roll import Census
    from watchtower.incidents.model import Debt, Decision, Incident
    from watchtower.model import AlertKey, AlertState, Delivery, DeliveryState, Priority, Transition, TroubleReason
    from watchtower.sources.uptime.ledger import Spent


#: Seconds that no retry is ahead, whatever a vendor asks for; beyond, the clock was set back.
FURTHEST_RETRY = 900.0


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A work unit as the plan wants it in the store; ``due_at`` is used only when the row is new.

    ``rules`` names those that it evaluates, for explanations.
    """

    id: str
    source: str
    account: str
    region: str
    period: int
    fingerprint: str
    due_at: datetime
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """How memories go along when the units of these sources are cut anew.

    ``carry`` is given the memories of all stored units of one of them, and gives those that change; pure.
    """

    sources: frozenset[str]
    carry: Callable[[str, Mapping[str, bytes]], Mapping[str, bytes]]


#: What is remembered stays with its unit.
STAY = Removal(frozenset(), lambda _, __: {})


@dataclass(frozen=True, slots=True)
class ClaimedUnit:
    """A unit this worker may tick until its lease ends; ``epoch`` fences the commit.

    ``last_tick`` is the newest committed tick (epoch seconds); ``failures`` counts polls that failed in a row.
    ``roll`` and ``census`` are what the unit knows of its rules' series. ``woken`` counts how often
    another unit's commit made it due: what was committed since the claim is not in what was read for it. ``nudged_at``:
    what was read before then is not the newest, AWS said.
    """

    id: str
    epoch: int
    due_at: datetime
    last_tick: int | None
    memory: bytes | None
    failing_since: datetime | None
    failures: int
    roll: bytes | None = None
    census: tuple[Census, ...] = ()
    woken: int = 0
    nudged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TickCommit:
    """Everything one tick changes; committed whole, or not at all when the epoch no longer holds.

    ``last_tick`` None keeps the old one (the poll failed and keeps its slot); ``memory``, ``roll`` and ``census`` None
    keep the old. ``wakes`` are units that this tick makes due at once; ``woken`` is the claim's own count: when it is
    more by now, the unit stays due, whatever ``due_at`` says.
    ``blinded`` names the rules that a poll in trouble did not see, or not wholly; ``silent``: it brought no answer at
    all; ``reasons`` are the kinds of its troubles. ``uptime`` is what is known of the time of its targets.
    ``fingerprint``, unless empty, is that of the asks that were polled: what a unit that has others by now remembers
    stays as it is, because a worker with an older plan does not know whose memory it would drop.
    """

    unit: str
    epoch: int
    due_at: datetime
    last_tick: int | None
    memory: bytes | None
    failing_since: datetime | None
    failures: int
    failure: str
    states: tuple[AlertState, ...] = ()
    transitions: tuple[Transition, ...] = ()
    log: tuple[Entry, ...] = ()
    roll: bytes | None = None
    census: tuple[Census, ...] | None = None
    wakes: tuple[str, ...] = ()
    woken: int = 0
    blinded: tuple[str, ...] = ()
    silent: bool = False
    reasons: tuple[TroubleReason, ...] = ()
    uptime: tuple[Spent, ...] = ()
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class UnitHealth:
    """How a unit fares, for the own alerts and the metrics; from ``blinded`` on as its last tick had it."""

    id: str
    source: str
    account: str
    region: str
    period: int
    due_at: datetime
    last_tick: int | None
    failing_since: datetime | None
    failures: int
    failure: str
    census: tuple[Census, ...] = ()
    blinded: tuple[str, ...] = ()
    silent: bool = False
    reasons: tuple[TroubleReason, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """How one attempt ended.

    ``state`` is ACCEPTED, DEAD, WITHDRAWN, PENDING (rejected for now: try again) or AMBIGUOUS (try again, and the
    resolve is owed already). ``next_at`` says when to try again. ``refused``: the vendor will never take it, so that
    somebody else is told at once.
    """

    state: DeliveryState
    detail: str
    next_at: datetime | None = None
    ref: Mapping[str, Any] | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a channel fares, and when it may be used again.

    Nothing leaves before ``hold_until`` (pace, Retry-After). While the channel rests after failures, nothing leaves
    before ``urgent_until``, and then only what is urgent until ``rest_until``. ``failures`` counts those in a row;
    ``sent`` are the times, in epoch seconds, of what still counts against the vendor's limit.
    """

    hold_until: datetime | None = None
    rest_until: datetime | None = None
    urgent_until: datetime | None = None
    failures: int = 0
    sent: tuple[float, ...] = ()

    @property
    def open(self) -> bool:
        """It failed so often that it rests between probes."""
        return self.rest_until is not None

    def free_from(self, *, urgent: bool) -> datetime | None:
        """When something may leave at the earliest; None when nothing holds it."""
        holds = (self.hold_until, self.urgent_until if urgent else self.rest_until)
        return max((moment for moment in holds if moment is not None), default=None)


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """How a channel fares, for the own alerts, the metrics and the status.

    ``dead`` counts what was given up and is still kept, ``died_at`` is the newest of it. ``owed`` counts resolves, also
    those of open incidents; ``overdue`` those whose incident ended a while ago, the first of them at
    ``overdue_since``. ``possible_duplicates`` counts what was sent again although it may have arrived before, since the
    store was made.
    """

    name: str
    standing: Standing
    accepted_at: datetime | None = None
    dead: int = 0
    died_at: datetime | None = None
    owed: int = 0
    overdue: int = 0
    overdue_since: datetime | None = None
    possible_duplicates: int = 0


@dataclass(frozen=True, slots=True)
class OutboxDepth:
    """Open rows of one channel at one priority; ``oldest`` is the creation of the oldest of them."""

    channel: str
    priority: Priority
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which a unit saw nothing: its polls failed, or nothing polled; ``until`` is None while it lasts."""

    unit: str
    since: datetime
    until: datetime | None
    detail: str
    failures: int


@dataclass(frozen=True, slots=True)
class Watch:
    """A unit that evaluates a rule, and how many series of it it knows; None before a first complete answer.

    ``watched``: the one series with exactly the identity labels that were asked for is among them.
    """

    unit: UnitHealth
    series: int | None
    watched: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the store knows about one alert, newest first.

    ``key`` is None where it is about an incident, or about a rule of which no such alert ever changed: ``log`` and
    ``transitions`` are empty then.
    """

    state: AlertState | None
    transitions: tuple[Transition, ...]
    decisions: tuple[Decision, ...]
    incidents: tuple[Incident, ...]
    deliveries: tuple[Delivery, ...]
    debts: tuple[Debt, ...]
    log: tuple[Entry, ...] = ()
    outages: tuple[Outage, ...] = ()
    watches: tuple[Watch, ...] = ()
    key: AlertKey | None = None
