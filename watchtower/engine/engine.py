"""The product on one screen: ticks make transitions, the flush makes deliveries, the senders make receipts.

::

    tick   claim unit ─► poll ─► judge ─► commit, fenced          engine/tick.py
    flush  transitions + due incidents ─► decide ─► commit        Engine.flush
    send   claim channel ─► notifier ─► settle ─► commit          engine/send.py
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from watchtower.engine.accepting import accept
from watchtower.engine.archive import Archive
from watchtower.engine.composites import Composites
from watchtower.engine.doorbell import PINGS, pinging
from watchtower.engine.evidence import Clerk
from watchtower.engine.loops import Loop, supervise
from watchtower.engine.opening import Opening
from watchtower.engine.orphans import orphans
from watchtower.engine.plan import COMPOSITES, SELF, Plan, removal, unit_rows
from watchtower.engine.selfwatch import OWN_ALERTS, SelfWatch
from watchtower.engine.send import Switchboard
from watchtower.engine.senders import Senders
from watchtower.engine.tick import Ticker
from watchtower.engine.writer import Writer
from watchtower.errors import StoreError
from watchtower.incidents.flush import Policy, decide
from watchtower.incidents.lanes import lanes
from watchtower.incidents.quiet import Quiet
from watchtower.incidents.renaming import renamed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from watchtower.clock import Clock
    from watchtower.engine.settings import EngineSettings
    from watchtower.incidents.model import FlushPlan
    from watchtower.incidents.routing import Route
    from watchtower.live import Live
    from watchtower.notifiers.base import Notifier
    from watchtower.store.store import Store
    from watchtower.store.values import ClaimedUnit

log = structlog.get_logger("watchtower.engine")

#: Clock seconds between two looks at what the first flush waits for.
GATE_LOOK = 0.25


class Engine:
    """All loops of one worker over one store."""

    def __init__(
        self,
        store: Store,
        live: Live,
        clock: Clock,
        settings: EngineSettings,
        environment: str,
    ) -> None:
        self._store = store
        self._live = live
        self._clock = clock
        self._settings = settings
        self._environment = environment
        self._worker = uuid.uuid4().hex[:8]
        self._plan = Plan({}, {SELF.id: SELF})
        self._routes: tuple[Route, ...] = ()
        self._quiet = Quiet()
        self._fallback: Mapping[str, str] = {}
        self._opening = Opening(store, clock)
        self._judged = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._writer = Writer(store)
        self._archive = Archive(lambda: self._plan, live.metrics)
        self._ticker = Ticker(store, self._writer, live, clock, settings, environment, self._archive)
        self._selfwatch = SelfWatch(store, self._writer, live, clock, environment)
        self._composites = Composites(store, self._writer, live, clock, environment)
        self._switchboard = Switchboard()
        self._senders = Senders(self._switchboard, store, live, clock, settings, Clerk(self._archive, store))
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._closing = asyncio.Event()
        self._ticks = Loop("tick", clock, live)
        self._flushes = Loop("flush", clock, live)
        live.judge = self._flushes.wake
        live.reaches = self._switchboard.reaches

    async def configure(
        self,
        plan: Plan,
        routes: tuple[Route, ...],
        notifiers: Mapping[str, Notifier],
        quiet: Quiet | None = None,
        fallback: Mapping[str, str] | None = None,
    ) -> None:
        """Take over rules, routes, channels and what keeps alerts quiet; what no longer has a rule ends, saying so."""
        await self._adopt(plan)
        await self._store.forget_received(PINGS, {rule.query.name for rule in pinging(plan)})
        destinations = {name: it.traits.destination for name, it in notifiers.items()}
        async with self._at_rest(destinations):
            names = await self._store.rename_channels(destinations)
            for old, new in names.items():
                log.warning("channel.renamed", channel=old, to=new)
            self._switchboard.rename(names)
            self._routes, self._quiet, self._fallback = routes, quiet or Quiet(), fallback or {}
            self._switchboard.configure(notifiers)
        self._live.samples.keep_only(set(plan.units))
        await self._end_orphans()
        self._ticks.wake()
        self._flushes.wake()
        self._senders.wake()

    async def _adopt(self, plan: Plan) -> None:
        """Know the plan before its units are in the store: one that is claimed unknown would idle for a whole lease."""
        before, self._plan = self._plan, plan
        try:
            await self._store.sync_units(unit_rows(plan, self._clock.now()), removal(plan))
        except StoreError:
            self._plan = before
            raise

    @asynccontextmanager
    async def _at_rest(self, destinations: Mapping[str, str]) -> AsyncIterator[None]:
        """Nothing is judged meanwhile, and nothing leaves on a channel that has a new name."""
        old = renamed(await self._store.known_destinations(), destinations)
        async with self._senders.still({*old, *(lane for name in old for lane in lanes(name))}), self._flushing:
            yield

    async def _end_orphans(self) -> None:
        known = await self._store.alert_states()
        states, transitions = orphans(known, self._plan, OWN_ALERTS, self._clock.now())
        if states:
            await self._store.commit_orphans(states, transitions, wakes=self._plan.wakes(states))

    async def accept(self, target: str) -> bool:
        """The content of a target is right as its next probe sees it; False where no rule compares it."""
        return await accept(self._plan, self._store, self._clock, target)

    def look(self) -> None:
        """Somebody made a unit due: it need not wait for the loop's next look."""
        self._ticks.wake()

    # -- the loops ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until :meth:`stop`; an error that no loop expects ends all of them, and the process with them."""
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._writer.run(), name="writer")
            ticks = group.create_task(supervise(self._ticks, self._tick_due, self._stopping), name="tick")
            flush = group.create_task(supervise(self._flushes, self._flush_due, self._stopping), name="flush")
            send = group.create_task(self._send(), name="send")
            await self._stopping.wait()
            await self._drain_ticks(ticks, flush)
            writer.cancel()
            await self._drain_senders(send)
        await self._archive.close()

    def stop(self) -> None:
        """Finish what is in hand and end; everything else is in the store."""
        self._stopping.set()

    async def _drain_ticks(self, ticks: asyncio.Task[None], flush: asyncio.Task[None]) -> None:
        """Let ticks in flight be committed, also those that the loop was just claiming; without a writer none can."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.drain_ticks
        await asyncio.wait([ticks], timeout=self._settings.drain_ticks)
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight.values(), timeout=max(0.1, deadline - loop.time()))
            for task in late:
                task.cancel()
        await asyncio.wait([flush], timeout=self._settings.drain_flush)
        try:
            await self.flush()
        except StoreError as error:
            log.error("drain.flush_failed", error=str(error))

    async def _send(self) -> None:
        """What an earlier process left in the outbox is judged once more before it leaves."""
        await self._judged.wait()
        await self._senders.run(self._worker, self._closing)

    async def _drain_senders(self, send: asyncio.Task[None]) -> None:
        """What is due now still leaves, and a request that is out may be answered, both within one bound."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.drain_sends
        try:
            async with asyncio.timeout_at(deadline):
                while await self._senders.something_due(within=deadline - loop.time()):
                    await asyncio.sleep(0.05)
        except (TimeoutError, StoreError) as error:
            log.warning("drain.unsent", reason=str(error) or "time is up")
        self._closing.set()
        await asyncio.wait([send], timeout=max(0.1, deadline - loop.time()))
        send.cancel()

    # -- tick -----------------------------------------------------------------------------------------------------

    async def _tick_due(self) -> float:
        """Claim what is due and start it; seconds until something may be due again."""
        await self._renew_plan()
        busy = tuple(self._in_flight)
        free = self._settings.units_at_once - len(busy)
        claimed: list[ClaimedUnit] = []
        if free > 0:
            lease = self._settings.unit_lease
            claimed = await self._store.claim_units(self._worker, limit=free, lease=lease, exclude=busy)
        for unit in claimed:
            self._in_flight[unit.id] = asyncio.create_task(self._tick(unit), name=unit.id)
            self._in_flight[unit.id].add_done_callback(self._landed)
        if free <= len(claimed):
            return self._settings.idle
        return self._until(await self._store.next_unit_due())

    async def _renew_plan(self) -> None:
        """When an event of some rule begins or ends, go on by the plan of now; no alert begins or ends by that."""
        now, old = self._clock.now(), self._plan
        if old.renew is None or old.until is None or now < old.until:
            return
        plan = old.renew(now)
        await self._store.sync_units(unit_rows(plan, now), removal(plan))
        self._plan = plan
        self._live.samples.keep_only(set(plan.units))
        log.info("plan.renewed", until=plan.until.isoformat() if plan.until else "")

    def _landed(self, task: asyncio.Task[None]) -> None:
        del self._in_flight[task.get_name()]
        self._ticks.wake()

    async def _tick(self, claimed: ClaimedUnit) -> None:
        plan = self._plan
        unit = plan.units.get(claimed.id)
        if unit is None:
            return
        try:
            if unit is SELF:
                await self._end_orphans()
                changed = await self._selfwatch.run(plan, claimed)
            elif unit.id == COMPOSITES:
                changed = await self._composites.run(plan, claimed)
            else:
                changed = await self._ticker.run(plan, unit, claimed)
        except StoreError as error:
            self._live.metrics.store_failures.inc()
            log.error("tick.not_committed", unit=unit.id, error=str(error))
            return
        except Exception:
            # What is no poll's: a mistake in one unit must not stop all others; it is late, and that is an alert.
            log.exception("tick.failed", unit=unit.id)
            return
        if changed:
            self._flushes.wake()

    # -- flush ----------------------------------------------------------------------------------------------------

    async def _flush_due(self) -> float:
        if await self._opening.too_early(self._plan, self._quiet):
            return GATE_LOOK
        plan = await self.flush()
        self._judged.set()
        return self._until(await self._store.next_incident_due()) if plan.empty else 0.0

    async def flush(self) -> FlushPlan:
        """Transitions and due incidents in, deliveries out; one transaction, pure inside."""
        async with self._flushing:
            plan = await self._judge()
        for decision in plan.decisions:
            log.info("flush", outcome=decision.outcome, reason=decision.reason, incident=decision.incident_id)
        for delivery in plan.deliveries:
            if delivery.fallback_of:
                self._live.metrics.fallbacks.labels(delivery.channel).inc()
        for channel in {delivery.channel for delivery in plan.deliveries}:
            self._senders.wake(channel)
        return plan

    async def _judge(self) -> FlushPlan:
        policy = Policy(self._environment, self._routes, self._switchboard.traits, self._quiet, self._fallback)
        now = self._clock.now()
        return await self._store.flush(
            lambda seen: decide(seen, policy, now, _new_id), inhibits_for=self._quiet.lookback
        )

    def _until(self, due: datetime | None) -> float:
        if due is None:
            return self._settings.idle
        return max(0.0, (due - self._clock.now()).total_seconds())


def _new_id() -> str:
    return str(uuid.uuid4())
