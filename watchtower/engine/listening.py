"""Queues of what AWS announces: each message makes units due, and is deleted when that is committed.

A crash between the two brings the message again, which makes them due once more: the poll finds nothing new.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from watchtower.aws.queue import EventQueue
from watchtower.engine.deafness import EVENTS
from watchtower.errors import SourceError, StoreError
from watchtower.live.queues import QueueHealth
from watchtower.sources.ecr.query import EcrQuery
from watchtower.sources.messages import TOLD, read

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig, EventsConfig
    from watchtower.aws.queue import Message
    from watchtower.clock import Clock
    from watchtower.engine.plan import Plan
    from watchtower.live import Live
    from watchtower.sources.base import Unit
    from watchtower.sources.messages import News
    from watchtower.store.store import Store

log = structlog.get_logger("watchtower.events")

#: Clock seconds between two polls of a unit that announcements cause: a storm of them costs no more calls than that.
GAP = 10.0
#: Clock seconds until a queue is tried again, doubling; and after a call that came back empty at once.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class Outcome(StrEnum):
    """What became of a message; each of them is deleted."""

    WOKEN = "woken"
    UNWATCHED = "unwatched"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


def concerned(units: Iterable[Unit], news: News, accounts: Collection[str]) -> list[Unit]:
    """The units that a message is about; ``accounts`` are the names that its account may have."""
    return [
        unit for unit in units if unit.account in accounts and news.region in ("", unit.region) and _asks(unit, news)
    ]


def _asks(unit: Unit, news: News) -> bool:
    if unit.source not in news.sources:
        return False
    if not news.repository:
        return True
    queries = [ask.query for ask in unit.asks]
    return any(not isinstance(one, EcrQuery) or one.repositories.matches(news.repository) for one in queries)


@dataclass(slots=True)
class Ear:
    """The loop of one queue."""

    queue: EventQueue
    config: EventsConfig
    clients: AwsClients
    accounts: Sequence[str]
    hub: Listening
    _undeleted: tuple[Message, ...] = ()
    _failures: int = 0

    async def listen(self) -> None:
        """Until cancelled; whatever happens here, polling goes on."""
        while True:
            pause = await self._step()
            if pause:
                await self.hub.clock.sleep(pause)

    async def _step(self) -> float:
        """Clock seconds until the next."""
        if self.hub.store() is None:
            return FIRST_PAUSE
        try:
            pause = await self._round()
        except StoreError as error:
            self.hub.live.metrics.store_failures.inc()
            log.error("events.not_kept", queue=self.config.queue, error=str(error))
            return FIRST_PAUSE
        except SourceError as error:
            return self._failed(error.reason, error.detail)
        except Exception as error:
            log.exception("events.failed", queue=self.config.queue)
            return self._failed("internal", type(error).__name__)
        self._failures = 0
        self.hub.fares(self.config, QueueHealth(heard=True))
        return pause

    async def _round(self) -> float:
        if self._undeleted:
            await self._delete(self._undeleted)
        began = self.hub.clock.monotonic()
        messages = await self.queue.receive()
        if not messages:
            waited = (self.hub.clock.monotonic() - began) / self.hub.live.pace
            return FIRST_PAUSE if waited < 1 else 0.0
        names = await self._names()
        outcomes = [self.hub.heed(message.body, names) for message in messages]
        await self.hub.wake({unit for _, units in outcomes for unit in units})
        for outcome, _ in outcomes:
            self.hub.live.metrics.events.labels(self.config.name, outcome).inc()
        await self._delete(messages)
        return 0.0

    async def _delete(self, messages: tuple[Message, ...]) -> None:
        """A call that fails is tried again first of all: what cannot be deleted would only come again and again."""
        self._undeleted = messages
        refused = await self.queue.delete(messages)
        self._undeleted = ()
        if refused:
            log.warning("events.not_deleted", queue=self.config.queue, messages=refused)

    async def _names(self) -> Mapping[str, set[str]]:
        """Each account's names by its number; while nobody tells our own number, any is taken for it."""
        names: dict[str, set[str]] = {}
        for name in self.accounts:
            number = await self.clients.account_id(name)
            if number is not None or name == self.config.account:
                names.setdefault(number or "", set()).add(name)
        return names

    def _failed(self, reason: str, detail: str) -> float:
        place = (self.config.account, self.config.region)
        self.hub.live.metrics.poll_failures.labels(EVENTS, *place, str(reason)).inc()
        before = self.hub.live.queues.get(place, QueueHealth())
        since = self.hub.clock.monotonic() if before.failing_since is None else before.failing_since
        self.hub.fares(self.config, replace(before, failing_since=since, reason=detail))
        self._failures += 1
        pause = float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures - 1, 16)))
        log.warning("events.unread", queue=self.config.queue, reason=detail, again_in=pause)
        return pause


@dataclass
class Listening:
    """All queues of this process; ``store`` answers None until it was opened, ``look`` wakes the engine."""

    live: Live
    clock: Clock
    store: Callable[[], Store | None]
    look: Callable[[], None]
    _units: tuple[Unit, ...] = ()
    _due: dict[str, datetime] = field(default_factory=dict)
    _clients: AwsClients | None = None
    _loops: dict[EventsConfig, asyncio.Task[None]] = field(default_factory=dict)

    async def configure(self, plan: Plan, config: AwsConfig, clients: AwsClients) -> None:
        """Take over a configuration: loops of queues that stay over the same door go on."""
        self._units = tuple(unit for unit in plan.units.values() if unit.source in TOLD)
        self._due.clear()
        gone = [one for one in self._loops if clients is not self._clients or one not in config.events]
        await self._end([self._loops.pop(one) for one in gone])
        self._clients = clients
        names = [account.name for account in config.accounts]
        for one in config.events:
            if one not in self._loops:
                ear = Ear(EventQueue(clients, one), one, clients, names, self)
                self._loops[one] = asyncio.create_task(ear.listen(), name=f"events {one.account} {one.region}")
        places = [(one.account, one.region) for one in config.events]
        self.live.queues = {place: self.live.queues.get(place, QueueHealth()) for place in places}

    async def close(self) -> None:
        """Stop listening; what was received and not deleted comes again."""
        await self._end([self._loops.pop(one) for one in tuple(self._loops)])

    async def _end(self, loops: Sequence[asyncio.Task[None]]) -> None:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    def fares(self, config: EventsConfig, health: QueueHealth) -> None:
        """Note how a queue fares."""
        place = (config.account, config.region)
        if place in self.live.queues:
            self.live.queues = {**self.live.queues, place: health}

    def heed(self, body: str, names: Mapping[str, set[str]]) -> tuple[Outcome, list[str]]:
        """What a message is worth, and whom it wakes; never raises, because one message must not cost the others."""
        try:
            return self._heeded(body, names)
        except ValueError as error:
            log.warning("events.unreadable", size=len(body), reason=str(error))
        except Exception:
            log.exception("events.unreadable", size=len(body))
        return Outcome.UNREADABLE, []

    def _heeded(self, body: str, names: Mapping[str, set[str]]) -> tuple[Outcome, list[str]]:
        news = read(body)
        if news is None:
            return Outcome.UNKNOWN, []
        mine = names.get(news.account, set()) | names.get("", set())
        accounts = mine if news.account else {name for each in names.values() for name in each}
        units = [unit.id for unit in concerned(self._units, news, accounts)]
        return (Outcome.WOKEN if units else Outcome.UNWATCHED), units

    async def wake(self, units: Collection[str]) -> None:
        """Make these units due at once, or as soon as they may be; raises StoreError."""
        now, store = self.clock.now(), self.store()
        self._due = {unit: due for unit, due in self._due.items() if due > now}
        wanted = set(units) - self._due.keys()
        if wanted and store is not None:
            self._due |= await store.nudge(wanted, gap=GAP)
            self.look()
