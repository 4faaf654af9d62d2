"""One run from its beginning to the verdict: the process dies, is started again, and somebody waits for the end."""

from __future__ import annotations

import asyncio
import re
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from tests.support.crash_matrix import books
from tests.support.crash_matrix.books import Counts, Verdict, judge
from tests.support.crash_matrix.clock import SPEED
from tests.support.crash_matrix.deaths import Death, Phase
from tests.support.crash_matrix.nursery import ZygoteGone
from tests.support.crash_matrix.scripts import Kind
from tests.support.crash_matrix.world import ENV, World
from tests.support.crash_matrix.zygote import LEASE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.crash_matrix.nursery import Life, Nursery
    from tests.support.crash_matrix.sites import Sites
    from tests.support.crash_matrix.stores import Books

#: Looks at every site by one life in which somebody more must hear, while anybody is to. A busy machine looks more
#: slowly, so that only a daemon that works and does not tell is too late: the longest pause of a channel is 60 s.
LOOKS = 30
#: Real seconds for the same: it stands still, or its machine does.
PATIENCE = 120.0
#: Real seconds after the end in which something could come that nobody wants.
AFTERWARDS = 0.3
#: Real seconds of a pause: everything that was leased is over by then.
PAUSE = LEASE / SPEED + 0.2
#: Real seconds for a process to be gone that was killed.
_ENDS_WITHIN = 10.0


@dataclass
class Conductor:
    """Keeps one process of the run alive, or two while one of them stands still and PostgreSQL is shared."""

    world: World
    nursery: Nursery
    store: Books
    deaths: list[Death]
    lives: int = 0
    counts: Counts = field(default_factory=Counts)
    worker: int = 0
    life: Life | None = None
    armed: Death | None = None
    closing: bool = False
    failed: str = ""
    player: asyncio.Task[None] | None = None
    _others: list[Life] = field(default_factory=list)
    _thawing: list[asyncio.Task[None]] = field(default_factory=list)

    async def run(self) -> None:
        """Start the process, and again whenever it ended."""
        try:
            while not self.closing:
                life = await self._start()
                await self._watch(life)
                if not self.closing:
                    self.world.note(f"process {life.pid} ended with {life.code}")
                if life.code is not None and life.code >= 0 and not self.closing:
                    self._fail(f"the daemon ended by itself with {life.code}")
                    return
        except ZygoteGone as error:
            self._fail(str(error))

    def _fail(self, why: str) -> None:
        self.failed = why
        if self.player is not None:
            self.player.cancel()

    async def _start(self) -> Life:
        self.armed = self.deaths.pop(0) if self.deaths else None
        env = {**ENV, "HOOK": self.world.hook.webhook_url}
        life = await self.nursery.start(self.world.config(self.worker), env, self.armed, self.world.clock)
        if self.closing:  # meanwhile
            await life.kill()
        self.life = life
        self.lives += 1
        self.world.eye.watch(life.pid, self.armed)
        self.world.note(f"process {life.pid} began, {self.armed or 'to live'}")
        return life

    async def _watch(self, life: Life) -> None:
        """Until it is gone, or until another one works in its place."""
        while not life.ended.is_set():
            await _first(life.ended, life.stopped)
            if life.stopped.is_set() and not life.ended.is_set():
                life.stopped.clear()
                self.world.note(f"process {life.pid} stands still")
                self._reached(pause=True)
                if await self._stand_still(life):
                    return
        away = self.armed is None or self.armed.away
        if self.armed is not None and not self.closing:
            self._reached(pause=False)
        if away and not self.closing and not self._others:
            self.world.clock.skip(LEASE + 1)
            await self.store.follow(self.world.clock)

    def _reached(self, *, pause: bool) -> None:
        self.armed = None
        if pause:
            self.counts.pauses += 1
        else:
            self.counts.kills += 1

    async def _stand_still(self, life: Life) -> bool:
        """A pause beyond every lease; on PostgreSQL another worker takes over meanwhile, and both go on."""
        if not self.world.script.postgres or self.worker:
            await asyncio.sleep(PAUSE)
            life.signal(signal.SIGCONT)
            return False
        self.worker = 1
        self.counts.overtaken += 1
        self._others.append(life)
        self._thawing.append(asyncio.create_task(self._thaw(life)))
        return True

    async def _thaw(self, life: Life) -> None:
        await asyncio.sleep(PAUSE + 1.5)
        life.signal(signal.SIGCONT)

    async def finish(self, phase: Phase) -> None:
        """End the lives whose steps were not reached in a phase, so that the next one has its own."""
        while not self.failed and self._unspent(phase):
            before = self.life
            if before is not None:
                missed, self.armed = self.armed, None
                self.counts.steps_missed += missed is not None
                self.counts.kills += 1
                await before.kill()
            while self.life is before and not self.failed:
                await asyncio.sleep(0.01)

    def _unspent(self, phase: Phase) -> bool:
        """Whether a death is left that belongs into this phase, or a life that has none before one that has."""
        if self.armed is None:
            return bool(self.deaths)
        return phase is Phase.END or self.armed.phase == Phase.BEGIN

    async def close(self) -> None:
        """End every process of the run."""
        self.closing = True
        for thawing in self._thawing:
            thawing.cancel()
        await asyncio.gather(*self._thawing, return_exceptions=True)
        for life in (*self._others, *([self.life] if self.life else [])):
            await life.kill()

    @property
    def waiting(self) -> int:
        """How many stand still who will go on."""
        return sum(not task.done() for task in self._thawing)


async def _first(*events: asyncio.Event) -> None:
    """Until one of them happened."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def conduct(world: World, nursery: Nursery, store: Books, sites: Sites) -> Verdict:
    """Play the run and judge it."""
    script = world.script
    begins = [one for one in script.deaths if one.phase is Phase.BEGIN]
    ends = [one for one in script.deaths if one.phase is Phase.END]
    conductor = Conductor(world, nursery, store, [*begins, *ends])
    play = Play(world, conductor, store, sites)
    conductor.player = player = asyncio.create_task(play.perform(), name=f"play {script.number}")
    running = asyncio.create_task(conductor.run(), name=f"run {script.number}")
    try:
        await asyncio.wait([player])
    finally:
        await conductor.close()
        player.cancel()
        await asyncio.wait([running, player], timeout=_ENDS_WITHIN)
        running.cancel()
        await asyncio.gather(running, player, return_exceptions=True)
    if not conductor.failed:
        player.result()
    if running.done() and not running.cancelled():
        running.result()
    ledger = await store.read()
    verdict = judge(world, ledger, play.possible, play.late)
    verdict.broken += [conductor.failed] if conductor.failed else []
    verdict.counts.add(conductor.counts)
    verdict.counts.ambiguous = sum(max(0, row.attempts - 1) for row in ledger.rows)
    return verdict


@dataclass
class Play:
    """What happens outside the daemon in one run, and what did not come in time."""

    world: World
    conductor: Conductor
    store: Books
    sites: Sites
    late: list[str] = field(default_factory=list)
    possible: dict[str, int] = field(default_factory=dict)

    async def perform(self) -> None:
        """From the failure of the sites to the rest after their recovery."""
        world, kind, targets = self.world, self.world.script.kind, self.world.script.targets
        self.sites.down.update(targets)
        world.enter(Phase.BEGIN)
        if kind is Kind.FALLBACK:
            await self._until(lambda: books.unheard(world, "ops"), "the fallback")
            world.pagerduty.faults.clear()
        await self._until(lambda: books.unheard(world), "the pages")
        if kind in (Kind.ACKNOWLEDGEMENT, Kind.ROUNDS):
            await self._acknowledge()
        if kind is Kind.ROUNDS:
            await self._until(lambda: books.unrepeated(world), "the second round")
        await self.conductor.finish(Phase.BEGIN)
        self.sites.down.difference_update(targets)
        world.enter(Phase.END)
        await self._until(lambda: books.unended(world), "the ends")
        await self.conductor.finish(Phase.END)
        await self._until(lambda: self.conductor.waiting, "the one that stood still")
        await self._until_read(self._unrest, "the store at rest")
        await asyncio.sleep(AFTERWARDS)
        await self._until_read(self._uncounted, "the metric that shows what the store counted")

    async def _until(self, left: Callable[[], int], what: str) -> None:
        async def read() -> int:
            return left()

        await self._until_read(read, what, pause=0.03)

    async def _until_read(self, left: Callable[[], Awaitable[int]], what: str, pause: float = 0.1) -> None:
        """Wait until nothing is left; every step on the way, and every life, has its own time for it."""
        loop, reached, looks, deadline = asyncio.get_running_loop(), (-1, 0), 0, 0.0
        while remain := await left():
            if self.conductor.lives > reached[0] or remain < reached[1]:
                reached, looks = (self.conductor.lives, remain), self._looks()
                deadline = loop.time() + PATIENCE
            seen = self._looks() - looks
            if seen > LOOKS or loop.time() > deadline:
                self.late.append(f"{what}, nothing more in {seen} looks at the sites")
                self.world.note(f"too late: {what}; {books.missing(self.world)}")
                return
            await asyncio.sleep(pause)
        self.world.note(f"there: {what}")

    def _looks(self) -> int:
        """How often every site of the run was looked at."""
        return min(self.sites.looks[target] for target in self.world.script.targets)

    async def _unrest(self) -> int:
        return (await self.store.read()).unrest

    async def _uncounted(self) -> int:
        """Take in the daemon's own count as Prometheus would read it; how many channels differ from the store."""
        text = await _asked(self.world.url(self.conductor.worker) + "/metrics") or ""
        self.possible = {channel: round(float(value)) for channel, value in _COUNTED.findall(text)}
        counted = (await self.store.read()).counted
        if not self.possible:
            return 1 + len(counted)
        return sum(self.possible.get(name, 0) != count for name, count in counted.items())

    async def _acknowledge(self) -> None:
        """Somebody takes every incident in hand, and asks again while the daemon is away."""
        taken: set[str] = set()

        async def untaken() -> int:
            await self._take(taken)
            return max(0, len(self.world.script.targets) - len(taken))

        await self._until_read(untaken, "the acknowledgement", pause=0.05)
        if self.world.script.kind is Kind.ROUNDS:
            return  # it may have run out by now
        await self._until(lambda: books.unheld(self.world), "acknowledged at the pager")

    async def _take(self, taken: set[str]) -> None:
        listed = await self._ask("GET", "/api/v1/incidents")
        for incident in (listed or {}).get("incidents", ()):
            path = f"/api/v1/incidents/{incident['id']}/acknowledge"
            known = incident["id"] in taken or not books.about(self.world, orjson.dumps(incident).decode())
            if not known and await self._ask("POST", path, {"by": "ana", "via": "cli"}) is not None:
                taken.add(incident["id"])

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await _asked(self.world.url(self.conductor.worker) + path, method, body)
        return None if answer is None else orjson.loads(answer)


_COUNTED = re.compile(r'^watchtower_possible_duplicates_total\{channel="(\w+)"\} (\S+)$', re.MULTILINE)


async def _asked(url: str, method: str = "GET", body: Any = None) -> str | None:
    """The answer's text, or None: the daemon may be away."""
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.request(method, url, json=body) as answer:
            return await answer.text() if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError):
        return None
