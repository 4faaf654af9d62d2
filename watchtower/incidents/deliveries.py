"""What the channels of one incident are told next, what is withdrawn, and why.

Nothing is owed by name of a channel but by what a channel holds: a key it was, or may yet be, told to open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from watchtower.incidents.notices import notice
from watchtower.model import Delivery, DeliveryState, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from watchtower.incidents.model import ChannelTraits, Debt, DeliveryBrief, Incident
    from watchtower.model import Priority


class Key(NamedTuple):
    """What a vendor knows an incident by, at one destination."""

    channel: str
    destination: str
    dedup_key: str


#: What opens something at the vendor, so that it is owed a resolve.
PAGES = frozenset({Event.TRIGGER, Event.REPEAT, Event.ESCALATION})


@dataclass(frozen=True, slots=True)
class Books:
    """The outbox rows and debts of one incident."""

    rows: tuple[DeliveryBrief, ...] = ()
    debts: tuple[Debt, ...] = ()

    def held(self) -> dict[Key, Priority]:
        """Every key some channel holds or may come to hold without a resolve on its way, and its tier."""
        rows = (row for row in self.rows if row.event is Event.TRIGGER and row.state.open)
        owing: list[Debt | DeliveryBrief] = [*self.debts, *rows]
        held: dict[Key, Priority] = {}
        for owed in owing:
            key = key_of(owed)
            held[key] = min(held.get(key, owed.tier), owed.tier)
        for key in {key_of(row) for row in self.rows if _resolves(row)}:
            held.pop(key, None)
        return held

    def untold(self) -> list[DeliveryBrief]:
        """Rows that no vendor can have seen and that may be taken back: never a trigger of P1 or P2."""
        return [
            row
            for row in self.rows
            if row.state is DeliveryState.PENDING
            and row.attempts == 0
            and (row.event is Event.UPDATE or (row.event is Event.TRIGGER and not row.tier.urgent))
        ]

    @property
    def unheard(self) -> bool:
        """No channel can have heard of the incident: every request is still to be made."""
        untried = (DeliveryState.PENDING, DeliveryState.WITHDRAWN)
        return not self.debts and all(row.attempts == 0 and row.state in untried for row in self.rows)

    def waiting(self) -> list[DeliveryBrief]:
        """What no vendor can have seen and that is judged again while it waits: pages, however urgent, and updates.

        With a page goes the resolve that it was to make room for.
        """
        untried = [row for row in self.rows if row.state is DeliveryState.PENDING and row.attempts == 0]
        telling = [row for row in untried if row.event in PAGES or row.event is Event.UPDATE]
        pages = {row.id for row in telling if row.event in PAGES}
        return [*telling, *(row for row in untried if row.event is Event.RESOLVE and row.after in pages)]

    def missed(self) -> frozenset[str]:
        """The channels whose newest page was taken back before it was sent."""
        newest = {row.channel: row.state for row in self.rows if row.event is Event.TRIGGER}
        return frozenset(name for name, state in newest.items() if state is DeliveryState.WITHDRAWN)

    def without(self, rows: Iterable[DeliveryBrief]) -> Books:
        """The books after these rows were withdrawn."""
        gone = {row.id for row in rows}
        return replace(self, rows=tuple(row for row in self.rows if row.id not in gone))


def key_of(owed: Debt | DeliveryBrief | Delivery) -> Key:
    """Where a debt or delivery belongs."""
    return Key(owed.channel, owed.destination, owed.dedup_key)


def _resolves(row: DeliveryBrief) -> bool:
    return row.event is Event.RESOLVE and (row.state.open or row.state is DeliveryState.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where deliveries are written: what they share within one flush."""

    store_id: str
    environment: str
    channels: Mapping[str, ChannelTraits]
    now: datetime
    new_id: Callable[[], str]

    def pages(self, incident: Incident, reason: str, only: Collection[str] | None = None) -> tuple[Delivery, ...]:
        """One trigger of the incident's tier for each of its channels that is configured, or for ``only`` some."""
        wanted = incident.channels if only is None else [name for name in incident.channels if name in only]
        known = [self.channels[name] for name in wanted if name in self.channels]
        return tuple(
            self._write(incident, Event.TRIGGER, self._key_on(channel, incident), incident.tier, reason)
            for channel in known
        )

    def updates(self, incident: Incident, books: Books, reason: str) -> tuple[Delivery, ...]:
        """One update for each channel that holds the incident and wants to hear of its members."""
        listening = (self.channels[name] for name in incident.channels if name in self.channels)
        keys = [self._key_on(channel, incident) for channel in listening if channel.takes_updates]
        held = books.held()
        return tuple(self._write(incident, Event.UPDATE, key, incident.tier, reason) for key in keys if key in held)

    def resolves(self, incident: Incident, held: Mapping[Key, Priority], reason: str) -> tuple[Delivery, ...]:
        """One resolve for each key, sent where its trigger went, whatever the configuration says today."""
        return tuple(self._write(incident, Event.RESOLVE, key, tier, reason) for key, tier in held.items())

    def replaced(
        self, incident: Incident, held: Mapping[Key, Priority], pages: Iterable[Delivery], reason: str
    ) -> tuple[Delivery, ...]:
        """Resolves of the keys that a raised tier's pages replace, each held until its page is settled.

        A channel that is not keyed by tier pages under the key it holds: there one message carries on.
        """
        return tuple(
            replace(self._write(incident, Event.RESOLVE, key, tier, reason), after=page.id)
            for page in pages
            for key, tier in held.items()
            if key.channel == page.channel and key.dedup_key != page.dedup_key
        )

    def _key_on(self, channel: ChannelTraits, incident: Incident) -> Key:
        key = f"wt:{self.store_id}:{incident.id}"
        tiered = f"{key}:{incident.tier}" if channel.keyed_by_tier else key
        return Key(channel.name, channel.destination, tiered)

    def _write(self, incident: Incident, event: Event, key: Key, tier: Priority, reason: str) -> Delivery:
        told = notice(incident, event, tier, reason=reason, environment=self.environment, now=self.now)
        return Delivery(
            id=self.new_id(),
            incident_id=incident.id,
            channel=key.channel,
            destination=key.destination,
            event=event,
            tier=tier,
            dedup_key=key.dedup_key,
            notice=told,
            reason=reason,
            created_at=self.now,
            next_at=self.now,
        )
