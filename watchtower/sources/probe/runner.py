"""Runs the probes of one poll: spread over a moment, within limits, and honest about how late each began."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import structlog

from watchtower.model import TroubleReason, stable_hash
from watchtower.redaction import mistake
from watchtower.sources.probe.deadline import within
from watchtower.sources.probe.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.clock import Clock
    from watchtower.sources.probe.prober import Probe, Prober
    from watchtower.sources.probe.sight import Scope, Sight

log = structlog.get_logger("watchtower.probe")

_BUSY = Result(
    success=None,
    reason="cannot probe: too many probes at a time",
    trouble=TroubleReason.TIMEOUT,
)


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """``concurrent``: probes in flight, over all units. ``spread``: seconds over which a unit's probes start.

    ``per_target``: probes in flight at one target, whatever they ask of it.
    """

    concurrent: int = 256
    spread: float = 2.0
    per_target: int = 4


@dataclass(frozen=True, slots=True)
class Job:
    """A probe, whose it is, and whose canaries are asked when it fails."""

    probe: Probe
    target: str
    scope: Scope | None


@dataclass(frozen=True, slots=True)
class Run:
    """The results by key; ``lags`` are the seconds by which probes began late, ``missed`` those that never began."""

    results: Mapping[str, Result]
    lags: tuple[float, ...]
    missed: int


class Runner:
    """Shared by all units of a source, so that the limits are."""

    def __init__(self, clock: Clock, limits: ProbeLimits, prober: Prober, sight: Sight) -> None:
        self._clock = clock
        self._limits = limits
        self._prober = prober
        self._sight = sight
        self._slots = asyncio.Semaphore(limits.concurrent)
        self._targets: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def run(self, jobs: Mapping[str, Job], seconds: float) -> Run:
        """Run each once; none begins too late to end within so many seconds."""
        begun, lags = self._clock.monotonic(), list[float]()
        async with asyncio.TaskGroup() as group:
            tasks = {
                key: group.create_task(self._safely(job, begun, seconds, lags), name=f"probe {job.probe.job.shown}")
                for key, job in jobs.items()
            }
        results = {key: task.result() for key, task in tasks.items()}
        return Run(results, tuple(lags), sum(result is _BUSY for result in results.values()))

    async def _safely(self, job: Job, begun: float, seconds: float, lags: list[float]) -> Result:
        """The result; a mistake of ours with one probe must not end those of all others."""
        try:
            return await self._one(job, begun, seconds, lags)
        except Exception as error:
            log.exception("probe.failed", target=job.target)
            return Result(success=None, reason=mistake(error), trouble=TroubleReason.INTERNAL)

    async def _one(self, job: Job, begun: float, seconds: float, lags: list[float]) -> Result:
        room = seconds - job.probe.timeout
        start = begun + _fraction(job.probe.key) * min(seconds / 4, self._limits.spread, room)
        if (pause := start - self._clock.monotonic()) > 0:
            await self._clock.sleep(pause)
        places = self._targets.setdefault(job.target, asyncio.Semaphore(self._limits.per_target)), self._slots
        if not await self._admitted(places, begun + room):
            return _BUSY
        started = self._clock.monotonic()
        lags.append(max(0.0, started - start))
        try:
            result = await self._prober.probe(job.probe)
        finally:
            for place in places:
                place.release()
        return await self._sight.judge(result, job.scope, started)

    async def _admitted(self, places: tuple[asyncio.Semaphore, ...], until: float) -> bool:
        """Wait for a free place in each, the target's own first; the wait is outside of every measured time."""
        held: list[asyncio.Semaphore] = []
        for place in places:
            if not await self._admitted_to(place, until - self._clock.monotonic()):
                for other in held:
                    other.release()
                return False
            held.append(place)
        return True

    async def _admitted_to(self, place: asyncio.Semaphore, patience: float) -> bool:
        if not place.locked():
            return await place.acquire()
        try:
            return await within(self._clock, patience, place.acquire())
        except TimeoutError:
            return False


def _fraction(key: str) -> float:
    return int(stable_hash("spread", key), 16) / 2**64
