"""``inspector``: one value for each resource and poll, how many findings it has, or how many scans it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.clock import SystemClock
from watchtower.inventory.paced import PacedCalls
from watchtower.model import EMPTY, Answer, Labels, Observation, PollResult, Sample, Trouble, TroubleReason, Truth
from watchtower.sources.cloudwatch.naming import RULE_HELP, RULE_VALUE, rule_labels
from watchtower.sources.cloudwatch.plan import plan_units
from watchtower.sources.inspector.looks import Look, Seen, look_around
from watchtower.sources.inspector.memory import Memory, Standing, decode, encode
from watchtower.sources.vulnerabilities.home import number_of
from watchtower.sources.vulnerabilities.past import Slots

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig
    from watchtower.clock import Clock
    from watchtower.errors import SourceError
    from watchtower.sources.base import Ask, Place, Poll, Unit
    from watchtower.sources.inspector.findings import Resource
    from watchtower.sources.vulnerabilities.past import Points

NAME = "inspector"


class InspectorSource:
    """Lists what Inspector found; see :class:`watchtower.sources.base.Source`."""

    name = NAME

    def __init__(self, clients: AwsClients, config: AwsConfig, clock: Clock | None = None) -> None:
        self._clients = clients
        self._config = config
        self._calls = PacedCalls(clients, clock or SystemClock())

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        """One unit per account, region and period; a finding is there at once."""
        return plan_units(asks, places, self._config, NAME)

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """A resource belongs to the unit of its account and region that has the rule."""
        return unit.covers(rule, identity)

    async def poll(self, poll: Poll) -> PollResult:
        """List and compare; raises SourceError when no rule could be answered, or the account's number is not known."""
        before = decode(poll.memory)
        number = await number_of(self._clients, poll.unit.account, before.number)
        looks = await look_around(self._calls, poll, before.rules)
        errors = [found.error for found in looks.values() if found.error is not None]
        if len(errors) == len(looks):
            raise errors[0]
        home = _Home(poll, number)
        counts = [_Count(home, ask, looks[ask.rule], before.rules.get(ask.rule, Standing())) for ask in poll.unit.asks]
        memory = encode(Memory({one.ask.rule: one.standing for one in counts}, number))
        complaints = [each for found in looks.values() for each in found.complaints]
        return PollResult(
            answers=tuple(one.answer for one in counts),
            memory=memory if memory != poll.memory else None,
            troubles=tuple(dict.fromkeys(_trouble(poll, error.reason, error.detail) for error in errors + complaints)),
            samples=tuple(sample for one in counts for sample in one.samples()),
        )

    async def close(self) -> None:
        """Nothing of its own: the clients belong to whoever made them."""


@dataclass(frozen=True, slots=True)
class _Home:
    """A poll, and the number of its account."""

    poll: Poll
    account: str

    def identity(self, resource: Resource) -> Labels:
        """The labels of a resource; one of an account that is looked after for others says whose it is."""
        unit = self.poll.unit
        foreign = resource.account and resource.account != self.account
        name = f"{resource.account}/{resource.name}" if foreign else resource.name
        return Labels(
            {"account": unit.account, "region": unit.region, "resource": name, "resource_type": resource.type}
        )


class _Count:
    """One rule's series at one poll.

    A resource whose findings are gone is seen with none until no period that the rule looks at had any, and then goes.
    """

    def __init__(self, home: _Home, ask: Ask, look: Look, before: Standing) -> None:
        self.ask = ask
        self._slots = Slots.of(home.poll, ask)
        if look.error is not None:
            hidden = tuple(_hidden(identity, look.error) for identity in before.past)
            self.answer = Answer(ask.rule, hidden, complete=False)
            self.standing = Standing(
                {one: self._slots.kept(points) for one, points in before.past.items()}, before.news
            )
        else:
            self.answer, self.standing = self._seen(home, look, before)

    def _seen(self, home: _Home, look: Look, before: Standing) -> tuple[Answer, Standing]:
        seen = {home.identity(resource): (resource, one) for resource, one in look.seen.items()}
        past: dict[Labels, Points] = {}
        gone: list[Labels] = []
        observations: list[Observation] = []
        for identity in dict.fromkeys([*seen, *before.past]):
            resource, one = seen.get(identity, (None, _NOTHING))
            points = self._slots.counted(before.past.get(identity, ()), float(one.value))
            if resource is None and self._slots.spent(points):
                gone.append(identity)
                continue
            past[identity] = points
            context = Labels({"account_id": resource.account}) if resource and resource.account else EMPTY
            told = (one.reason, one.evidence)
            observations.append(Observation(identity, points, Truth.VALUE, context, *told, fresh=one.fresh))
        farewells = tuple(sorted(gone, key=lambda one: one.pairs))
        return Answer(self.ask.rule, tuple(observations), gone=farewells), Standing(past, look.news)

    def samples(self) -> Iterator[Sample]:
        """The newest values, for the scrape endpoint."""
        for each in self.answer.observations:
            if each.truth is Truth.VALUE:
                labels = rule_labels(self.ask.rule, each.identity)
                yield Sample("watchtower", RULE_VALUE, labels, each.points[-1][1], self._slots.newest, RULE_HELP)


def _hidden(identity: Labels, error: SourceError) -> Observation:
    forbidden = error.reason == TroubleReason.FORBIDDEN
    return Observation(identity, truth=Truth.FORBIDDEN if forbidden else Truth.NOT_FETCHED, reason=error.detail)


_NOTHING = Seen(0, "no findings any more")


def _trouble(poll: Poll, reason: str, detail: str) -> Trouble:
    return Trouble(NAME, poll.unit.account, poll.unit.region, TroubleReason(reason), detail)
