"""The values that travel between the stages: typed, frozen, without I/O.

Times are aware UTC ``datetime``, in series whole epoch seconds (CloudWatch's unit); durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - types that the store reads back
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

from watchtower.labels import EMPTY as EMPTY
from watchtower.labels import Labels as Labels
from watchtower.labels import stable_hash as stable_hash

if TYPE_CHECKING:
    from datetime import datetime


class Priority(IntEnum):
    """How urgent an alert is: P1 wakes somebody for what users feel, P5 is for the record."""

    P1 = 1
    P2 = 2
    P3 = 3
    P4 = 4
    P5 = 5

    def __str__(self) -> str:
        return self.name

    @property
    def urgent(self) -> bool:
        """P1 and P2: never withdrawn, never slowed, never grouped away."""
        return self <= Priority.P2


class State(StrEnum):
    """CloudWatch's alarm states."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Truth(StrEnum):
    """What a source knows about one series; only ``value`` and ``no_data`` may change an alert's state."""

    VALUE = "value"
    NO_DATA = "no_data"
    NOT_FETCHED = "not_fetched"
    FORBIDDEN = "forbidden"
    IMMATURE = "immature"

    @property
    def holds(self) -> bool:
        """The series was not seen: whatever state it had, it keeps."""
        return self in (Truth.NOT_FETCHED, Truth.FORBIDDEN, Truth.IMMATURE)


class TroubleReason(StrEnum):
    """Why a source could not answer; the ``reason`` label of watchtower_poll_failures_total."""

    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    PARTIAL = "partial"
    UNREACHABLE = "unreachable"
    INVALID = "invalid"
    INTERNAL = "internal"


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
    datapoint, lowest, highest expected value), for rules that ask for one.
    """

    identity: Labels
    points: tuple[tuple[int, float], ...] = ()
    truth: Truth = Truth.VALUE
    context: Labels = EMPTY
    reason: str = ""
    evidence: tuple[str, ...] = ()
    band: tuple[tuple[int, float, float], ...] = ()


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
    """

    changes: tuple[int, ...] = ()
    flapping: bool = False
    untold: bool = False
    told: Priority | None = None
    suppressed: Suppression | None = None


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


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one alert: the only thing the tick hands to the flush.

    ``seq`` is given by the store (0 before). ``notify`` false means: recorded, never delivered, and ``unsent`` says
    why. ``datapoints`` is the evaluated window, newest last, for messages and explanations.
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


class Event(StrEnum):
    """What a delivery tells a channel."""

    TRIGGER = "trigger"
    UPDATE = "update"
    RESOLVE = "resolve"
    REPEAT = "repeat"
    ESCALATION = "escalation"


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
    does; of a resolved member, what held it back when it ended.
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


@dataclass(frozen=True, slots=True)
class Notice:
    """What one delivery says: everything a notifier may render, fixed when the flush decided.

    ``members`` is bounded (urgent and firing ones first); ``firing``, ``muted`` (firing, but held back) and
    ``resolved`` count all of them.
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


@dataclass(frozen=True, slots=True)
class Delivery:
    """One outbox row: one incident event for one channel.

    ``id`` is a UUID that vendors see (Slack metadata, SNS attribute); ``seq`` is the order of creation, given by
    the store. ``ref`` is what the vendor answered to the message this one belongs to (Slack: channel and ts).
    ``after`` names a delivery that must be settled first: a raised tier pages before the old key is resolved.
    ``attempts`` counts requests that left; ``state`` is the one it had when it was claimed.
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
    finished_at: datetime | None = None
    first_attempt_at: datetime | None = None
    ref: Mapping[str, Any] | None = None
    after: str | None = None
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """A vendor's acceptance; ``ref`` is what later messages about the same incident need."""

    ref: Mapping[str, Any] | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll of one work unit brought.

    ``memory`` None means unchanged. ``billed`` counts metrics that AWS bills, by rule.
    """

    answers: tuple[Answer, ...]
    memory: bytes | None = None
    troubles: tuple[Trouble, ...] = ()
    samples: tuple[Sample, ...] = ()
    billed: Mapping[str, int] = field(default_factory=dict)


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
