"""Sending: one lease a channel, the most urgent first, and an honest record of how each attempt ended."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from watchtower.engine.pacing import next_standing
from watchtower.errors import Ambiguous, DeliveryError, Rejected
from watchtower.incidents.digests import Batch, Kind, compose
from watchtower.incidents.fallback import labelled_late
from watchtower.incidents.lanes import channel_of, evidence_lane, is_lane, lane
from watchtower.model import Delivery, DeliveryState, Event, Receipt
from watchtower.notifiers.base import Illustrator, Informant
from watchtower.store.values import Settled, Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.engine.evidence import Clerk
    from watchtower.engine.settings import EngineSettings
    from watchtower.incidents.model import ChannelTraits
    from watchtower.live import Live
    from watchtower.notifiers.base import Notifier
    from watchtower.store.store import Store

log = structlog.get_logger("watchtower.send")


def settle(delivery: Delivery, answer: Receipt | DeliveryError, now: datetime, settings: EngineSettings) -> Settled:
    """What one attempt's answer means for the row: accepted, again later, or given up — and why."""
    if isinstance(answer, Receipt):
        return Settled(DeliveryState.ACCEPTED, answer.detail or "accepted", ref=answer.ref)
    if isinstance(answer, Rejected) and answer.permanent:
        return _refused(delivery, answer, now, settings)
    if _hopeless(delivery, now, settings):
        return Settled(DeliveryState.DEAD, f"given up after {delivery.attempts + 1} attempts: {answer.detail}")
    state = DeliveryState.AMBIGUOUS if isinstance(answer, Ambiguous) else DeliveryState.PENDING
    if delivery.state is not DeliveryState.PENDING:
        state = DeliveryState.AMBIGUOUS  # an earlier attempt may have arrived; a later refusal does not undo that
    return Settled(state, answer.detail, next_at=now + timedelta(seconds=_pause(delivery, answer, settings)))


def settle_all(
    rows: Sequence[Delivery], answer: Receipt | DeliveryError, now: datetime, settings: EngineSettings
) -> list[Settled]:
    """What one answer means for the rows of one message; those that are tried again are tried together again."""
    attempts = max(row.attempts for row in rows)
    return [settle(replace(row, attempts=attempts), answer, now, settings) for row in rows]


#: Attempts after which nobody needs what follows a page any more, and seconds.
GRAPH_TRIES, EVIDENCE_TRIES = 5, 12
_TRIES = {Event.GRAPH: GRAPH_TRIES, Event.EVIDENCE: EVIDENCE_TRIES}
ASIDE_WITHIN = 600


def _hopeless(delivery: Delivery, now: datetime, settings: EngineSettings) -> bool:
    if delivery.event in _TRIES:
        age = (now - delivery.created_at).total_seconds()
        return delivery.attempts + 1 >= _TRIES[delivery.event] or age > ASIDE_WITHIN
    tried = delivery.attempts + 1 >= settings.give_up_tries
    return not delivery.tier.urgent and tried and (now - delivery.created_at).total_seconds() > settings.give_up_after


def _refused(delivery: Delivery, answer: Rejected, now: datetime, settings: EngineSettings) -> Settled:
    if delivery.event in _TRIES:
        return Settled(DeliveryState.DEAD, answer.detail)  # no page is lost, and nobody stands in
    if not delivery.tier.urgent:
        return Settled(DeliveryState.DEAD, answer.detail, refused=True)
    again = now + timedelta(seconds=settings.rejected_retry)
    state = DeliveryState.PENDING if delivery.state is DeliveryState.PENDING else DeliveryState.AMBIGUOUS
    return Settled(state, answer.detail, next_at=again, refused=True)


def _pause(delivery: Delivery, answer: DeliveryError, settings: EngineSettings) -> float:
    doubling = settings.send_retry_first * 2.0 ** min(delivery.attempts, 16)
    return max(answer.retry_after or 0.0, min(settings.send_retry_most, doubling))


#: What may have arrived shows nobody anything the second time.
ONCE = "it may have arrived, and is not told twice"
#: Another worker may be sending it: nothing left, and nobody is to blame.
OVERTAKEN = "the process stood still, and the channel may be another worker's by now"


class Switchboard:
    """The notifiers of today's configuration, and those of yesterday's that still owe a resolve.

    A resolve must reach the destination that took the trigger: another routing key would swallow it without a word.
    A page whose destination its channel does not reach any more goes to wherever that leads today. What else is left
    goes through any channel that reaches the destination, under the name that it has.
    """

    def __init__(self) -> None:
        self._current: dict[str, Notifier] = {}
        self._known: dict[tuple[str, str], Notifier] = {}

    def configure(self, notifiers: Mapping[str, Notifier]) -> None:
        """Take over a configuration; earlier destinations stay reachable while the process lives."""
        draws = {lane(name): it.graphs for name, it in notifiers.items() if isinstance(it, Illustrator)}
        tells = {evidence_lane(name): it.follow_ups for name, it in notifiers.items() if isinstance(it, Informant)}
        lanes = {name: it for name, it in {**draws, **tells}.items() if it is not None}
        self._current = {**notifiers, **lanes}
        self._known.update({(name, it.traits.destination): it for name, it in self._current.items()})

    def rename(self, names: Mapping[str, str]) -> None:
        """Reach under new names what was reached under old ones: also places that only this process still knows."""
        renamed = {(names[name], where): it for (name, where), it in self._known.items() if name in names}
        self._known.update({known: it for known, it in renamed.items() if known not in self._known})

    @property
    def traits(self) -> dict[str, ChannelTraits]:
        """What the flush may use, by channel name."""
        return {name: notifier.traits for name, notifier in self._current.items() if not is_lane(name)}

    @property
    def lanes(self) -> frozenset[str]:
        """Where graphs and late evidence wait, apart from the text of their channels."""
        return frozenset(filter(is_lane, self._current))

    def current(self, channel: str) -> Notifier | None:
        """Where the channel leads today."""
        return self._current.get(channel)

    def digests(self, channel: str) -> bool:
        """Whether anything this channel can still reach takes one message about many incidents."""
        return any(it.traits.digests for (name, _), it in self._known.items() if name == channel)

    def destinations(self, channel: str) -> list[str]:
        """Everything this channel can still reach."""
        return [destination for name, destination in self._known if name == channel]

    def adopt(self, channel: str, destinations: Collection[str]) -> list[str]:
        """Lend the channel another's way to destinations that it does not reach itself; those that have one now."""
        heirs = {destination: self._heir(destination) for destination in destinations}
        found = {destination: heir for destination, heir in heirs.items() if heir is not None}
        self._known.update({(channel, destination): heir for destination, heir in found.items()})
        return sorted(found)

    def reaches(self, channel: str, destination: str) -> bool:
        """Whether anything leads there, by whatever name; before a configuration is known, everything does."""
        known = not self._current or (channel, destination) in self._known
        return known or self._heir(destination) is not None

    def _heir(self, destination: str) -> Notifier | None:
        """Who leads to the very same destination, else who can at least edit what is there."""
        mine = [it for name, it in sorted(self._current.items()) if not is_lane(name)]
        same = (it for it in mine if it.traits.destination == destination)
        edits = (it for it in mine if it.traits.edits and destination.startswith(it.traits.edits))
        return next(same, None) or next(edits, None)

    def notifier(self, delivery: Delivery) -> Notifier | None:
        """The notifier of the delivery's own destination; None when this process cannot reach it.

        One that leads elsewhere, and can only edit there, is none for a new message: it would post it elsewhere.
        """
        found = self._known.get((delivery.channel, delivery.destination))
        leads = found is not None and (bool(delivery.ref) or found.traits.destination == delivery.destination)
        return found if leads else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A channel's lease as it was extended for one message: no earlier than ``since``, on the monotonic clock."""

    epoch: int
    since: float


@dataclass(frozen=True, slots=True)
class Sender:
    """Drains one channel while it holds the channel's lease; each message is sent within its ``turn``."""

    channel: str
    switchboard: Switchboard
    store: Store
    live: Live
    clock: Clock
    settings: EngineSettings
    worker: str
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    clerk: Clerk | None = None

    async def drain(self, stopping: asyncio.Event) -> None:
        """Send what is due; another worker holding the lease is no error."""
        lease = await self.store.claim_channel(self.channel, self.worker, lease=self.settings.channel_lease)
        if lease is None:
            return
        try:
            await self._retarget()
            standing = (await self.store.standings()).get(self.channel, Standing())
            while not stopping.is_set():
                async with self.turn:
                    claiming = self.clock.monotonic()
                    parcel = await self._next(lease)
                    if parcel is None:
                        return
                    standing = await self._deliver(parcel, Claim(lease, claiming), standing)
        finally:
            await self.store.release_channel(self.channel, lease)

    async def _retarget(self) -> None:
        today = self.switchboard.current(self.channel)
        if today is not None:
            known = self.switchboard.destinations(self.channel)
            moved = await self.store.retarget(self.channel, known, today.traits.destination)
            if moved:
                log.warning("deliveries.retargeted", channel=self.channel, rows=moved)
        if not is_lane(self.channel):
            lost = await self.store.strays(self.channel, self.switchboard.destinations(self.channel))
            for destination in self.switchboard.adopt(self.channel, lost):
                log.warning("deliveries.adopted", channel=self.channel, destination=destination)

    async def _next(self, lease: int) -> Delivery | Batch | None:
        if self.switchboard.digests(self.channel):
            return await self.store.next_parcel(self.channel, lease, lambda: str(uuid.uuid4()))
        return await self.store.next_delivery(self.channel, lease)

    async def _deliver(self, parcel: Delivery | Batch, claim: Claim, before: Standing) -> Standing:
        """One attempt and its outcome; how the channel fares since."""
        leaving = self.clock.now()
        delivery = compose(parcel, leaving) if isinstance(parcel, Batch) else labelled_late(parcel, leaving)
        notifier = self.switchboard.notifier(delivery)
        if delivery.event is Event.EVIDENCE and self.clerk is not None:
            completed = await self.clerk.complete(delivery)
            if not isinstance(completed, Delivery):
                await self._leave(delivery, completed, claim)
                return before
            delivery = completed
        answer = await self._attempt(delivery, notifier, claim)
        now = self.clock.now()
        standing, news = before, ""
        if notifier is not None:
            standing, news = next_standing(before, notifier.pace(delivery), answer, now, self.settings)
        if isinstance(parcel, Batch):
            await self._settle_all(parcel, answer, claim.epoch, standing, now)
        else:
            settled = settle(delivery, answer, now, self.settings)
            kept = await self.store.finish(delivery, claim.epoch, settled, standing)
            self._account(delivery, settled, now, kept)
        if news:
            self._tell(standing, news)
        return standing

    async def _leave(self, delivery: Delivery, why: Settled | Rejected, claim: Claim) -> None:
        """Settle evidence that does not leave now; that is no failure of the channel, which was not asked."""
        now = self.clock.now()
        settled = settle(delivery, why, now, self.settings) if isinstance(why, Rejected) else why
        self._account(delivery, settled, now, await self.store.finish(delivery, claim.epoch, settled))

    async def _settle_all(
        self, batch: Batch, answer: Receipt | DeliveryError, lease: int, standing: Standing, now: datetime
    ) -> None:
        settled = settle_all(batch.rows, answer, now, self.settings)
        gathers_for = self.settings.gathers_for
        kept = await self.store.finish_batch(batch, lease, settled, standing, gathers_for=gathers_for)
        for row, one in zip(batch.rows, settled, strict=True):
            self._account(row, one, now, kept)
        if kept and isinstance(answer, Receipt) and batch.kind is not Kind.EDIT:
            self.live.metrics.digests.labels(self.channel).inc()
        log.info("digest", channel=self.channel, digest=batch.id, kind=batch.kind.value, rows=len(batch.rows))

    def _tell(self, standing: Standing, news: str) -> None:
        if standing.open:
            log.warning("channel.rests", channel=self.channel, reason=news)
        else:
            log.info("channel.recovered", channel=self.channel, reason=news)

    async def _attempt(self, delivery: Delivery, notifier: Notifier | None, claim: Claim) -> Receipt | DeliveryError:
        if notifier is None:
            return Rejected(f"{delivery.destination} is not configured any more", permanent=True)
        try:
            async with asyncio.timeout(self.settings.request_timeout + 2):
                if delivery.state is not DeliveryState.PENDING:
                    found = await notifier.find(delivery)
                    if found is not None:
                        return found
                    await self._count(delivery, notifier, claim)
                self._still_ours(claim)
                return await notifier.send(delivery)
        except DeliveryError as error:
            return error
        except TimeoutError:
            return Ambiguous(f"no answer within {self.settings.request_timeout:g} s")

    async def _count(self, delivery: Delivery, notifier: Notifier, claim: Claim) -> None:
        """Nothing proves that an earlier attempt arrived: if it did, this one makes two, and is counted before."""
        if not notifier.doubles(delivery):
            return
        if delivery.event is Event.EVIDENCE:
            raise Rejected(ONCE, permanent=True)
        if not await self.store.count_duplicate(self.channel, claim.epoch):
            raise Rejected(OVERTAKEN, permanent=False, retry_after=0.0)

    def _still_ours(self, claim: Claim) -> None:
        """Raise Rejected where the lease may end before an answer comes: another worker would send it meanwhile."""
        left = self.settings.channel_lease - (self.clock.monotonic() - claim.since)
        if left < self.settings.request_timeout * self.live.pace:
            raise Rejected(OVERTAKEN, permanent=False, retry_after=0.0)

    def _account(self, delivery: Delivery, settled: Settled, now: datetime, kept: bool) -> None:
        metrics = self.live.metrics
        if settled.refused or settled.state is DeliveryState.DEAD:
            self.live.judge()  # who stands in is told at once
        outcome = "fenced" if not kept else settled.state.value
        outcome = "rejected" if outcome == DeliveryState.PENDING.value else outcome
        metrics.deliveries.labels(channel_of(self.channel), delivery.event.value, outcome).inc()
        if settled.state is DeliveryState.AMBIGUOUS or delivery.state is DeliveryState.SENDING:
            metrics.ambiguous.labels(channel_of(self.channel)).inc()
        if settled.state is DeliveryState.ACCEPTED and delivery.event is Event.TRIGGER:
            metrics.detection.observe(max(0.0, (now - delivery.notice.at).total_seconds()))
        if delivery.event is Event.EVIDENCE and settled.state is DeliveryState.DEAD:
            metrics.evidence.labels("given_up").inc()
            log.warning("evidence.given_up", channel=channel_of(self.channel), detail=settled.detail)
        log.info(
            "delivery",
            channel=self.channel,
            delivery=delivery.id,
            incident=delivery.incident_id,
            incident_event=delivery.event.value,
            tier=str(delivery.tier),
            title=delivery.notice.title,
            outcome=outcome,
            attempt=delivery.attempts + 1,
            detail=settled.detail,
        )
