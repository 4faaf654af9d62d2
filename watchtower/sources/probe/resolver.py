"""Name lookups on threads of our own.

``getaddrinfo`` cannot be cancelled, and the loop's default pool is shared by everything: a few names whose
resolver hangs would stop all other lookups there (https://github.com/python/cpython/issues/112169). Here each
name has at most one lookup in flight, and threads are daemons, so that a hanging one does not hold the exit. A lookup
that hangs leaves the threads of all others, and so does its name until it answers at once again.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from watchtower.model import TroubleReason
from watchtower.sources.probe.result import Down, Family, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Lookups at a time; names whose resolver hangs hold a thread each until the resolver gives up (glibc: 10 s and more).
THREADS = 32
#: The same for names that hung at their last lookup, and those that hang now.
SLOW_THREADS = 64
#: Real seconds after which a lookup hangs, and names that are remembered for it.
PATIENCE, SLOW_NAMES = 1.0, 10_000

_NO_NAME = {socket.EAI_NONAME: "name not found"}
_NO_NAME[getattr(socket, "EAI_NODATA", socket.EAI_NONAME)] = "name not found"
_NO_NAME[getattr(socket, "EAI_ADDRFAMILY", socket.EAI_NONAME)] = "name not found"


class Resolver(Protocol):
    """How a prober finds addresses; a test's own resolver stands here."""

    async def resolve(self, host: str, begun: Callable[[], None]) -> Sequence[str]:
        """The IP addresses of a name, at least one; raises Down when it has none, Unknown when nobody looked.

        ``begun`` is called when the lookup begins after a wait for a thread of ours.
        """
        ...

    def waits(self, host: str) -> bool:
        """Whether the lookup of this name still waits for a thread of ours."""
        ...


def system_lookup(host: str) -> list[str]:
    """Addresses from the machine's own resolver, in its order; blocks."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(eq=False, slots=True)
class _Lane:
    """Threads of their own; ``open`` lookups wait for them or hold them."""

    limit: int
    threads: int = 0
    open: int = 0
    jobs: SimpleQueue[_Lookup | None] = field(default_factory=SimpleQueue)


@dataclass(eq=False, slots=True)
class _Lookup:
    host: str
    lane: _Lane
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Sequence[str] | Exception]
    queued: asyncio.Future[None] | None = None
    begun: bool = False
    over: bool = False
    alarm: asyncio.TimerHandle | None = None


class ThreadedResolver:
    """A bounded pool of daemon threads that call a blocking lookup; nothing is cached beyond the lookup itself."""

    def __init__(
        self,
        lookup: Callable[[str], Sequence[str]] = system_lookup,
        *,
        threads: int = THREADS,
        slow_threads: int = SLOW_THREADS,
        patience: float = PATIENCE,
    ) -> None:
        self._lookup = lookup
        self._patience = patience
        self._healthy, self._slow = _Lane(threads), _Lane(slow_threads)
        self._hung: dict[str, None] = {}
        self._in_flight: dict[str, _Lookup] = {}
        self._lock = threading.Lock()

    async def resolve(self, host: str, begun: Callable[[], None] = lambda: None) -> Sequence[str]:
        """The addresses of a name; whoever asks for a name in flight gets that lookup's answer."""
        if is_address(host):
            return (host,)  # needs no thread, and waits for none that hangs
        job = self._in_flight.get(host) or self._submit(host)
        if job.queued is not None and not job.queued.done():
            await asyncio.shield(job.queued)
            begun()
        answer = await asyncio.shield(job.done)
        if isinstance(answer, Exception):
            raise _judged(answer)
        return answer

    def waits(self, host: str) -> bool:
        """Whether all threads are taken by other names."""
        job = self._in_flight.get(host)
        return job is not None and not job.begun

    def close(self) -> None:
        """Let idle threads end; one that hangs ends with its lookup or with the process."""
        for job in self._in_flight.values():
            if job.alarm is not None:
                job.alarm.cancel()
        for lane in (self._healthy, self._slow):
            for _ in range(lane.threads):
                lane.jobs.put(None)
            lane.threads = 0

    def _submit(self, host: str) -> _Lookup:
        loop = asyncio.get_running_loop()
        lane = self._slow if host in self._hung else self._healthy
        job = self._in_flight[host] = _Lookup(host, lane, loop, loop.create_future())
        lane.open += 1
        if lane.open > lane.limit:
            job.queued = loop.create_future()
        else:
            self._watch(job)
        self._staff(lane)
        lane.jobs.put(job)
        return job

    def _staff(self, lane: _Lane) -> None:
        """One thread more, where there is work and room for it."""
        if lane.threads < min(lane.open, lane.limit):
            lane.threads += 1
            threading.Thread(target=self._work, args=(lane,), name="resolve", daemon=True).start()

    def _watch(self, job: _Lookup) -> None:
        job.alarm = job.loop.call_later(self._patience, self._hangs, job)

    def _hangs(self, job: _Lookup) -> None:
        """Take the lookup and its thread out of the others' way, and put another thread in its place."""
        while len(self._hung) >= SLOW_NAMES:
            del self._hung[next(iter(self._hung))]
        self._hung[job.host] = None
        with self._lock:
            if job.over or job.lane is self._slow or self._slow.threads >= self._slow.limit:
                return
            job.lane = self._slow
        self._slow.open, self._slow.threads = self._slow.open + 1, self._slow.threads + 1
        self._healthy.open, self._healthy.threads = self._healthy.open - 1, self._healthy.threads - 1
        self._staff(self._healthy)

    def _work(self, lane: _Lane) -> None:
        while (job := lane.jobs.get()) is not None:
            job.begun = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                if job.queued is not None:
                    job.loop.call_soon_threadsafe(self._begins, job, job.queued)
                answer = self._look(job.host)
                with self._lock:
                    job.over, lane = True, job.lane
                job.loop.call_soon_threadsafe(self._finish, job, answer)

    def _begins(self, job: _Lookup, queued: asyncio.Future[None]) -> None:
        queued.set_result(None)
        if not job.over:
            self._watch(job)

    def _look(self, host: str) -> Sequence[str] | Exception:
        try:
            return self._lookup(host)
        except (OSError, ValueError) as error:
            return error

    def _finish(self, job: _Lookup, answer: Sequence[str] | Exception) -> None:
        del self._in_flight[job.host]
        job.lane.open -= 1
        if job.alarm is not None:
            job.alarm.cancel()
        if job.alarm is None or job.loop.time() < job.alarm.when():
            self._hung.pop(job.host, None)
        job.done.set_result(answer)


def _judged(error: Exception) -> Exception:
    if isinstance(error, ValueError):  # longer than DNS allows, or an empty label
        return Down("name not found: it is no valid host name")
    if _short_of_sockets():
        return Unknown(TroubleReason.INTERNAL, "a name lookup found no free socket")
    number = error.errno if isinstance(error, OSError) else None
    return Down(_NO_NAME.get(number or 0, f"name lookup failed ({_words(error)})"))


def _short_of_sockets() -> bool:
    """Whether we cannot open one ourselves: the C library then says that the name does not exist."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError:
        return True
    return False


def _words(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return (text or str(error)).lower()


def is_address(host: str) -> bool:
    """Whether this is an IP address already."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return False
    return True


def choose(addresses: Sequence[str], family: Family | None = None) -> str:
    """The one address that is probed: the first of the family, else the first of IPv4, else of IPv6."""
    if family is None:
        return next((address for address in addresses if ":" not in address), addresses[0])
    found = next((address for address in addresses if (":" in address) == (family is Family.IPV6)), None)
    if found is None:
        raise Down(f"the name has no {family.words} address")
    return found
