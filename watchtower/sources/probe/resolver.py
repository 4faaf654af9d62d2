"""Name lookups on threads of our own.

``getaddrinfo`` cannot be cancelled, and the loop's default pool is shared by everything: a few names whose
resolver hangs would stop all other lookups there (https://github.com/python/cpython/issues/112169). Here each
name has at most one lookup in flight, and threads are daemons, so that a hanging one does not hold the exit.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from watchtower.model import TroubleReason
from watchtower.sources.probe.result import Down, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Lookups at a time; names whose resolver hangs hold a thread each until the resolver gives up (glibc: 10 s and more).
THREADS = 32

_NO_NAME = {socket.EAI_NONAME: "name not found"}
_NO_NAME[getattr(socket, "EAI_NODATA", socket.EAI_NONAME)] = "name not found"
_NO_NAME[getattr(socket, "EAI_ADDRFAMILY", socket.EAI_NONAME)] = "name not found"


class Resolver(Protocol):
    """How a prober finds addresses; a test's own resolver stands here."""

    async def resolve(self, host: str) -> Sequence[str]:
        """The IP addresses of a name, at least one; raises Down when it has none, Unknown when nobody looked."""
        ...

    def waits(self, host: str) -> bool:
        """Whether the lookup of this name still waits for a thread of ours."""
        ...


def system_lookup(host: str) -> list[str]:
    """Addresses from the machine's own resolver, in its order; blocks."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(eq=False, slots=True)
class _Lookup:
    host: str
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Sequence[str] | Exception]
    begun: bool = False


class ThreadedResolver:
    """A bounded pool of daemon threads that call a blocking lookup; nothing is cached beyond the lookup itself."""

    def __init__(self, lookup: Callable[[str], Sequence[str]] = system_lookup, *, threads: int = THREADS) -> None:
        self._lookup = lookup
        self._limit = threads
        self._threads = 0
        self._jobs: SimpleQueue[_Lookup | None] = SimpleQueue()
        self._in_flight: dict[str, _Lookup] = {}

    async def resolve(self, host: str) -> Sequence[str]:
        """The addresses of a name; whoever asks for a name in flight gets that lookup's answer."""
        job = self._in_flight.get(host) or self._submit(host)
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
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0

    def _submit(self, host: str) -> _Lookup:
        loop = asyncio.get_running_loop()
        job = self._in_flight[host] = _Lookup(host, loop, loop.create_future())
        if len(self._in_flight) > self._threads and self._threads < self._limit:
            self._threads += 1
            threading.Thread(target=self._work, name=f"resolve-{self._threads}", daemon=True).start()
        self._jobs.put(job)
        return job

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.begun = True
            answer = self._look(job.host)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                job.loop.call_soon_threadsafe(self._finish, job, answer)

    def _look(self, host: str) -> Sequence[str] | Exception:
        try:
            return self._lookup(host)
        except (OSError, ValueError) as error:
            return error

    def _finish(self, job: _Lookup, answer: Sequence[str] | Exception) -> None:
        del self._in_flight[job.host]
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


def choose(addresses: Sequence[str]) -> str:
    """The one address that is probed: the first of IPv4, else the first of IPv6."""
    return next((address for address in addresses if ":" not in address), addresses[0])
