"""Sending: one lease a channel, the most urgent first, and an honest record of how each attempt ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from watchtower.engine.pacing import next_standing
from watchtower.errors import Ambiguous, DeliveryError, Rejected
from watchtower.model import DeliveryState, Event, Receipt
from watchtower.notifiers.base import REQUEST_TIMEOUT
from watchtower.store.values import Settled, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.engine.settings import EngineSettings
    from watchtower.incidents.model import ChannelTraits
    from watchtower.live import Live
    from watchtower.model import Delivery
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


def _hopeless(delivery: Delivery, now: datetime, settings: EngineSettings) -> bool:
    tried = delivery.attempts + 1 >= settings.give_up_tries
    return not delivery.tier.urgent and tried and (now - delivery.created_at).total_seconds() > settings.give_up_after


def _refused(delivery: Delivery, answer: Rejected, now: datetime, settings: EngineSettings) -> Settled:
    if not delivery.tier.urgent:
        return Settled(DeliveryState.DEAD, answer.detail)
    again = now + timedelta(seconds=settings.rejected_retry)
    state = DeliveryState.PENDING if delivery.state is DeliveryState.PENDING else DeliveryState.AMBIGUOUS
    return Settled(state, answer.detail, next_at=again)


def _pause(delivery: Delivery, answer: DeliveryError, settings: EngineSettings) -> float:
    doubling = settings.send_retry_first * 2.0 ** min(delivery.attempts, 16)
    return max(answer.retry_after or 0.0, min(settings.send_retry_most, doubling))


class Switchboard:
    """The notifiers of today's configuration, and those of yesterday's that still owe a resolve.

    A resolve must reach the destination that took the trigger: another routing key would swallow it without a word.
    A page whose destination nothing reaches any more goes to wherever its channel leads today.
    """

    def __init__(self) -> None:
        self._current: dict[str, Notifier] = {}
        self._known: dict[tuple[str, str], Notifier] = {}

    def configure(self, notifiers: Mapping[str, Notifier]) -> None:
        """Take over a configuration; earlier destinations stay reachable while the process lives."""
        self._current = dict(notifiers)
        self._known.update({(name, it.traits.destination): it for name, it in notifiers.items()})

    @property
    def traits(self) -> dict[str, ChannelTraits]:
        """What the flush may use, by channel name."""
        return {name: notifier.traits for name, notifier in self._current.items()}

    def current(self, channel: str) -> Notifier | None:
        """Where the channel leads today."""
        return self._current.get(channel)

    def destinations(self, channel: str) -> list[str]:
        """Everything this channel can still reach."""
        return [destination for name, destination in self._known if name == channel]

    def notifier(self, delivery: Delivery) -> Notifier | None:
        """The notifier of the delivery's own destination; None when this process cannot reach it."""
        return self._known.get((delivery.channel, delivery.destination))


@dataclass(frozen=True, slots=True)
class Sender:
    """Drains one channel while it holds the channel's lease."""

    channel: str
    switchboard: Switchboard
    store: Store
    live: Live
    clock: Clock
    settings: EngineSettings
    worker: str

    async def drain(self, stopping: asyncio.Event) -> None:
        """Send what is due; another worker holding the lease is no error."""
        lease = await self.store.claim_channel(self.channel, self.worker, lease=self.settings.channel_lease)
        if lease is None:
            return
        try:
            await self._retarget()
            standing = (await self.store.standings()).get(self.channel, Standing())
            while not stopping.is_set():
                delivery = await self.store.next_delivery(self.channel, lease)
                if delivery is None:
                    return
                standing = await self._deliver(delivery, lease, standing)
        finally:
            await self.store.release_channel(self.channel, lease)

    async def _retarget(self) -> None:
        today = self.switchboard.current(self.channel)
        if today is not None:
            known = self.switchboard.destinations(self.channel)
            moved = await self.store.retarget(self.channel, known, today.traits.destination)
            if moved:
                log.warning("deliveries.retargeted", channel=self.channel, rows=moved)

    async def _deliver(self, delivery: Delivery, lease: int, before: Standing) -> Standing:
        """One attempt and its outcome; how the channel fares since."""
        notifier = self.switchboard.notifier(delivery)
        answer = await self._attempt(delivery, notifier)
        now = self.clock.now()
        standing, news = before, ""
        if notifier is not None:
            standing, news = next_standing(before, notifier.pace(delivery), answer, now, self.settings)
        settled = settle(delivery, answer, now, self.settings)
        kept = await self.store.finish(delivery, lease, settled, standing)
        self._account(delivery, settled, now, kept)
        if news:
            self._tell(standing, news)
        return standing

    def _tell(self, standing: Standing, news: str) -> None:
        if standing.open:
            log.warning("channel.rests", channel=self.channel, reason=news)
        else:
            log.info("channel.recovered", channel=self.channel, reason=news)

    async def _attempt(self, delivery: Delivery, notifier: Notifier | None) -> Receipt | DeliveryError:
        if notifier is None:
            return Rejected(f"{delivery.destination} is not configured any more", permanent=True)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT + 2):
                if delivery.state is not DeliveryState.PENDING:
                    found = await notifier.find(delivery)
                    if found is not None:
                        return found
                return await notifier.send(delivery)
        except DeliveryError as error:
            return error
        except TimeoutError:
            return Ambiguous(f"no answer within {REQUEST_TIMEOUT:g} s")

    def _account(self, delivery: Delivery, settled: Settled, now: datetime, kept: bool) -> None:
        metrics = self.live.metrics
        outcome = "fenced" if not kept else settled.state.value
        outcome = "rejected" if outcome == DeliveryState.PENDING.value else outcome
        metrics.deliveries.labels(self.channel, delivery.event.value, outcome).inc()
        if settled.state is DeliveryState.AMBIGUOUS or delivery.state is DeliveryState.SENDING:
            metrics.ambiguous.labels(self.channel).inc()
        if settled.state is DeliveryState.ACCEPTED and delivery.event is Event.TRIGGER:
            metrics.detection.observe(max(0.0, (now - delivery.notice.at).total_seconds()))
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
