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
    of members that join or leave.
    """

    name: str
    kind: str
    destination: str
    keyed_by_tier: bool = False
    takes_updates: bool = True


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts that share a route and its group labels, told as one.

    ``channels`` and ``settings`` are the route as it was when the incident opened; it ends under them.
    ``told_tier`` is the tier the channels were last told (None while group_wait runs). ``due_at`` is when the
    incident wants to be looked at again whatever happens. ``members`` are firing and resolved ones.
    ``changed`` says that members joined, left or went dark since ``told_at``, when the channels last heard
    anything.
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

    ``transitions`` are the unconsumed ones in order; ``incidents`` those not ended; ``deliveries`` and
    ``debts`` belong to these incidents. ``silences`` are those that have not ended. ``firing`` are all alerts that
    fire, and those that ended within the longest extension; read only when something inhibits.
    """

    store_id: str
    transitions: tuple[Transition, ...]
    incidents: tuple[Incident, ...]
    deliveries: tuple[DeliveryBrief, ...]
    debts: tuple[Debt, ...]
    silences: tuple[Silence, ...] = ()
    firing: tuple[FiringAlert, ...] = ()


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
