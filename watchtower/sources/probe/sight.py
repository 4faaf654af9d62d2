"""Whether the prober can see: canaries on several paths, asked again at the moment a target fails.

A canary votes once it has ever worked, so that what an isolated network never reaches says nothing. When most of those
that vote do not answer, the prober is blind: what it could not see is unknown, not down.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from watchtower.matchers import matches_all, parse_matchers
from watchtower.model import TroubleReason, stable_hash
from watchtower.sources.probe.config import ProbesConfig, default_canaries
from watchtower.sources.probe.prober import Probe

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from watchtower.clock import Clock
    from watchtower.matchers import Matcher
    from watchtower.sources.probe.config import Canary
    from watchtower.sources.probe.prober import Prober
    from watchtower.sources.probe.result import Result

#: Seconds from the beginning of a look to that of the next: targets that are down for long must not press the canaries.
APART = 0.5
#: Seconds between two looks while all is well: a canary must have worked before it may vote.
ACQUAINTED = 600.0
#: The scope of a target that no other takes.
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Scope:
    """A network path with its canaries; ``matchers`` choose its targets, none choose all that are left."""

    name: str
    canaries: Mapping[str, Probe]
    matchers: tuple[Matcher, ...] = ()

    @property
    def own(self) -> bool:
        """Whether somebody said which targets these canaries speak for."""
        return bool(self.matchers)


@dataclass(frozen=True, slots=True)
class Look:
    """What came of one look: by canary why it did not answer, empty when it did; ``voters`` may vote."""

    scope: Scope
    answers: Mapping[str, str]
    voters: frozenset[str]

    @property
    def down(self) -> list[str]:
        """The voters that did not answer."""
        return sorted(name for name in self.voters if self.answers[name])

    def blind(self, *, wholly: bool) -> bool:
        """Whether most voters are down; ``wholly``: whether all are."""
        down = len(self.down)
        return down > 0 and (down == len(self.voters) if wholly else 2 * down > len(self.voters))

    @property
    def words(self) -> str:
        """For people."""
        told = ", ".join(f"{name}: {self.answers[name]}" for name in self.down)
        where = f" of scope {self.scope.name}" if self.scope.own else ""
        return f"prober blind: {len(self.down)} of {len(self.voters)} canaries{where} do not answer ({told})"


def scopes_of(config: ProbesConfig, region: str) -> tuple[Scope, ...]:
    """The scopes in their order, the default one last."""
    given = default_canaries(region) if config.canaries is None else config.canaries
    own = (Scope(name, _probes(one.canaries), parse_matchers(one.match)) for name, one in config.scopes.items())
    return (*own, Scope(DEFAULT, _probes(given)))


def _probes(canaries: Sequence[Canary]) -> Mapping[str, Probe]:
    return {canary.name: _probe(canary) for canary in canaries}


def _probe(canary: Canary) -> Probe:
    kind, target = canary.kind, canary.target
    key = stable_hash("canary", kind.kind, target.target, kind.definition(target))
    return Probe(key, kind.kind, kind.job(target), canary.timeout)


@dataclass(slots=True)
class _Flights:
    """The looks of a scope: when the newest began (monotonic), that one, and the one that is still to begin."""

    begun: float | None = None
    newest: asyncio.Task[Look] | None = None
    coming: asyncio.Task[Look] | None = None


class Sight:
    """Looks at canaries and judges failures by them; one look serves all failures that came before it began."""

    def __init__(self, clock: Clock, prober: Prober, scopes: Sequence[Scope]) -> None:
        self._clock = clock
        self._prober = prober
        self._scopes = tuple(scopes)
        self._keys = frozenset(probe.key for scope in scopes for probe in scope.canaries.values())
        self._worked: set[str] = set()
        self._flights: dict[str, _Flights] = {}
        self._blind_at: dict[tuple[str, bool], Look] = {}
        self._blind_seen: dict[tuple[str, bool], float] = {}
        self._tasks: set[asyncio.Task[Look]] = set()

    def recall(self, worked: Collection[str]) -> None:
        """Learn from a memory which canaries have ever worked: a restart in the dark must not take their votes."""
        self._worked.update(self._keys.intersection(worked))

    @property
    def worked(self) -> frozenset[str]:
        """The keys of the canaries that have ever worked, to be remembered."""
        return frozenset(self._worked)

    def scope_of(self, labels: Mapping[str, str]) -> Scope | None:
        """The scope of a target with these labels; None when no canary speaks for it."""
        found = next((scope for scope in self._scopes if matches_all(scope.matchers, labels)), None)
        return found if found is not None and found.canaries else None

    async def judge(self, result: Result, scope: Scope | None, begun: float) -> Result:
        """The result, unknown when the prober was blind at any time since ``begun`` (monotonic seconds)."""
        if result.success or scope is None or (not scope.own and is_loopback(result.address)):
            return result
        look = await self._look(scope)
        wholly = not scope.own and _is_private(result.address)
        blind = self._blinded(look, begun, wholly=wholly)
        if blind is None:
            return result
        # Nothing that was seen in the dark is said of the target.
        return replace(result, success=None, trouble=TroubleReason.BLIND, reason=blind.words, phase="", duration=None)

    def _blinded(self, look: Look, begun: float, *, wholly: bool) -> Look | None:
        """The look that shows blindness: this one, or one since the probe began, which spent its time in the dark."""
        place = look.scope.name, wholly
        if look.blind(wholly=wholly):
            self._blind_at[place], self._blind_seen[place] = look, self._clock.monotonic()
            return look
        return self._blind_at[place] if self._blind_seen.get(place, -1.0) >= begun else None

    async def acquaint(self, scopes: Collection[Scope]) -> None:
        """Look at canaries that nobody looked at for long, so that it is known which work."""
        now = self._clock.monotonic()
        known = ((scope, self._flights_of(scope).begun) for scope in scopes)
        old = [scope for scope, begun in known if begun is None or now - begun > ACQUAINTED]
        await asyncio.gather(*(self._look(scope) for scope in old))

    def _flights_of(self, scope: Scope) -> _Flights:
        return self._flights.setdefault(scope.name, _Flights())

    async def _look(self, scope: Scope) -> Look:
        """The next look to begin: one that is on its way began before what is judged, perhaps while all was well."""
        flights = self._flights_of(scope)
        if flights.coming is None:
            flights.coming = asyncio.create_task(self._next(scope, flights), name=f"canaries {scope.name}")
            self._tasks.add(flights.coming)
            flights.coming.add_done_callback(self._tasks.discard)
        return await asyncio.shield(flights.coming)

    async def _next(self, scope: Scope, flights: _Flights) -> Look:
        if flights.newest is not None:
            await asyncio.wait([flights.newest])
        if flights.begun is not None and (pause := flights.begun + APART - self._clock.monotonic()) > 0:
            await self._clock.sleep(pause)
        flights.begun, flights.newest, flights.coming = self._clock.monotonic(), flights.coming, None
        return await self._ask(scope)

    async def _ask(self, scope: Scope) -> Look:
        results = await asyncio.gather(*(self._prober.probe(probe) for probe in scope.canaries.values()))
        answers = dict(zip(scope.canaries, results, strict=True))
        self._worked.update(scope.canaries[name].key for name, result in answers.items() if result.success)
        voters = frozenset(name for name, probe in scope.canaries.items() if probe.key in self._worked)
        said = {name: "" if result.success else result.reason for name, result in answers.items()}
        return Look(scope, said, voters)

    async def close(self) -> None:
        """End looks that are on their way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def is_loopback(address: str) -> bool:
    """Whether it is this machine itself, which is reached without any network."""
    return bool(address) and ip_address(address).is_loopback


def _is_private(address: str) -> bool:
    """Whether it is reached without the way out, so that the canaries beyond it say little."""
    return bool(address) and ip_address(address).is_private
