"""The daemon: from a loaded configuration to a running daemon, and back to a clean stop."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import structlog
from aiohttp import web

from watchtower import config as configuration
from watchtower.aws.clients import AwsClients
from watchtower.clock import Clock, SystemClock
from watchtower.composition import make_notifiers, make_plan, make_quiet, make_routes, make_sources
from watchtower.engine.canaries import Canaries
from watchtower.engine.changes import bulletin, fresh_store, record
from watchtower.engine.clicks import Clicks
from watchtower.engine.doorbell import Doorbell
from watchtower.engine.engine import Engine
from watchtower.engine.heartbeat import Heartbeat
from watchtower.engine.listening import Listening
from watchtower.engine.loops import Loop, supervise
from watchtower.engine.reports import Reports
from watchtower.engine.settings import EngineSettings
from watchtower.engine.storewatch import StoreWatch
from watchtower.engine.testing import send_test
from watchtower.engine.uptime import UptimeFigures
from watchtower.errors import ConfigError, ListenError, StoreError, StoreLocked, StoreTooNew
from watchtower.graphs.studio import Studio
from watchtower.live import Facts, Live
from watchtower.notifiers.base import Doors
from watchtower.notifiers.ping import ping
from watchtower.store.store import Store
from watchtower.web.app import Web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
    from pathlib import Path

    from watchtower.config import Config, Loaded
    from watchtower.notifiers.base import Notifier
    from watchtower.sources.base import Source
    from watchtower.sources.uptime.source import Booked

log = structlog.get_logger("watchtower.service")

#: Clock seconds between two tries for a store that is locked or unreachable.
STORE_RETRY = 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """What exists once the store is ours; ``stack`` closes it all, earlier AWS sessions included.

    ``made_for`` is the configuration of doors and sources: a reload that is tried again finds them there.
    """

    engine: Engine
    heartbeat: Heartbeat
    stack: AsyncExitStack
    http: aiohttp.ClientSession
    doors: Doors
    sources: dict[str, Source]
    made_for: Config


class Service:
    """One daemon. ``clock`` and ``settings`` are the demo's and the tests' to choose; users have the defaults."""

    def __init__(
        self,
        path: Path,
        loaded: Loaded,
        *,
        clock: Clock | None = None,
        settings: EngineSettings | None = None,
        pace: float = 1.0,
    ) -> None:
        self._path = path
        self._loaded = loaded
        self._clock = clock or SystemClock()
        self._settings = settings or EngineSettings()
        self.live = Live(self._clock, pace=pace)
        self._web = Web(self.live)
        self._clicks = Clicks(self.live, self._clock, lambda: self._web.store)
        self._canaries = Canaries(self.live, self._clock, loaded.config.environment)
        self._reports = Reports(self.live, self._clock, lambda: self._web.store)
        self._doorbell = Doorbell(self.live, self._clock, lambda: self._web.store, self._look)
        self._listening = Listening(self.live, self._clock, lambda: self._web.store, self._look)
        self._running: Running | None = None
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._store_watch = StoreWatch(self.live, self._clock, loaded.config.environment)
        self._notifiers: dict[str, Notifier] = {}
        self._errands: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve, wait for the store, run the engine until :meth:`stop`."""
        config = self._loaded.config
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serving(self._web, config.listen))
            http = await stack.enter_async_context(aiohttp.ClientSession())
            doors, sources = self._open_outside(stack, http, config)
            self._store_watch.configure(make_notifiers(config, doors))
            store = await self._wait_for_store(config.store)
            if store is None:
                log.info("stopped")
                return
            stack.push_async_callback(store.close)
            engine = Engine(store, self.live, self._clock, self._settings, config.environment)
            heartbeat = Heartbeat(store, self.live, self._clock)
            self._running = Running(engine, heartbeat, stack, http, doors, sources, config)
            stack.push_async_callback(self._end_errands)
            stack.push_async_callback(self._clicks.close)
            stack.push_async_callback(self._reports.close)
            stack.push_async_callback(self._listening.close)
            await self._configure(self._running, self._loaded)
            self._record_change(None, fresh_store(store.store_id, self._notifiers) if store.fresh else "")
            self._web.store = store
            self.live.waiting_for = ""
            log.info("started", store=store.store_id, rules=len(self._loaded.rules), listen=config.listen)
            if not self._stopping.is_set():
                await self._run(self._running, store)
        log.info("stopped")

    def stop(self) -> None:
        """Drain and end; safe to call more than once and at any moment."""
        self._stopping.set()
        if self._running is not None:
            self._running.engine.stop()

    def _look(self) -> None:
        if self._running is not None:
            self._running.engine.look()

    async def _run(self, running: Running, store: Store) -> None:
        """The engine, and beside it those who watch that it works."""
        steps = {
            "heartbeat": running.heartbeat.step,
            "store watch": lambda: self._store_watch.look(store),
            "read back": self._reports.step,
            "canaries": self._canaries.step,
            "uptime": UptimeFigures(store, self.live, self._clock).step,
        }
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(supervise(Loop(name, self._clock, self.live, vital=False), step, self._stopping))
                for name, step in steps.items()
            ]
            await running.engine.run()
            for task in beside:
                task.cancel()
        await self._store_watch.close()

    def _record_change(self, before: Loaded | None, hint: str = "") -> None:
        """Tell those channels that keep a log of changes; nothing waits for it."""
        names = None if before is None else [rule.name for rule in before.rules]
        config, rules = self._loaded.config, [rule.name for rule in self._loaded.rules]
        told = bulletin(names, rules, config.environment, self._clock.now(), hint)
        errand = asyncio.create_task(record(self._notifiers, told), name="change")
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def _end_errands(self) -> None:
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)

    def _open_outside(
        self, stack: AsyncExitStack, http: aiohttp.ClientSession, config: Config
    ) -> tuple[Doors, dict[str, Source]]:
        aws = AwsClients(config.aws)
        stack.push_async_callback(aws.close)
        sources = make_sources(config, aws, self._clock, self._uptime)
        for source in sources.values():
            stack.push_async_callback(source.close)
        studio = stack.enter_context(Studio(aws, self._clock, self.live.metrics.bill))
        return Doors(http, aws, self._settings.request_timeout, studio), sources

    async def _uptime(self, rules: Collection[str], begins: Mapping[int, int]) -> Booked:
        """The ledger, as the source of burn rates reads it; sources are made before the store is there."""
        return await self._web.store.uptime(rules, begins) if self._web.store else {}

    async def reload(self) -> None:
        """Read the files again; with faults nothing changes, and the log says which.

        While the store cannot take them over they are tried again, as they are by then.
        """
        async with self._reloading:
            while (loaded := self._read()) is not None:
                try:
                    await self._take_over(loaded)
                except StoreError as error:
                    self.live.metrics.reload_ok.set(0)
                    log.error("reload.failed", error=str(error))
                else:
                    log.info("reloaded", rules=len(loaded.rules))
                    return
                await _first(self._clock.sleep(STORE_RETRY), self._stopping.wait())
                if self._stopping.is_set():
                    return

    def _read(self) -> Loaded | None:
        """The files as they are now; None when they have faults."""
        try:
            return configuration.load(self._path)
        except ConfigError as error:
            self.live.metrics.reload_ok.set(0)
            refused = replace(self.live.facts, refused_at=self._clock.now(), faults=len(error.faults))
            self.live.facts = refused
            log.error("reload.refused", faults=[str(fault) for fault in error.faults])
            return None

    async def _take_over(self, loaded: Loaded) -> None:
        for name in ("store", "listen", "environment"):
            if getattr(loaded.config, name) != getattr(self._loaded.config, name):
                log.warning("reload.needs_restart", setting=name)
        if self._running is not None:
            known = self._running.made_for
            if (loaded.config.aws, loaded.config.probes) != (known.aws, known.probes):
                # The old sessions stay open until the end: polls in flight and resolves that are owed still use them.
                doors, sources = self._open_outside(self._running.stack, self._running.http, loaded.config)
                self._running = replace(self._running, doors=doors, sources=sources, made_for=loaded.config)
            await self._configure(self._running, loaded)
        before, self._loaded = self._loaded, loaded
        if self._running is not None:
            self._record_change(before)

    async def _configure(self, running: Running, loaded: Loaded) -> None:
        for warning in loaded.warnings:
            log.warning("configuration", warning=str(warning))
        notifiers = make_notifiers(loaded.config, running.doors)
        plan, routes = make_plan(loaded, running.sources, self._clock.now()), make_routes(loaded.config)
        await running.engine.configure(plan, routes, notifiers, make_quiet(loaded.config), loaded.config.fallback)
        self.live.routes = routes
        self._doorbell.configure(plan)
        await self._listening.configure(plan, loaded.config.aws, running.doors.aws)
        self.live.bell = self._doorbell.find
        self.live.accept = running.engine.accept
        environment = self._loaded.config.environment
        self.live.testers = {
            name: send_test(notifier, environment, self._clock, lambda: str(uuid.uuid4()))
            for name, notifier in notifiers.items()
        }
        self._notifiers = notifiers
        self._store_watch.configure(notifiers)
        self._clicks.configure(loaded.config.channels, running.doors)
        self.live.press = self._clicks.press
        self._reports.configure(loaded.config.channels, running.doors)
        self._canaries.configure(loaded.config.channels, running.doors)
        self.live.report = self._reports.take
        beat = loaded.config.heartbeat
        knock = partial(ping, beat.url, running.doors) if beat else None
        running.heartbeat.configure(beat.every if beat else 0.0, knock)
        self.live.metrics.reload_ok.set(1)
        self.live.samples.limit = loaded.config.scrape_series_limit
        self.live.facts = Facts(environment, len(loaded.rules), self._clock.now())

    async def _wait_for_store(self, url: str) -> Store | None:
        """Open the store; while another process holds it or it is unreachable, wait and say so in /readyz."""
        while not self._stopping.is_set():
            self.live.beat("store")
            try:
                store = await Store.open(url, clock=self._clock)
            except StoreLocked as error:
                self._store_watch.failed(error)
                self._waiting(str(error))
            except StoreTooNew:
                raise  # waiting does not make this program newer
            except StoreError as error:
                self._store_watch.failed(error)
                self._waiting(f"store: {error}")
            else:
                self.live.retire("store")
                return store
            await _first(self._store_watch.tell(), self._stopping.wait())
            await _first(self._clock.sleep(STORE_RETRY), self._stopping.wait())
        return None

    def _waiting(self, reason: str) -> None:
        if self.live.waiting_for != reason:
            log.warning("store.waiting", reason=reason)
        self.live.waiting_for = reason


async def _first(*waits: Coroutine[object, object, object]) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serving(application: Web, listen: str) -> AsyncIterator[None]:
    """The HTTP surface on ``host:port`` while the context lasts; raises ListenError."""
    name, _, port = listen.rpartition(":")
    host = name.strip("[]")
    runner = web.AppRunner(application.application(host), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, int(port)).start()
        except OSError as error:
            raise ListenError(f"cannot listen on {listen}: {os.strerror(error.errno or 0)}") from None
        yield
    finally:
        await runner.cleanup()


async def run_until_signalled(service: Service) -> None:
    """Run the service; SIGTERM and SIGINT stop it, SIGHUP reloads."""
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.ensure_future(service.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    await service.run()
