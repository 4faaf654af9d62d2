"""``ecr``: one value for each repository (or tag) and poll, what the scans of its images found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.clock import SystemClock
from watchtower.inventory.images import ImageInventory
from watchtower.inventory.paced import PacedCalls
from watchtower.model import Answer, Labels, Observation, PollResult, Sample, TroubleReason, Truth
from watchtower.sources.cloudwatch.naming import RULE_HELP, RULE_VALUE, rule_labels
from watchtower.sources.cloudwatch.plan import plan_units
from watchtower.sources.ecr.count import Verdict, given_up, judge
from watchtower.sources.ecr.look import NAME, look
from watchtower.sources.ecr.memory import Memory, decode, encode
from watchtower.sources.ecr.scans import Outcome, Scan
from watchtower.sources.vulnerabilities.home import number_of
from watchtower.sources.vulnerabilities.past import Slots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig
    from watchtower.clock import Clock
    from watchtower.inventory.images import Image
    from watchtower.sources.base import Ask, Place, Poll, Unit
    from watchtower.sources.ecr.choose import Choice
    from watchtower.sources.ecr.look import Look
    from watchtower.sources.vulnerabilities.past import Past


class EcrSource:
    """Counts findings of image scans; see :class:`watchtower.sources.base.Source`."""

    name = NAME

    def __init__(self, clients: AwsClients, config: AwsConfig, clock: Clock | None = None) -> None:
        self._clients = clients
        self._config = config
        self._calls = PacedCalls(clients, clock or SystemClock())
        self._inventory = ImageInventory(self._calls, clock or SystemClock(), config.discovery_interval)

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        """One unit per account, region and period; a scan is there at once."""
        return plan_units(asks, places, self._config, NAME)

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """A repository belongs to the unit of its account and region that has the rule."""
        return unit.covers(rule, identity)

    async def poll(self, poll: Poll) -> PollResult:
        """Look at the images and count; raises SourceError when no repository was ever listed."""
        before = decode(poll.memory)
        if before.repositories:
            self._inventory.seed(poll.unit.account, poll.unit.region, before.repositories)
        taken = await look(self._inventory, self._calls, poll, lambda: self._number(poll, before))
        waiting = _waiting(taken, before)
        counts = [_Count(taken, ask, before, waiting) for ask in poll.unit.asks]
        past = {one.ask.rule: one.past for one in counts}
        known = taken.repositories.items or frozenset()
        memory = encode(Memory(known, past, waiting, taken.number or before.number))
        return PollResult(
            answers=tuple(one.answer() for one in counts),
            memory=memory if memory != poll.memory else None,
            troubles=taken.troubles,
            samples=tuple(sample for one in counts for sample in one.samples()),
        )

    async def _number(self, poll: Poll, before: Memory) -> str:
        return await number_of(self._clients, poll.unit.account, before.number)

    async def close(self) -> None:
        """Nothing of its own: the clients belong to whoever made them."""


class _Count:
    """One rule's series at one poll: what was seen of each, and what is remembered of it from now on."""

    def __init__(self, taken: Look, ask: Ask, before: Memory, waiting: Mapping[str, int]) -> None:
        self.ask = ask
        self._taken = taken
        self._slots = Slots.of(taken.poll, ask)
        self._before: Past = before.past.get(ask.rule, {})
        place = Labels({"account": taken.poll.unit.account, "region": taken.poll.unit.region})
        self._seen = {
            place.merged(one.identity): (one, judge(ask.query, one, self._scans(one, waiting)))
            for one in taken.choices[ask.rule]
        }
        self.past: Past = {identity: self._points(identity) for identity in self._kept()}

    def answer(self) -> Answer:
        """What is told of the rule; a series is gone with its repository, its tag, or the last task that ran it."""
        seen = [self._observation(identity, *found) for identity, found in self._seen.items()]
        hidden = [self._hidden(identity) for identity in self.past if identity not in self._seen]
        gone = sorted(set(self._before) - set(self.past), key=lambda identity: identity.pairs)
        return Answer(self.ask.rule, (*seen, *hidden), self._taken.complete(self.ask), tuple(gone))

    def samples(self) -> Iterator[Sample]:
        """The newest values, for the scrape endpoint."""
        for identity, (_, verdict) in self._seen.items():
            if verdict.value is not None:
                labels = rule_labels(self.ask.rule, identity)
                yield Sample("watchtower", RULE_VALUE, labels, verdict.value, self._slots.newest, RULE_HELP)

    def _kept(self) -> Iterable[Labels]:
        """Whoever is there; and who was, as long as nobody can say that it went."""
        if self._taken.complete(self.ask):
            return self._seen
        deleted = self._taken.deleted
        return dict.fromkeys([*self._seen, *(one for one in self._before if one["repository"] not in deleted)])

    def _scans(self, choice: Choice, waiting: Mapping[str, int]) -> list[Scan]:
        """The scans of the images; one that is over the limit was not seen."""
        tick = self._taken.poll.tick
        return [
            given_up(scan, waiting.get(scan.image.digest), tick)
            for image in choice.images
            for scan in self._taken.scans.get(image, (_over_the_limit(image),))
        ]

    def _points(self, identity: Labels) -> tuple[tuple[int, float], ...]:
        points = self._before.get(identity, ())
        verdict = self._seen[identity][1] if identity in self._seen else None
        if verdict is None or verdict.value is None:
            return self._slots.kept(points)
        return self._slots.counted(points, verdict.value)

    def _observation(self, identity: Labels, choice: Choice, verdict: Verdict) -> Observation:
        points = () if verdict.truth.holds else self.past[identity]
        return Observation(identity, points, verdict.truth, choice.context, verdict.reason, verdict.evidence)

    def _hidden(self, identity: Labels) -> Observation:
        taken = self._taken
        error = taken.unseen.get(identity["repository"]) or taken.blind
        forbidden = error is not None and error.reason == TroubleReason.FORBIDDEN
        reason = error.detail if error else taken.repositories.detail
        return Observation(identity, truth=Truth.FORBIDDEN if forbidden else Truth.NOT_FETCHED, reason=reason)


def _over_the_limit(image: Image) -> Scan:
    return Scan(image, Outcome.UNSEEN, f"{image.name} was not looked at: the rules ask for too many images")


def _waiting(taken: Look, before: Memory) -> dict[str, int]:
    """Since when each scan is on its way; one that could not be seen just now keeps its time."""
    found: dict[str, int] = {}
    for scans in taken.scans.values():
        for scan in scans:
            digest = scan.image.digest
            if scan.outcome is Outcome.WAITING or (scan.outcome is Outcome.UNSEEN and digest in before.waiting):
                found[digest] = before.waiting.get(digest, taken.poll.tick)
    return found
