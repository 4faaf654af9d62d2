"""The values that travel between the stages: typed, frozen, without I/O.

Times are aware UTC ``datetime``, in series whole epoch seconds (CloudWatch's unit); durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - types that the store reads back
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from watchtower.graphspec import GraphSpec as GraphSpec  # noqa: TC001 - a type that the store reads back
from watchtower.labels import EMPTY as EMPTY
from watchtower.labels import Labels as Labels
from watchtower.labels import stable_hash as stable_hash
from watchtower.lookup import Lookup as Lookup  # noqa: TC001 - a type that the store reads back
from watchtower.words import Event as Event
from watchtower.words import Priority as Priority
from watchtower.words import State as State
from watchtower.words import TroubleReason as TroubleReason
from watchtower.words import Truth as Truth

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class AlertKey:
    """What makes an alert itself: its rule's name and its identity labels (design section 4)."""

    rule: str
    identity: Labels

    @property
    def id(self) -> str:
        """The key of the alert's row; stable across releases and rule edits."""
        return stable_hash(self.rule, *(part for pair in self.identity.items() for part in pair))

    def __str__(self) -> str:
        return f"{self.rule}{self.identity}"


@dataclass(frozen=True, slots=True)
class Observation:
    """One series as a source saw it.

    ``points`` are (start of the datapoint in epoch seconds, value), oldest first, one per slot of the period
    that ends no later than the tick; a slot without a datapoint is simply absent. ``reason`` says in words why
    the newest value is what it is (a probe's failure) or why the series was not seen. ``band`` is (start of the
    datapoint, lowest, highest expected value), for rules that ask for one. ``fresh``: something came that was not there
    at the last look, which is worth telling although the alert fires already.

    ``moot``: there is nothing to judge, and that is known and no lack of data (a group of one has no balance). An alert
    that fires ends with ``reason`` when it was so for that many seconds, infinity while it cannot be made sure of.
    """

    identity: Labels
    points: tuple[tuple[int, float], ...] = ()
    truth: Truth = Truth.VALUE
    context: Labels = EMPTY
    reason: str = ""
    evidence: tuple[str, ...] = ()
    band: tuple[tuple[int, float, float], ...] = ()
    fresh: bool = False
    moot: float | None = None


class Stage(StrEnum):
    """Where an alert stands in its life, in the words people use.

    A series with breaching datapoints, but fewer than its rule needs, is ``pending``: a count of the evaluation, not a
    row. ``resolved`` is the one row that an alert's end leaves.
    """

    INACTIVE = "inactive"
    FIRING = "firing"
    RECOVERING = "recovering"
    RESOLVED = "resolved"


class SuppressedBy(StrEnum):
    """Why a composite in ALARM is not told yet: CloudWatch's words (ActionsSuppressedBy)."""

    ALARM = "Alarm"
    WAIT = "WaitPeriod"
    EXTENSION = "ExtensionPeriod"


@dataclass(frozen=True, slots=True)
class Suppression:
    """What holds a composite's trigger back; a period ends at ``until``, a suppressor's alarm when it ends.

    ``alert`` is the suppressor's name.
    """

    by: SuppressedBy
    until: datetime | None = None
    alert: str = ""


@dataclass(frozen=True, slots=True)
class AlertMemory:
    """What only the evaluation needs to remember of an alert; most alerts have nothing of it.

    ``changes`` are the ticks (epoch seconds, oldest first) at which the alert fired, and negative ones at which it
    ended: its flapping history. ``flapping``: its ends are withheld, so ``state`` may be ALARM while the newest change
    is an end. ``untold``: the priority was reached by datapoints that were too old to page, or by a composite that is
    ``suppressed``; ``told`` is then the most urgent one that was told in this episode, None when none was.
    ``moot_since`` is the tick since which a firing alert has had nothing to judge, 0 where it has.
    """

    changes: tuple[int, ...] = ()
    flapping: bool = False
    untold: bool = False
    told: Priority | None = None
    suppressed: Suppression | None = None
    moot_since: int = 0

    @property
    def calm(self) -> bool:
        """The alert has ended, and its end is withheld because it flaps."""
        return self.flapping and bool(self.changes) and self.changes[-1] < 0

    @property
    def never_told(self) -> bool:
        """The episode is on record, and nobody was told of it."""
        return self.untold and self.told is None


NOTHING = AlertMemory()


@dataclass(frozen=True, slots=True)
class AlertState:
    """What the store remembers of an alert that is not plainly OK.

    ``firing`` is true from ALARM until OK, through INSUFFICIENT_DATA: it says that an incident may be owed an
    end. ``labels`` are all labels (identity, context, rule, automatic); ``seq`` counts the episodes of the
    alert; ``since`` is when ``state`` began; ``no_data_since`` is set while firing without data.
    """

    key: AlertKey
    labels: Labels
    state: State
    firing: bool
    priority: Priority | None
    value: float | None
    reason: str
    since: datetime
    updated_at: datetime
    seq: int = 0
    no_data_since: datetime | None = None
    recovering: bool = False
    memory: AlertMemory = NOTHING

    @property
    def stage(self) -> Stage:
        """Where the alert stands in its life."""
        if self.firing:
            return Stage.RECOVERING if self.recovering else Stage.FIRING
        return Stage.RESOLVED if self.state is State.OK and self.seq else Stage.INACTIVE


#: Why the transitions of a rule that is told to nobody are not sent.
NOTIFY_FALSE = "rule has notify: false"


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one alert: the only thing the tick hands to the flush.

    ``seq`` is given by the store (0 before). ``notify`` false means: recorded, never delivered, and ``unsent`` says
    why. ``datapoints`` is the evaluated window, newest last, for messages and explanations. ``late`` says where
    evidence that was not there in time is asked for again.
    """

    key: AlertKey
    labels: Labels
    from_state: State
    to_state: State
    from_priority: Priority | None
    priority: Priority | None
    value: float | None
    reason: str
    at: datetime
    summary: str = ""
    annotations: Labels = EMPTY
    runbook: str | None = None
    datapoints: tuple[tuple[int, float | None], ...] = ()
    evidence: tuple[str, ...] = ()
    rule_file: str = ""
    rule_line: int = 0
    notify: bool = True
    firing: bool = False
    seq: int = 0
    unsent: str = ""
    graph: GraphSpec | None = None
    late: Lookup | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One polled value for the scrape endpoint: ``family`` is ``aws``, ``probe`` or ``watchtower``."""

    family: str
    name: str
    labels: Labels
    value: float
    at: float
    help: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong while a source answered, once per cause and poll."""

    source: str
    account: str
    region: str
    reason: TroubleReason
    detail: str


class DeliveryState(StrEnum):
    """The life of an outbox row; ``sending`` found after a crash is ambiguous, never pending."""

    PENDING = "pending"
    SENDING = "sending"
    ACCEPTED = "accepted"
    AMBIGUOUS = "ambiguous"
    WITHDRAWN = "withdrawn"
    DEAD = "dead"

    @property
    def open(self) -> bool:
        """Still to be sent or settled."""
        return self in (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.AMBIGUOUS)


@dataclass(frozen=True, slots=True)
class NoticeMember:
    """One alert inside a notice, as people read it.

    ``muted_by`` says what holds it back (a silence, a mute window, an inhibitor, route hours), empty when nothing
    does; of a resolved member, what held it back when it ended. ``moves_to`` is the route that tells of it instead,
    which a member that still fires joined already and that need not have told anybody yet. ``graph`` is what can be
    drawn of it, ``late`` where evidence that was late is asked for again; a notice has either only where it is the one
    that shows it.
    """

    alert_id: str
    name: str
    labels: Labels
    state: State
    firing: bool
    priority: Priority
    summary: str
    reason: str
    value: float | None
    since: datetime
    runbook: str | None = None
    annotations: Labels = EMPTY
    evidence: tuple[str, ...] = ()
    no_data_since: datetime | None = None
    muted_by: str = ""
    moves_to: str = ""
    graph: GraphSpec | None = None
    late: Lookup | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What one delivery says: everything a notifier may render, fixed when the flush decided.

    ``members`` is bounded (urgent and firing ones first); ``firing``, ``muted`` (firing, but held back) and
    ``resolved`` count all of them. ``acknowledged_by`` is empty while nobody has the incident in hand.
    ``moved_to`` names the route that goes on telling what this resolve ends here.
    ``label`` stands beside the event: ``fallback for oncall``, ``late by 4 min``.
    A ``digest`` tells of several incidents at once: each member is one of them.
    """

    incident_id: str
    event: Event
    tier: Priority
    route: str
    environment: str
    group_labels: Labels
    opened_at: datetime
    at: datetime
    title: str
    members: tuple[NoticeMember, ...]
    firing: int
    resolved: int
    reason: str = ""
    ended_at: datetime | None = None
    muted: int = 0
    label: str = ""
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    moved_to: str = ""
    digest: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """Another channel that accepted a page of the same incident, and when it first did; ``kind`` is its vendor."""

    channel: str
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One outbox row: one incident event for one channel.

    ``id`` is a UUID that vendors see (Slack metadata, SNS attribute); ``seq`` is the order of creation, given by
    the store. ``ref`` is what the vendor answered to the message this one belongs to (Slack: channel and ts).
    ``after`` names a delivery that must be settled first: a raised tier pages before the old key is resolved.
    ``refused``: the vendor said that it will never take it; ``fallback_of`` names the page of another channel in whose
    place this one is sent.
    ``attempts`` counts requests that left; ``state`` is the one it had when it was claimed. ``receipts`` are joined
    when it is claimed: who else has heard of the incident by then. ``shared``: the vendor may know its key at another
    destination, too. ``times``: incidents of the last seven days that told of its first member, its own among them;
    0 where nobody counted.
    """

    id: str
    incident_id: str
    channel: str
    destination: str
    event: Event
    tier: Priority
    dedup_key: str
    notice: Notice
    reason: str
    created_at: datetime
    next_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    last_error: str = ""
    refused: bool = False
    fallback_of: str | None = None
    finished_at: datetime | None = None
    first_attempt_at: datetime | None = None
    ref: Mapping[str, Any] | None = None
    after: str | None = None
    seq: int = 0
    receipts: tuple[Heard, ...] = ()
    shared: bool = False
    times: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """A vendor's acceptance; ``ref`` is what later messages about the same incident need."""

    ref: Mapping[str, Any] | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll of one work unit brought.

    ``memory`` None means unchanged. ``billed`` counts metrics that AWS bills, by rule. ``again`` asks for another poll
    of the same tick, at that time (epoch seconds). ``partial``: some series alone were asked, once more. ``lags`` are
    seconds by which what was to begin began late; ``missed`` counts what never did.
    """

    answers: tuple[Answer, ...]
    memory: bytes | None = None
    troubles: tuple[Trouble, ...] = ()
    samples: tuple[Sample, ...] = ()
    billed: Mapping[str, int] = field(default_factory=dict)
    partial: bool = False
    again: float | None = None
    lags: tuple[float, ...] = ()
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A source's answer to one rule.

    ``complete`` false means that the set of series is not known (discovery failed): an absent one has not vanished.
    ``gone`` are series whose resource the inventory had and has no more: "target gone", whatever their metrics say.
    """

    rule: str
    observations: tuple[Observation, ...]
    complete: bool = True
    gone: tuple[Labels, ...] = ()
