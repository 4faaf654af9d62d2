"""The composition root: from a loaded configuration to a running daemon, and back to a clean stop."""

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
from watchtower.engine.changes import bulletin, record
from watchtower.engine.engine import Engine
from watchtower.engine.heartbeat import Heartbeat
from watchtower.engine.loops import Loop, supervise
from watchtower.engine.plan import Plan, build_plan
from watchtower.engine.settings import EngineSettings
from watchtower.engine.storewatch import StoreWatch
from watchtower.engine.testing import send_test
from watchtower.errors import ConfigError, ListenError, StoreError, StoreLocked, StoreTooNew
from watchtower.incidents.quiet import Quiet, compile_quiet
from watchtower.incidents.routing import Route, compile_routes
from watchtower.live import Live
from watchtower.notifiers.base import Doors
from watchtower.notifiers.ping import ping
from watchtower.notifiers.table import NOTIFIERS
from watchtower.sources.base import Place
from watchtower.sources.cloudwatch.source import CloudWatchSource
from watchtower.sources.probe.source import ProbeSource
from watchtower.store.store import Store
from watchtower.web.app import Web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from watchtower.config import Config, Loaded
    from watchtower.notifiers.base import Notifier
    from watchtower.sources.base import Source

log = structlog.get_logger("watchtower.service")

#: Clock seconds between two tries for a store that is locked or unreachable.
STORE_RETRY = 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """What exists once the store is ours; ``stack`` closes it all, earlier AWS sessions included."""

    engine: Engine
    heartbeat: Heartbeat
    stack: AsyncExitStack
    http: aiohttp.ClientSession
    doors: Doors
    sources: dict[str, Source]


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
        self._running: Running | None = None
        self._stopping = asyncio.Event()
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
            self._running = Running(engine, heartbeat, stack, http, doors, sources)
            stack.push_async_callback(self._end_errands)
            await self._configure(self._running, self._loaded)
            self._record_change(None)
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

    async def _run(self, running: Running, store: Store) -> None:
        """The engine, and beside it those who watch that it works."""
        steps = {"heartbeat": running.heartbeat.step, "store watch": lambda: self._store_watch.look(store)}
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(supervise(Loop(name, self._clock, self.live, vital=False), step, self._stopping))
                for name, step in steps.items()
            ]
            await running.engine.run()
            for task in beside:
                task.cancel()
        await self._store_watch.close()

    def _record_change(self, before: Loaded | None) -> None:
        """Tell those channels that keep a log of changes; nothing waits for it."""
        names = None if before is None else [rule.name for rule in before.rules]
        config, rules = self._loaded.config, [rule.name for rule in self._loaded.rules]
        told = bulletin(names, rules, config.environment, self._clock.now())
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
        sources = make_sources(config, aws, self._clock)
        for source in sources.values():
            stack.push_async_callback(source.close)
        return Doors(http, aws), sources

    async def reload(self) -> None:
        """Read the files again; with faults nothing changes, and the log says which."""
        try:
            loaded = configuration.load(self._path)
        except ConfigError as error:
            self.live.metrics.reload_ok.set(0)
            log.error("reload.refused", faults=[str(fault) for fault in error.faults])
            return
        for name in ("store", "listen", "environment"):
            if getattr(loaded.config, name) != getattr(self._loaded.config, name):
                log.warning("reload.needs_restart", setting=name)
        if self._running is not None:
            if loaded.config.aws != self._loaded.config.aws:
                # The old sessions stay open until the end: polls in flight and resolves that are owed still use them.
                doors, sources = self._open_outside(self._running.stack, self._running.http, loaded.config)
                self._running = replace(self._running, doors=doors, sources=sources)
            await self._configure(self._running, loaded)
        before, self._loaded = self._loaded, loaded
        if self._running is not None:
            self._record_change(before)
        log.info("reloaded", rules=len(loaded.rules))

    async def _configure(self, running: Running, loaded: Loaded) -> None:
        for warning in loaded.warnings:
            log.warning("configuration", warning=str(warning))
        notifiers = make_notifiers(loaded.config, running.doors)
        plan = make_plan(loaded, running.sources)
        self.live.routes = make_routes(loaded.config)
        await running.engine.configure(plan, self.live.routes, notifiers, make_quiet(loaded.config))
        environment = self._loaded.config.environment
        self.live.testers = {
            name: send_test(notifier, environment, self._clock, lambda: str(uuid.uuid4()))
            for name, notifier in notifiers.items()
        }
        self._notifiers = notifiers
        self._store_watch.configure(notifiers)
        beat = loaded.config.heartbeat
        knock = partial(ping, beat.url, running.doors) if beat else None
        running.heartbeat.configure(beat.every if beat else 0.0, knock)
        self.live.metrics.reload_ok.set(1)

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


# -- composition ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(application: Web, listen: str) -> AsyncIterator[None]:
    """The HTTP surface on ``host:port`` while the context lasts; raises ListenError."""
    host, _, port = listen.rpartition(":")
    runner = web.AppRunner(application.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except OSError as error:
            raise ListenError(f"cannot listen on {listen}: {os.strerror(error.errno or 0)}") from None
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def open_doors(config: Config) -> AsyncIterator[Doors]:
    """The two doors to the outside: HTTP and AWS."""
    async with aiohttp.ClientSession() as http:
        aws = AwsClients(config.aws)
        try:
            yield Doors(http, aws)
        finally:
            await aws.close()


def make_sources(config: Config, aws: AwsClients, clock: Clock) -> dict[str, Source]:
    """Every source that a rule may ask, by name."""
    return {"cloudwatch": CloudWatchSource(aws, config.aws, clock), "probe": ProbeSource(clock)}


def make_notifiers(config: Config, doors: Doors) -> dict[str, Notifier]:
    """Every configured channel, by name."""
    return {name: NOTIFIERS[channel.type].build(name, channel, doors) for name, channel in config.channels.items()}


def make_routes(config: Config) -> tuple[Route, ...]:
    """The routes in their order."""
    return compile_routes(config.routes)


def make_quiet(config: Config) -> Quiet:
    """The mute windows and inhibitions."""
    return compile_quiet(config.mute, config.inhibit)


def make_plan(loaded: Loaded, sources: dict[str, Source]) -> Plan:
    """All work units of the configuration."""
    config = loaded.config
    places = [Place(account.name, region) for account in config.aws.accounts for region in account.regions]
    return build_plan(
        loaded.rules,
        sources,
        places,
        discovery_interval=config.aws.discovery_interval,
        series_limit=config.series_limit,
    )


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
