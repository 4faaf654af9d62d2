"""Incidents and what a flush reads and decides: frozen values, no clock, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchtower.incidents.silences import Silence
    from watchtower.model import (
        Delivery,
        DeliveryState,
        Event,
        Labels,
        NoticeMember,
        Priority,
        Transition,
    )


@dataclass(frozen=True, slots=True)
class ChannelTraits:
    """What the flush must know of a channel to decide what it is told.

    ``destination`` tells two targets of one name apart (a re-keyed channel) and is never a secret.
    ``keyed_by_tier``: the vendor knows incidents by key, so a rise triggers a new key and resolves the old
    (PagerDuty); otherwise a rise is one more message of the same incident. ``takes_updates``: wants to hear
    of members that join or leave. ``repeats``: a place for chat, where a reminder wakes nobody.
    ``takes_acknowledgements``: can be told that somebody has the incident in hand without ringing.
    ``digests``: takes one message about many incidents. ``graphs``: a picture can be shown under its message.
    ``follow_ups``: evidence that was late can be told after a page without ringing anybody.
    ``edits``: how all destinations begin whose messages it can edit, wherever they are; empty where it cannot.
    """

    name: str
    kind: str
    destination: str
    keyed_by_tier: bool = False
    takes_updates: bool = True
    repeats: bool = False
    takes_acknowledgements: bool = False
    digests: bool = False
    graphs: bool = False
    follow_ups: bool = False
    edits: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts that share a route and its group labels, told as one.

    ``channels`` and ``settings`` are the route as it was when the incident opened; it ends under them.
    ``told_tier`` is the tier the channels were last told (None while group_wait runs). ``due_at`` is when the
    incident wants to be looked at again whatever happens. ``members`` are firing and resolved ones.
    ``changed`` says that members joined, left or went dark since ``told_at``, when the channels last heard
    anything.

    ``acknowledged_at`` is None while nobody has it in hand; ``acknowledged_via`` is the channel it came from, or
    ``cli`` or ``api``; ``acknowledged_until`` is when it ends by itself. ``acknowledgement_told`` says that the other
    channels heard of it. ``rounds`` counts the acknowledgements that ended while it fired: vendors that know incidents
    by key are paged under a new one. ``called_at`` is the first page of its tier and round, from which an escalation
    counts, ``escalated_at`` when that was done, ``repeated_at`` the last reminder.
    """

    id: str
    route: str
    group_labels: Labels
    tier: Priority
    opened_at: datetime
    channels: tuple[str, ...]
    settings: Mapping[str, Any]
    members: tuple[NoticeMember, ...] = ()
    told_tier: Priority | None = None
    last_page_at: datetime | None = None
    taking_members: bool = True
    ended_at: datetime | None = None
    due_at: datetime | None = None
    changed: bool = False
    told_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledged_via: str = ""
    acknowledged_until: datetime | None = None
    acknowledgement_told: bool = False
    rounds: int = 0
    called_at: datetime | None = None
    escalated_at: datetime | None = None
    repeated_at: datetime | None = None


#: The route of incidents that stand for many, and the setting that names their channel.
STORM = "storm"
#: Incidents that may begin on one paging channel within minutes; those beyond are carried by a storm.
MOST_PAGES = 10
#: Under this setting an incident keeps what a storm took over from it.
CARRIED = "carried"


def is_storm(incident: Incident) -> bool:
    """Whether it carries the alerts of others, so that a pager rings once for all."""
    return STORM in incident.settings


def carried(incident: Incident) -> tuple[str, ...]:
    """The channels that hear of this incident in a storm."""
    kept: Mapping[str, Any] = incident.settings.get(CARRIED) or {}
    return tuple(kept.get("channels", ()))


@dataclass(frozen=True, slots=True)
class Debt:
    """A trigger that was accepted or ambiguous and whose resolve is not accepted yet."""

    incident_id: str
    tier: Priority
    channel: str
    destination: str
    dedup_key: str
    ref: Mapping[str, Any] | None
    since: datetime


@dataclass(frozen=True, slots=True)
class DeliveryBrief:
    """What the flush needs of an outbox row that already exists."""

    id: str
    incident_id: str
    channel: str
    destination: str
    event: Event
    tier: Priority
    dedup_key: str
    state: DeliveryState
    attempts: int
    after: str | None = None
    created_at: datetime | None = None
    last_error: str = ""
    refused: bool = False
    fallback_of: str | None = None

    @classmethod
    def of(cls, row: Delivery) -> DeliveryBrief:
        """What the flush needs of this row."""
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert that may hold others back: it fires since ``since``, or ended a short while ago."""

    alert_id: str
    name: str
    labels: Labels
    since: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FlushInput:
    """Everything one flush may look at, read in its transaction.

    ``transitions`` are the unconsumed ones in order; ``incidents`` those not ended, and those that ended before an
    urgent page of theirs was accepted; ``deliveries`` and
    ``debts`` belong to these incidents. ``silences`` are those that have not ended. ``firing`` are all alerts that
    fire, and those that ended within the longest extension; read only when something inhibits. ``paged`` says which
    destination was paged when for incidents that ended within the last minutes. ``calm`` are the alerts that are well
    just now and fire because they flap; read only where a member is held back.
    """

    store_id: str
    transitions: tuple[Transition, ...]
    incidents: tuple[Incident, ...]
    deliveries: tuple[DeliveryBrief, ...]
    debts: tuple[Debt, ...]
    silences: tuple[Silence, ...] = ()
    firing: tuple[FiringAlert, ...] = ()
    paged: tuple[tuple[str, datetime], ...] = ()
    calm: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a transition led to what it led to; ``watchtower why`` prints it.

    ``transition_seq`` is 0 where time or a silence decided; ``at`` is given by the store.
    """

    alert_id: str
    transition_seq: int
    outcome: str
    reason: str
    incident_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FlushPlan:
    """What one flush commits: all of it or none. ``expired`` names the silences that end with it."""

    consumed: tuple[int, ...] = ()
    incidents: tuple[Incident, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    withdrawn: tuple[tuple[str, str], ...] = ()
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = field(default=())
    expired: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing to commit."""
        return not (self.consumed or self.incidents or self.deliveries or self.withdrawn or self.expired)
