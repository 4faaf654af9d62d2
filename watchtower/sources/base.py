"""What every source is: a query model, a plan into work units, and a poll.

A source never sees the store and keeps nothing it could not lose, except ``memory``: a blob that is handed to
its next poll and committed together with the tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from watchtower.yamlfile import Whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from watchtower.graphspec import GraphQuery
    from watchtower.model import Labels, PollResult, Priority


class Query(Whole):
    """The part of a rule under its source key, as that source reads it."""

    #: identity label names an alert of this query carries, besides dynamic ones (dimensions)
    source: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Ask:
    """One rule's wish of a source.

    ``slots`` is the evaluation range: how many datapoints the evaluation looks at. ``accounts`` and ``regions``
    are what the rule narrows itself to; empty means all that are configured. ``step`` is the seconds between two
    evaluations where that is not the period: the window slides.
    """

    rule: str
    query: Any
    period: int
    slots: int
    priority: Priority
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    step: int = 0

    @property
    def every(self) -> int:
        """Seconds between two evaluations."""
        return self.step or self.period


@dataclass(frozen=True, slots=True)
class Place:
    """One account in one region that the configuration names."""

    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A work unit: what one worker polls at once, on the grid ``offset + k * every`` (epoch seconds).

    The tick at T is due at T + ``delay`` seconds: by then AWS has published what belongs before T.
    ``id`` is stable as long as source, place, period and bucket are; ``fingerprint`` changes with the asks.
    ``period`` is that of the datapoints; ``step`` is the seconds between two ticks where they are others: the slots of
    a tick end at the tick, so that the window slides. ``shared`` are targets that the plan probes in several
    ways. ``of`` is among how many units the targets are shared out by their hash, where the source does that.
    """

    id: str
    source: str
    account: str
    region: str
    period: int
    offset: int
    delay: int
    asks: tuple[Ask, ...]
    fingerprint: str
    step: int = 0
    shared: frozenset[str] = frozenset()
    of: int = 0

    @property
    def every(self) -> int:
        """Seconds between two ticks."""
        return self.step or self.period

    def covers(self, rule: str, identity: Labels) -> bool:
        """Whether it has the rule, and the identity is of its account and region."""
        at_home = identity.get("account") == self.account and identity.get("region") == self.region
        return at_home and any(ask.rule == rule for ask in self.asks)


@dataclass(frozen=True, slots=True)
class Received:
    """The newest of its kind that came in about a target: a ping, or somebody's word; ``text`` is redacted."""

    target: str
    kind: str
    at: datetime
    text: str = ""


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll of one unit: everything before ``tick`` (epoch seconds, exclusive) is asked for.

    ``received`` is what came in by itself for a source that listens. ``told_at``: AWS said then that something happened
    here, so a listing from before is not the newest.
    """

    unit: Unit
    tick: int
    memory: bytes | None
    now: datetime
    received: tuple[Received, ...] = ()
    told_at: datetime | None = None


class Source(Protocol):
    """What the engine calls. ``plan`` and ``owns`` are pure; ``poll`` talks to the world."""

    name: str

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        """Cut the asks into work units."""
        ...

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """Whether a series of this rule with these identity labels belongs to this unit."""
        ...

    async def poll(self, poll: Poll) -> PollResult:
        """Answer every ask of the unit; raises SourceError when nothing at all could be answered."""
        ...

    async def close(self) -> None:
        """Give back sessions and sockets."""
        ...


@runtime_checkable
class Mover(Protocol):
    """A source whose series may belong to another unit after a change of the plan, with what is known of them."""

    def moved(self, units: Sequence[Unit], memories: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """The new memories of those units of a new plan that take something over; pure.

        ``memories`` are those of all units of the source as they are stored, by id: also of units that are gone.
        """
        ...


@runtime_checkable
class Listener(Protocol):
    """A source that is told something, besides what it asks."""

    def hears(self, unit: Unit) -> bool:
        """Whether a poll of this unit wants what was received for its source."""
        ...


@runtime_checkable
class Witness(Protocol):
    """A source that can show what is behind an alert, where that costs calls which only an alert is worth."""

    async def evidence(self, unit: Unit, rule: str, identity: Labels, since: int, until: int) -> tuple[str, ...]:
        """Lines for people, redacted, from ``since`` until ``until`` (epoch seconds); raises SourceError."""
        ...


@runtime_checkable
class Charted(Protocol):
    """A source that can be asked again, later, for the past of a series that it answered with."""

    def chart(self, unit: Unit, ask: Ask, identity: Labels) -> GraphQuery | None:
        """Where that is asked for; None when it cannot be had. Pure."""
        ...
