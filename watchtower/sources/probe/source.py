"""The probe source: plans units, runs each distinct probe once, and answers every rule from its memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from watchtower.clock import epoch
from watchtower.errors import SourceError
from watchtower.model import Answer, Labels, Observation, PollResult, Trouble, TroubleReason, Truth, stable_hash
from watchtower.sources.probe.deadline import within
from watchtower.sources.probe.http import HttpProber
from watchtower.sources.probe.memory import decode, encode, entry_of, remember
from watchtower.sources.probe.plan import units_of, wishes_of
from watchtower.sources.probe.resolver import ThreadedResolver
from watchtower.sources.probe.result import Result
from watchtower.sources.probe.samples import samples_of
from watchtower.sources.probe.tls import remaining, system_policy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from watchtower.clock import Clock
    from watchtower.model import Sample
    from watchtower.sources.base import Ask, Place, Poll, Unit
    from watchtower.sources.probe.http import HttpProbe
    from watchtower.sources.probe.memory import Entry, Memory
    from watchtower.sources.probe.plan import Wish
    from watchtower.sources.probe.resolver import Resolver
    from watchtower.sources.probe.tls import TlsPolicy

_DAY = 86_400

_BUSY = Result(
    success=None,
    reason="cannot probe: too many probes at a time",
    trouble=TroubleReason.TIMEOUT,
)


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """``concurrent``: probes in flight, over all units. ``spread``: seconds over which a unit's probes start."""

    concurrent: int = 256
    spread: float = 2.0


class ProbeSource:
    """Probes over HTTP; keeps nothing between polls but idle resolver threads and TLS contexts."""

    name = "probe"

    def __init__(
        self,
        clock: Clock,
        limits: ProbeLimits | None = None,
        *,
        resolver: Resolver | None = None,
        tls: TlsPolicy | None = None,
    ) -> None:
        self._clock = clock
        self._limits = limits or ProbeLimits()
        self._threads = ThreadedResolver()
        self._prober = HttpProber(clock, resolver or self._threads, tls or system_policy())
        self._slots = asyncio.Semaphore(self._limits.concurrent)

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:  # noqa: ARG002 - probes have no place
        """Units of about twenty targets by interval; where the accounts are does not matter."""
        return units_of(asks)

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """Whether this unit probes the identity's target for this rule."""
        target = identity.get("target")
        mine = (ask for ask in unit.asks if ask.rule == rule)
        return any(target == asked.target for ask in mine for asked in ask.query.all_targets)

    async def poll(self, poll: Poll) -> PollResult:
        """Probe every distinct target once and answer all asks; raises SourceError when nothing could be probed."""
        wishes = {ask.rule: wishes_of(ask.query) for ask in poll.unit.asks}
        probes = {wish.probe.key: wish.probe for wish in chain.from_iterable(wishes.values())}
        results = await self._run(probes, poll.unit.period)
        troubles = _troubles(results)
        if results and all(result.success is None for result in results.values()):
            raise SourceError(troubles[0].reason, troubles[0].detail)
        memory = self._remembered(poll, results)
        answers = tuple(
            Answer(
                ask.rule,
                tuple(_observation(ask, wish, results[wish.probe.key], memory, poll) for wish in wishes[ask.rule]),
            )
            for ask in poll.unit.asks
        )
        return PollResult(answers, encode(memory), troubles, _samples(wishes, results, poll))

    async def close(self) -> None:
        """Let the resolver's threads end."""
        self._threads.close()

    async def _run(self, probes: Mapping[str, HttpProbe], period: int) -> dict[str, Result]:
        """Start the probes spread over a moment; none begins too late to end within the period."""
        begun = self._clock.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = {
                key: group.create_task(self._one(probe, begun, period), name=f"probe {probe.url}")
                for key, probe in probes.items()
            }
        return {key: task.result() for key, task in tasks.items()}

    async def _one(self, probe: HttpProbe, begun: float, period: int) -> Result:
        room = period - probe.timeout
        start = begun + _fraction(probe.key) * min(period / 4, self._limits.spread, room)
        if (pause := start - self._clock.monotonic()) > 0:
            await self._clock.sleep(pause)
        if not await self._admitted(begun + room - self._clock.monotonic()):
            return _BUSY
        try:
            return await self._prober.probe(probe)
        finally:
            self._slots.release()

    async def _admitted(self, patience: float) -> bool:
        """Wait for a free place; the wait is outside of every measured time."""
        if not self._slots.locked():
            return await self._slots.acquire()
        try:
            return await within(self._clock, patience, self._slots.acquire())
        except TimeoutError:
            return False

    def _remembered(self, poll: Poll, results: Mapping[str, Result]) -> Memory:
        now = epoch(self._clock.now())
        slot = _slot(poll)
        fresh: dict[str, Entry] = {
            key: entry_of(slot, result, now) for key, result in results.items() if result.success is not None
        }
        slots = max(ask.slots for ask in poll.unit.asks)
        return remember(decode(poll.memory), fresh, results, slot - (slots - 1) * poll.unit.period)


def _slot(poll: Poll) -> int:
    """The start of the slot that ends at the tick, on the unit's own grid."""
    unit = poll.unit
    return poll.tick - unit.period - (poll.tick - unit.offset) % unit.period


def _fraction(key: str) -> float:
    return int(stable_hash("spread", key), 16) / 2**64


def _observation(ask: Ask, wish: Wish, result: Result, memory: Memory, poll: Poll) -> Observation:
    since = _slot(poll) - (ask.slots - 1) * ask.period
    entries = (entry for entry in memory.get(wish.probe.key, ()) if entry.slot >= since)
    points = tuple((entry.slot, value) for entry in entries if (value := entry.value(ask.query.value)) is not None)
    return Observation(
        identity=Labels({"target": wish.target.target, "kind": "http"}),
        points=points,
        truth=_truth(result, points),
        context=_context(wish, result),
        reason=_reason(ask, result, points),
    )


def _reason(ask: Ask, result: Result, points: tuple[tuple[int, float], ...]) -> str:
    """What explains the value that the rule looks at: days are explained by the certificate, not by its refusal."""
    if ask.query.value == "certificate_days" and result.expires is not None and points:
        return remaining(points[-1][1] * _DAY)
    return result.reason


def _truth(result: Result, points: tuple[tuple[int, float], ...]) -> Truth:
    if result.success is None:
        return Truth.NOT_FETCHED
    return Truth.VALUE if points else Truth.NO_DATA


def _context(wish: Wish, result: Result) -> Labels:
    seen = {"phase": result.phase, "address": result.address}
    return Labels(dict(wish.target.labels)).merged({name: value for name, value in seen.items() if value})


def _troubles(results: Mapping[str, Result]) -> tuple[Trouble, ...]:
    """One for each cause, however many targets it touched."""
    causes = {result.reason: result.trouble for result in results.values() if result.trouble is not None}
    return tuple(Trouble("probe", "", "", kind, detail) for detail, kind in causes.items())


def _samples(wishes: Mapping[str, list[Wish]], results: Mapping[str, Result], poll: Poll) -> tuple[Sample, ...]:
    """One set by distinct probe that is known."""
    probes: dict[str, dict[str, str]] = {}
    for rule in sorted(wishes):
        for wish in wishes[rule]:
            probes.setdefault(wish.probe.key, _series(wish, rule, poll.unit.shared))
    known = ((labels, results[key]) for key, labels in probes.items() if results[key].success is not None)
    return tuple(chain.from_iterable(samples_of(labels, result, _slot(poll)) for labels, result in known))


def _series(wish: Wish, rule: str, shared: Collection[str]) -> dict[str, str]:
    """The labels of a probe's series; where a target is probed in several ways, one must not hide another's failure."""
    labels = {"target": wish.target.target}
    return {**labels, "url": wish.probe.url, "rule": rule} if wish.target.target in shared else labels
