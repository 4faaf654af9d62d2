"""Sources that look at resources: one value for each resource and look, kept slot by slot.

A reader looks once for all rules of a place, and judges what it saw for each rule; everything else that such a source
needs is here: earlier slots, resources that are gone, and those that were not seen.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from watchtower.clock import epoch
from watchtower.errors import SourceError
from watchtower.inventory.steady import judge as believe
from watchtower.model import EMPTY, Answer, Labels, Observation, PollResult, Sample, Trouble, TroubleReason, Truth
from watchtower.sources.cloudwatch.naming import RULE_HELP, RULE_VALUE, rule_labels
from watchtower.sources.cloudwatch.plan import ask_hash, plan_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from watchtower.aws.config import AwsConfig
    from watchtower.sources.base import Ask, Place, Poll, Unit

F = TypeVar("F")

Points = tuple[tuple[int, float], ...]
#: A rule's resources, each with its values by slot.
Known = Mapping[str, Points]

_VERSION = 1
#: Resources that are remembered of one rule in one place.
MOST_RESOURCES = 5_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One resource as a look found it: its value now, or ``points`` where AWS itself keeps the earlier slots."""

    resource: str
    value: float = 0.0
    context: Labels = EMPTY
    reason: str = ""
    evidence: tuple[str, ...] = ()
    points: Points | None = None
    truth: Truth = Truth.VALUE


@dataclass(frozen=True, slots=True)
class Visit:
    """One look of one unit; ``own`` is what the reader wanted to remember of the look before."""

    poll: Poll
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account's name."""
        return self.poll.unit.account

    @property
    def region(self) -> str:
        """The region that is looked at."""
        return self.poll.unit.region

    @property
    def now(self) -> int:
        """Epoch seconds."""
        return int(epoch(self.poll.now))

    @property
    def queries(self) -> list[Any]:
        """What the rules ask."""
        return [ask.query for ask in self.poll.unit.asks]


@dataclass(frozen=True, slots=True)
class Unseen:
    """A part that a look could not see, and why: the resources named ``part/...``, or any where ``part`` is empty.

    ``kind`` is the reader's own word for what is missing of them.
    """

    cause: SourceError
    part: str = ""
    kind: str = ""

    def hides(self, resource: str) -> bool:
        """Whether the resource may be there all the same."""
        return not self.part or resource.startswith(f"{self.part}/")


@dataclass(frozen=True, slots=True)
class Look(Generic[F]):
    """What a look brought.

    ``unseen`` are the parts of it that are missing: resources of them that were known keep their state; the others are
    judged. ``troubles`` hide nothing: what they are about is among the facts, as not seen. ``complete`` false without
    any cause: nothing can be seen here, and that is no trouble.
    """

    facts: F
    own: Mapping[str, Any] = field(default_factory=dict)
    unseen: tuple[Unseen, ...] = ()
    troubles: tuple[SourceError, ...] = ()
    complete: bool = True
    billed: Mapping[str, int] = field(default_factory=dict)


class Reader(ABC, Generic[F]):
    """What a source adds to this module: ``look`` talks to AWS, the others are pure."""

    @abstractmethod
    async def look(self, visit: Visit) -> Look[F]:
        """Everything that the rules of a unit need; raises SourceError when nothing could be seen."""

    @abstractmethod
    def judge(self, ask: Ask, facts: F, now: int) -> Iterable[Seen]:
        """The resources of one rule."""

    def absent(self, query: Any, resource: str) -> Seen | None:  # noqa: ARG002
        """What a known resource is that is not seen: well, with a reason; None where it is gone."""
        return None

    def lacks(self, query: Any, unseen: Unseen) -> bool:  # noqa: ARG002
        """Whether a part that is missing is one that the rule asks for."""
        return True

    def counts(self, query: Any) -> bool:  # noqa: ARG002
        """Whether a value counts what happened since the last look, so that two looks at one slot add up."""
        return False


@dataclass(frozen=True, slots=True)
class RuleMemory:
    """What is known of one rule's resources.

    ``asked`` is the digest of what it asked; ``doubted``: the last look lost half of them.
    """

    asked: str = ""
    known: Known = field(default_factory=dict)
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept from look to look, ``own`` by the reader."""

    rules: Mapping[str, RuleMemory] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)


def encode(memory: Memory) -> bytes:
    """The blob of a memory, the same for equal memories."""
    rules = {rule: [one.asked, dict(one.known), one.doubted] for rule, one in memory.rules.items()}
    content = {"version": _VERSION, "rules": rules, "own": dict(memory.own)}
    return zlib.compress(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), level=1)


def decode(blob: bytes | None) -> Memory:
    """The memory of a blob; one that another version wrote is forgotten, which costs a streak and no alert."""
    try:
        content = orjson.loads(zlib.decompress(blob)) if blob else {}
        if content.get("version") != _VERSION:
            return Memory()
        return Memory({rule: _rule(*row) for rule, row in content["rules"].items()}, content["own"])
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def _rule(asked: str, known: Mapping[str, Any], doubted: bool) -> RuleMemory:
    points = {name: tuple((int(slot), float(value)) for slot, value in each) for name, each in known.items()}
    return RuleMemory(asked, points, doubted)


class SnapshotSource(Generic[F]):
    """A source made of a reader; see :class:`watchtower.sources.base.Source`."""

    def __init__(self, name: str, reader: Reader[F], config: AwsConfig) -> None:
        self.name = name
        self._reader = reader
        self._config = config

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        """One unit per account, region, period and publication delay."""
        return plan_units(asks, places, self._config, self.name)

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """A resource belongs to the unit of its account and region that has the rule."""
        return unit.covers(rule, identity)

    async def poll(self, poll: Poll) -> PollResult:
        """One look, judged for every rule; raises SourceError when nothing could be seen."""
        remembered = decode(poll.memory)
        visit = Visit(poll, remembered.own)
        look = await self._reader.look(visit)
        told = [self._told(ask, look, remembered, visit) for ask in poll.unit.asks]
        memory = encode(Memory({one.answer.rule: one.memory for one in told}, look.own))
        failed = (*(one.cause for one in look.unseen), *look.troubles)
        causes = [(TroubleReason(one.reason), one.detail) for one in failed]
        causes += [(TroubleReason.PARTIAL, one.doubt) for one in told if one.doubt]
        unit = poll.unit
        return PollResult(
            answers=tuple(one.answer for one in told),
            memory=memory if memory != poll.memory else None,
            troubles=tuple(dict.fromkeys(Trouble(self.name, unit.account, unit.region, *cause) for cause in causes)),
            samples=tuple(sample for one in told for sample in _samples(one.answer, poll)),
            billed=look.billed,
        )

    async def close(self) -> None:
        """Nothing of its own: the clients belong to whoever made them."""

    def _told(self, ask: Ask, look: Look[F], remembered: Memory, visit: Visit) -> Told:
        seen = {one.resource: one for one in self._reader.judge(ask, look.facts, visit.now)}
        before = remembered.rules.get(ask.rule, RuleMemory())
        unseen = tuple(one for one in look.unseen if self._reader.lacks(ask.query, one))
        telling = Telling(visit.poll, ask, before, self._reader.counts(ask.query), unseen)
        absent = {name: self._reader.absent(ask.query, name) for name in sorted(before.known.keys() - seen.keys())}
        return telling.tell(seen, absent, complete=look.complete)


@dataclass(frozen=True, slots=True)
class Told:
    """One rule's answer and what to remember of it; ``doubt`` says in words why fewer resources are not believed."""

    answer: Answer
    memory: RuleMemory
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Telling:
    """How one rule's look becomes its answer.

    ``before`` is what is known of the looks before, ``unseen`` what this one misses of what the rule asks for.
    """

    poll: Poll
    ask: Ask
    before: RuleMemory
    counts: bool
    unseen: tuple[Unseen, ...] = ()

    def tell(self, seen: Mapping[str, Seen], absent: Mapping[str, Seen | None], *, complete: bool) -> Told:
        """The answer; ``absent`` are the known resources that are not seen.

        1. What is seen has its value.
        2. What is known and not seen keeps its state where it is of a part that is missing. So does everything where
           half of all that could be seen is suddenly gone; a second look that says the same is believed.
        3. Else it is well where the reader says so, and gone where it does not.
        """
        asked = ask_hash(self.ask)
        hidden = self._hidden(absent)
        answered = {name: one for name, one in absent.items() if name not in hidden}
        gone = [name for name, one in answered.items() if one is None]
        doubt = self._doubt(gone, hidden) if asked == self.before.asked else ""
        if doubt:
            hidden |= dict.fromkeys(answered, SourceError(TroubleReason.PARTIAL, doubt))
            answered, gone = {}, []
        found = [self._observed(one) for one in (*seen.values(), *answered.values()) if one is not None]
        found += [self._held(name, cause) for name, cause in hidden.items()]
        known = {one.identity["resource"]: one.points for one in found[:MOST_RESOURCES]}
        known = {name: points or self.before.known.get(name, ()) for name, points in known.items()}
        complete = complete and not self.unseen and not doubt
        answer = Answer(self.ask.rule, tuple(found), complete, tuple(map(self._identity, gone)))
        return Told(answer, RuleMemory(asked, known, bool(doubt)), doubt)

    def _hidden(self, absent: Iterable[str]) -> dict[str, SourceError]:
        """Those that may be there all the same, each with the cause."""
        causes = ((name, next((one.cause for one in self.unseen if one.hides(name)), None)) for name in absent)
        return {name: cause for name, cause in causes if cause is not None}

    def _doubt(self, gone: Sequence[str], hidden: Mapping[str, SourceError]) -> str:
        """Why the look is not believed; empty where it is."""
        known = frozenset(self.before.known).difference(hidden)
        return believe(known, known.difference(gone), doubted=self.before.doubted).detail

    def _observed(self, seen: Seen) -> Observation:
        points = seen.points if seen.points is not None else self._points(seen)
        identity = self._identity(seen.resource)
        return Observation(identity, points, seen.truth, seen.context, seen.reason, evidence=seen.evidence)

    def _points(self, seen: Seen) -> Points:
        """The slots that the rule looks at, the newest one last."""
        newest, first = self.poll.tick - self.ask.period, self.poll.tick - self.ask.slots * self.ask.period
        before = self.before.known.get(seen.resource, ())
        counted = sum(value for slot, value in before if slot == newest) if self.counts else 0.0
        kept = tuple(point for point in before if first <= point[0] < newest)
        return (*kept, (newest, seen.value + counted))

    def _held(self, name: str, cause: SourceError) -> Observation:
        truth = Truth.FORBIDDEN if cause.reason == TroubleReason.FORBIDDEN else Truth.NOT_FETCHED
        return Observation(self._identity(name), (), truth, reason=cause.detail)

    def _identity(self, resource: str) -> Labels:
        unit = self.poll.unit
        return Labels([("account", unit.account), ("region", unit.region), ("resource", resource)])


def _samples(answer: Answer, poll: Poll) -> Iterator[Sample]:
    """The newest value of each resource, under the rule's name."""
    newest = poll.tick - poll.unit.period
    for one in answer.observations:
        if one.points and one.points[-1][0] == newest:
            labels = rule_labels(answer.rule, one.identity)
            yield Sample("watchtower", RULE_VALUE, labels, one.points[-1][1], newest, RULE_HELP)
