"""What the channels of one incident are told next, what is withdrawn, and why.

Nothing is owed by name of a channel but by what a channel holds: a key it was, or may yet be, told to open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from watchtower.incidents.lifecycle import escalation_channels
from watchtower.incidents.model import is_storm
from watchtower.incidents.notices import notice
from watchtower.model import Delivery, DeliveryState, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from watchtower.incidents.model import ChannelTraits, Debt, DeliveryBrief, Incident
    from watchtower.model import NoticeMember, Priority

    Page = DeliveryBrief | Delivery


class Key(NamedTuple):
    """What a vendor knows an incident by, at one destination."""

    channel: str
    destination: str
    dedup_key: str


#: What opens something at the vendor, so that it is owed a resolve.
PAGES = frozenset({Event.TRIGGER, Event.REPEAT, Event.ESCALATION})
#: What may be left unsaid when something newer is said.
_ASIDES = frozenset({Event.UPDATE, Event.REPEAT, Event.ACKNOWLEDGE})
#: How a message says that nothing new began.
NO_ALERT = "no new alert"
#: What goes when the page that it comes after is taken back.
_WITH_A_PAGE = frozenset({Event.RESOLVE, Event.GRAPH, Event.EVIDENCE})
#: What ends the key of an escalation to where the incident is known already: a key that was told would not ring.
ESCALATION_MARK = ":escalation"
#: A page that nobody answered may still reach its vendor this long after the resolve of its key.
RESOLVED_AGAIN_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Books:
    """The outbox rows and debts of one incident."""

    rows: tuple[DeliveryBrief, ...] = ()
    debts: tuple[Debt, ...] = ()

    def held(self) -> dict[Key, Priority]:
        """Every key some channel holds or may come to hold without a resolve on its way, and its tier."""
        rows = (row for row in self.rows if row.event in PAGES and row.state.open)
        owing: list[Debt | DeliveryBrief] = [*self.debts, *rows]
        held: dict[Key, Priority] = {}
        for owed in owing:
            key = key_of(owed)
            held[key] = min(held.get(key, owed.tier), owed.tier)
        for key in {key_of(row) for row in self.rows if _resolves(row)}:
            held.pop(key, None)
        return held

    def untold(self) -> list[DeliveryBrief]:
        """Rows that no vendor can have seen and that may be taken back: never a page of P1 or P2."""
        return [row for row in self._untried() if row.event in _ASIDES or (row.event in PAGES and not row.tier.urgent)]

    def _untried(self) -> list[DeliveryBrief]:
        return [row for row in self.rows if row.state is DeliveryState.PENDING and row.attempts == 0]

    @property
    def unheard(self) -> bool:
        """No channel can have heard of the incident: every request is still to be made."""
        untried = (DeliveryState.PENDING, DeliveryState.WITHDRAWN)
        return not self.debts and all(row.attempts == 0 and row.state in untried for row in self.rows)

    def waiting(self) -> list[DeliveryBrief]:
        """What no vendor can have seen and that is judged again while it waits: pages, however urgent, and updates.

        With a page goes the resolve that it was to make room for, its graph, and the evidence that is to follow it.
        """
        untried = self._untried()
        telling = [row for row in untried if row.event in PAGES or row.event is Event.UPDATE]
        pages = {row.id for row in telling if row.event in PAGES}
        room = [row for row in untried if row.event in _WITH_A_PAGE and row.after in pages]
        resolves = {row.id for row in room}
        return [*telling, *room, *(row for row in untried if row.event is Event.RESOLVE and row.after in resolves)]

    def missed(self) -> frozenset[str]:
        """The channels whose newest page was taken back before it was sent; who was called since has heard."""
        newest = {row.channel: row.state for row in self.rows if _pages_anew(row)}
        return frozenset(name for name, state in newest.items() if state is DeliveryState.WITHDRAWN)

    def unescalated(self) -> frozenset[str]:
        """The channels whose newest escalation was taken back before it was sent."""
        newest = {row.channel: row.state for row in self.rows if row.event is Event.ESCALATION}
        return frozenset(name for name, state in newest.items() if state is DeliveryState.WITHDRAWN)

    def calls(self) -> list[DeliveryBrief]:
        """What asks for somebody and need not once there is one: reminders and escalations nobody can have seen."""
        return [row for row in self._untried() if row.event in (Event.REPEAT, Event.ESCALATION)]

    def told(self) -> frozenset[Key]:
        """Every key under which a page went, or is to go, to a channel."""
        rows = (row for row in self.rows if row.event in PAGES and row.state is not DeliveryState.WITHDRAWN)
        owing: list[Debt | DeliveryBrief] = [*self.debts, *rows]
        return frozenset(key_of(owed) for owed in owing)

    def paging(self) -> frozenset[Key]:
        """Every key under which a page is still to be accepted."""
        return frozenset(key_of(row) for row in self.rows if row.event in PAGES and row.state.open)

    def doubtful(self) -> frozenset[Key]:
        """Every key under which a page left without an answer: it may arrive later than what was sent since."""
        return frozenset(key_of(row) for row in self.rows if row.event in PAGES and _unanswered(row))

    def without(self, rows: Iterable[DeliveryBrief]) -> Books:
        """The books after these rows were withdrawn."""
        gone = {row.id for row in rows}
        return replace(self, rows=tuple(row for row in self.rows if row.id not in gone))


def grown(incident: Incident) -> bool:
    """A storm whose pager has not heard of all who fire: under the key that is open there it rings nobody again."""
    told_at = incident.told_at
    return is_storm(incident) and any(one.firing and told_at and one.since > told_at for one in incident.members)


def key_of(owed: Debt | DeliveryBrief | Delivery) -> Key:
    """Where a debt or delivery belongs."""
    return Key(owed.channel, owed.destination, owed.dedup_key)


def _once(keys: Iterable[Key]) -> list[Key]:
    """The first key of each place."""
    first: dict[tuple[str, str], Key] = {}
    for key in keys:
        first.setdefault((key.destination, key.dedup_key), key)
    return list(first.values())


def _pages_anew(row: DeliveryBrief) -> bool:
    """It is a page of the incident's own, or an escalation that was heard."""
    called = row.event is Event.ESCALATION and row.state is DeliveryState.ACCEPTED
    return called or (row.event is Event.TRIGGER and not row.fallback_of)


def _unanswered(row: DeliveryBrief) -> bool:
    """Whether one of its requests may be on its way; of a settled row that was tried again, one counts as such."""
    settled = row.state in (DeliveryState.ACCEPTED, DeliveryState.DEAD)
    return row.state in (DeliveryState.AMBIGUOUS, DeliveryState.SENDING) or (settled and row.attempts > 1)


def key_text(store_id: str, incident: Incident) -> str:
    """The key of an incident at a vendor that knows incidents by tier, in the round in which it is."""
    again = f":{incident.rounds + 1}" if incident.rounds else ""
    return f"wt:{store_id}:{incident.id}:{incident.tier}{again}"


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
        """One trigger of the incident's tier for each of its channels that is configured, or for ``only`` some.

        Channels that lead to one place are one: two would each keep an order of its own under one key.
        """
        known = [self.channels[name] for name in incident.channels if name in self.channels]
        keys = _once(self._key_on(channel, incident) for channel in known)
        return tuple(
            self._write(incident, Event.TRIGGER, key, incident.tier, reason)
            for key in keys
            if only is None or key.channel in only
        )

    def echoes(self, names: Iterable[str]) -> dict[str, str]:
        """Of these channels those that lead where an earlier one leads, and which that is."""
        first: dict[str, str] = {}
        known = [self.channels[name] for name in names if name in self.channels]
        leads = {channel.name: first.setdefault(channel.destination, channel.name) for channel in known}
        return {name: to for name, to in leads.items() if name != to}

    def stand_in(self, incident: Incident, channel: str, reason: str, page: Page) -> Delivery:
        """One trigger for a channel that is told in the place of the one that did not accept ``page``."""
        key = self._key_on(self.channels[channel], incident)
        written = self._write(replace(incident, ended_at=None), Event.TRIGGER, key, incident.tier, reason)
        labelled = replace(written.notice, label=f"fallback for {page.channel}")
        return replace(written, fallback_of=page.id, notice=labelled)

    def updates(self, incident: Incident, books: Books, reason: str) -> tuple[Delivery, ...]:
        """One update for each channel that holds the incident and wants to hear of its members."""
        names = dict.fromkeys((*incident.channels, *escalation_channels(incident)))
        listening = (self.channels[name] for name in names if name in self.channels)
        grows = grown(incident)
        keys = [self._key_on(channel, incident) for channel in listening if channel.takes_updates or grows]
        held = books.held()
        return tuple(self._write(incident, Event.UPDATE, key, incident.tier, reason) for key in keys if key in held)

    def escalations(self, incident: Incident, books: Books, names: Iterable[str], reason: str) -> tuple[Delivery, ...]:
        """One escalation for each of these channels, never under a key that was told where it leads: it would not ring.

        A place of chat shows it under the message that it has.
        """
        known = [self.channels[name] for name in names if name in self.channels]
        told = {(key.destination, key.dedup_key) for key in books.told()}
        keys = []
        for channel in known:
            key = self._key_on(channel, incident)
            deaf = channel.keyed_by_tier and (key.destination, key.dedup_key) in told
            keys.append(key._replace(dedup_key=f"{key.dedup_key}{ESCALATION_MARK}") if deaf else key)
        return tuple(self._write(incident, Event.ESCALATION, key, incident.tier, reason) for key in _once(keys))

    def reminders(self, incident: Incident, books: Books, reason: str) -> tuple[Delivery, ...]:
        """One reminder for each place of chat that has the incident and waits for no page of it."""
        known = (self.channels[name] for name in incident.channels if name in self.channels)
        keys = (self._key_on(channel, incident) for channel in known if channel.repeats)
        held, paging = books.held(), books.paging()
        heard = [key for key in keys if key in held and key not in paging]
        return tuple(self._write(incident, Event.REPEAT, key, incident.tier, reason) for key in heard)

    def evidence(self, incident: Incident, key: Key, member: NoticeMember, page: str) -> Delivery:
        """What shows the evidence of one alert after this page, once it is there."""
        reason = f"evidence of {member.name} that was not there when it was told"
        written = self._write(replace(incident, members=(member,)), Event.EVIDENCE, key, incident.tier, reason)
        told = replace(written.notice, members=(replace(member, evidence=(), graph=None),), label=NO_ALERT)
        return replace(written, notice=told, after=page)

    def acknowledgements(self, incident: Incident, held: Mapping[Key, Priority], reason: str) -> tuple[Delivery, ...]:
        """One for each key on a channel that listens; the channel it came from knows already."""
        listening = {name for name, channel in self.channels.items() if channel.takes_acknowledgements}
        return tuple(
            self._write(incident, Event.ACKNOWLEDGE, key, tier, reason)
            for key, tier in held.items()
            if key.channel in listening and key.channel != incident.acknowledged_via
        )

    def resolves(self, incident: Incident, held: Mapping[Key, Priority], reason: str) -> tuple[Delivery, ...]:
        """One resolve for each key, sent where its trigger went, whatever the configuration says today."""
        return tuple(self._write(incident, Event.RESOLVE, key, tier, reason) for key, tier in held.items())

    def replaced(
        self, incident: Incident, books: Books, pages: Iterable[Delivery], reason: str
    ) -> tuple[Delivery, ...]:
        """Resolves of the keys that a raised tier's pages replace, each held until its page is settled.

        A channel that is not keyed by tier pages under the key it holds: there one message carries on. A key whose
        page was left unanswered is resolved a second time: the page may arrive late, and nobody would close it.
        """
        held, doubtful = books.held(), books.doubtful()
        resolves = []
        for page in pages:
            for key, tier in held.items():
                if key.channel != page.channel or key.dedup_key == page.dedup_key:
                    continue
                resolve = replace(self._write(incident, Event.RESOLVE, key, tier, reason), after=page.id)
                resolves += [resolve, self._again(resolve)] if key in doubtful else [resolve]
        return tuple(resolves)

    def _again(self, resolve: Delivery) -> Delivery:
        reason = f"{resolve.reason}; once more, because a page under the old key was not answered and may come late"
        later = self.now + RESOLVED_AGAIN_AFTER
        return replace(resolve, id=self.new_id(), after=resolve.id, next_at=later, reason=reason)

    def _key_on(self, channel: ChannelTraits, incident: Incident) -> Key:
        plain = f"wt:{self.store_id}:{incident.id}"
        key = key_text(self.store_id, incident) if channel.keyed_by_tier else plain
        return Key(channel.name, channel.destination, key)

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
