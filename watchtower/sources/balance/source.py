"""``balance``: the CloudWatch source's series, grouped and weighed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from watchtower.model import Answer, Labels, Observation, PollResult
from watchtower.sources.balance.peers import Group, Member, Scale, Weighed, weigh
from watchtower.sources.balance.score import FEWEST
from watchtower.sources.cloudwatch.plan import plan_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchtower.aws.config import AwsConfig
    from watchtower.sources.balance.query import BalanceQuery
    from watchtower.sources.base import Ask, Place, Poll, Unit
    from watchtower.sources.cloudwatch.source import CloudWatchSource

NAME = "balance"

#: Seconds for which only one member of a group must have had data before the others are taken to be gone: ListMetrics
#: names a series for two weeks after its last datapoint.
SILENT = 3600.0

_PLACE = ("account", "region")


class BalanceSource:
    """Weighs what the CloudWatch source sees; see :class:`watchtower.sources.base.Source`."""

    name = NAME

    def __init__(self, metrics: CloudWatchSource, config: AwsConfig) -> None:
        self._metrics = metrics
        self._config = config

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        """One unit per account, region, period and publication delay."""
        return plan_units(asks, places, self._config, NAME)

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """A group belongs to the unit of its account and region that has its rule."""
        return self._metrics.owns(unit, rule, identity)

    async def poll(self, poll: Poll) -> PollResult:
        """The members' series, weighed group by group; raises SourceError when nothing could be read."""
        asks = {ask.rule: ask for ask in poll.unit.asks}
        unit = replace(poll.unit, asks=tuple(replace(ask, query=ask.query.metric_query) for ask in poll.unit.asks))
        seen = await self._metrics.poll(replace(poll, unit=unit))
        listed = self._config.discovery_interval
        weighed = {answer.rule: _weighed(asks[answer.rule].query, answer, listed) for answer in seen.answers}
        samples = (sample for rule, groups in weighed.items() for each in groups for sample in each.samples(rule))
        return replace(
            seen,
            answers=tuple(_answer(asks[each.rule].query, each, weighed[each.rule]) for each in seen.answers),
            troubles=tuple(replace(trouble, source=NAME) for trouble in seen.troubles),
            samples=(*seen.samples, *samples),
        )

    async def close(self) -> None:
        """Nothing of its own."""


def _answer(query: BalanceQuery, answer: Answer, weighed: Sequence[Weighed]) -> Answer:
    """A group is gone when all that is left of it are members whose resource is."""
    observations = tuple(each.observation for each in weighed)
    there = {each.identity for each in observations}
    gone = {_group(query, identity) for identity in answer.gone} - there
    return Answer(answer.rule, observations, answer.complete, tuple(sorted(gone, key=lambda one: one.pairs)))


def _weighed(query: BalanceQuery, answer: Answer, listed: float) -> list[Weighed]:
    """``listed`` is the seconds between two listings."""
    groups: defaultdict[Labels, list[Observation]] = defaultdict(list)
    for each in answer.observations:
        groups[_group(query, each.identity)].append(each)
    scale = Scale(query.value, query.damping, query.metric or "")
    return [
        weigh(
            Group(
                identity,
                tuple(_member(query, one) for one in members),
                _shared(members),
                moot=_moot(members, listed) if answer.complete else inf,
            ),
            scale,
        )
        for identity, members in groups.items()
    ]


def _moot(members: Sequence[Observation], listed: float) -> float | None:
    """For how long there must be no peers before that is believed; None where they only lack data."""
    if len(members) < FEWEST:
        return listed
    return SILENT if sum(bool(one.points) for one in members) == 1 else None


def _group(query: BalanceQuery, identity: Labels) -> Labels:
    return identity.only((*_PLACE, *query.by))


def _member(query: BalanceQuery, seen: Observation) -> Member:
    name = "/".join(seen.identity[dimension] for dimension in query.member_names)
    return Member(name, dict(seen.points), seen.truth, seen.reason)


def _shared(members: Iterable[Observation]) -> Labels:
    """The context labels on which all members agree."""
    return Labels(sorted(set.intersection(*(set(member.context.pairs) for member in members))))
