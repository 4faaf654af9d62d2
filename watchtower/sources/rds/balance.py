"""Readers of a cluster weighed against each other: what to ask of CloudWatch, and what the answers mean."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from watchtower.clock import epoch
from watchtower.durations import format_duration
from watchtower.model import EMPTY, Answer, Labels, PollResult
from watchtower.sources.balance.peers import Group, Member, Scale, Weighed, weigh
from watchtower.sources.balance.score import FEWEST
from watchtower.sources.base import Place
from watchtower.sources.cloudwatch.answer import Polled
from watchtower.sources.cloudwatch.facts import Facts
from watchtower.sources.cloudwatch.fetch import fetch_all
from watchtower.sources.cloudwatch.memory import Memory as NoListings
from watchtower.sources.cloudwatch.plan import plan_units
from watchtower.sources.cloudwatch.series import Expansion, Series, Stat, Wanted
from watchtower.sources.rds.census import Census, context_of, take_census
from watchtower.sources.rds.clusters import Cluster, Standing, standing
from watchtower.sources.rds.memory import Memory, encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig
    from watchtower.inventory.databases import DatabaseInventory, DbMember
    from watchtower.model import Observation
    from watchtower.sources.base import Ask, Poll, Unit
    from watchtower.sources.rds.query import RdsBalanceQuery

NAME = "rds_balance"

#: What a difference must be worth: 20 connections, 10 points of CPU, and of DBLoad a quarter of a session for each
#: processor, or one session where a member's processors are not known.
K = {"DatabaseConnections": 20.0, "CPUUtilization": 10.0, "DBLoad": 0.25}
K_SESSIONS = 1.0

_READER = "reader"


class RdsBalanceSource:
    """Polls the readers of clusters; see :class:`watchtower.sources.base.Source`."""

    name = NAME

    def __init__(self, clients: AwsClients, config: AwsConfig, inventory: DatabaseInventory) -> None:
        self._clients = clients
        self._config = config
        self._inventory = inventory

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        """One unit per account, region, period and publication delay."""
        return plan_units(asks, places, self._config, NAME)

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """A cluster belongs to the unit of its account and region that has the rule."""
        return unit.covers(rule, identity)

    async def poll(self, poll: Poll) -> PollResult:
        """Who reads, what each carries, how even that is; raises SourceError when nothing could be read."""
        census = await take_census(self._inventory, poll)
        now, before = int(epoch(poll.now)), census.remembered.standings
        standings = {name: standing(before.get(name), one, now) for name, one in census.clusters.items()}
        expansions = [_expansion(census, ask) for ask in poll.unit.asks]
        facts = Facts(Place(poll.unit.account, poll.unit.region), None, {}, {}, NoListings())
        polled = Polled(poll, facts, expansions, await fetch_all(self._clients, poll, expansions))
        polled.fail_if_nothing_succeeded()
        return _result(census, standings, polled, self._config)

    async def close(self) -> None:
        """Nothing of its own: the clients belong to whoever made them."""


def _expansion(census: Census, ask: Ask) -> Expansion:
    """The readers' series; a cluster with too few of them is not asked for, because AWS bills each series."""
    query: RdsBalanceQuery = ask.query
    readers = [(cluster, _readers(cluster, query)) for cluster in census.chosen(query.clusters)]
    series = [_series(census, one, query) for _, some in readers if len(some) >= FEWEST for one in some]
    return Expansion(ask, (), tuple(series), census.fresh, census.farewells(query.clusters))


def _readers(cluster: Cluster, query: RdsBalanceQuery) -> list[DbMember]:
    return [reader for reader in cluster.readers if query.readers.matches(reader.id)]


def _series(census: Census, reader: DbMember, query: RdsBalanceQuery) -> Series:
    stat = Stat("AWS/RDS", query.measure, "Average", Labels({"DBInstanceIdentifier": reader.id}))
    identity = census.identity(reader.cluster).merged({_READER: reader.id})
    return Series(identity, EMPTY, Wanted((("m", stat),)), None)


def _result(census: Census, standings: Mapping[str, Standing], polled: Polled, config: AwsConfig) -> PollResult:
    seen = polled.seen()
    weighed = {
        answer.rule: _weighed(
            Weighing(census, expansion.ask, standings, config.discovery_interval), answer, config.label_tags
        )
        for expansion, answer in zip(polled.expansions, polled.answers(seen), strict=True)
    }
    answers = tuple(
        Answer(one.ask.rule, tuple(each.observation for each in weighed[one.ask.rule]), one.complete, one.gone)
        for one in polled.expansions
    )
    memory = encode(Memory(census.members, standings))
    return PollResult(
        answers=answers,
        memory=memory if memory != census.poll.memory else None,
        troubles=(*census.troubles, *(replace(one, source=NAME) for one in polled.troubles(seen.values()))),
        samples=tuple(sample for rule, groups in weighed.items() for each in groups for sample in each.samples(rule)),
        billed=polled.billed(),
    )


def _weighed(weighing: Weighing, answer: Answer, label_tags: Sequence[str]) -> list[Weighed]:
    observed: defaultdict[str, dict[str, Observation]] = defaultdict(dict)
    for each in answer.observations:
        observed[each.identity["cluster"]][each.identity[_READER]] = each
    clusters = weighing.census.chosen(weighing.ask.query.clusters)
    return [weighing.weigh(one, observed[one.name], context_of(one, label_tags)) for one in clusters]


@dataclass(frozen=True, slots=True)
class Weighing:
    """How one rule weighs clusters at one poll; ``listed`` is the seconds between two listings."""

    census: Census
    ask: Ask
    standings: Mapping[str, Standing]
    listed: float

    def weigh(self, cluster: Cluster, observed: Mapping[str, Observation], context: Labels) -> Weighed:
        """One cluster's readers; ``observed`` are their series."""
        query: RdsBalanceQuery = self.ask.query
        readers = _readers(cluster, query)
        processors = _processors(readers, query)
        members = tuple(self._member(one, observed[one.id], processors.get(one.id)) for one in readers if observed)
        identity = self.census.identity(cluster.name)
        k = K[query.measure] if processors or query.measure != "DBLoad" else K_SESSIONS
        group = Group(identity, members, context, self._too_few(cluster.name, readers), self._moot(readers))
        return weigh(group, Scale(query.value, k, query.measure))

    def _moot(self, readers: Sequence[DbMember]) -> float | None:
        """For how long there must be too few readers before that is believed: none comes back from a failover or a
        restart, and another listing says the same.
        """
        if len(readers) >= FEWEST:
            return None
        return max(self.ask.query.grace, self.listed) if self.census.fresh else inf

    def _member(self, reader: DbMember, seen: Observation, processors: float | None) -> Member:
        """What a reader carries in the slots after its grace period; of load that is not published, nothing."""
        period, tick = self.ask.period, self.census.poll.tick
        points = dict(seen.points)
        if self.ask.query.measure == "DBLoad" and reader.insights and not seen.truth.holds:
            points = dict.fromkeys(range(tick - self.ask.slots * period, tick, period), 0.0) | points
        counts = self._counts_from(reader)
        scaled = {slot: load / (processors or 1.0) for slot, load in points.items() if slot >= counts}
        return Member(reader.id, scaled, seen.truth, seen.reason)

    def _counts_from(self, reader: DbMember) -> float:
        query: RdsBalanceQuery = self.ask.query
        return self.standings[reader.cluster].since[reader.id] + query.grace

    def _too_few(self, name: str, readers: Sequence[DbMember]) -> str:
        """Why a cluster has no score; empty where only the data are missing."""
        if len(readers) < FEWEST:
            return f"cluster {name} has {len(readers) or 'no'} reader{'s' * (not readers)}: nothing to compare"
        young = [one for one in readers if self._counts_from(one) > self.census.poll.tick - self.ask.period]
        if len(readers) - len(young) >= FEWEST:
            return ""
        grace = format_duration(self.ask.query.grace)
        return f"cluster {name}: {len(young)} of {len(readers)} readers are new or follow a failover, within {grace}"


def _processors(readers: Sequence[DbMember], query: RdsBalanceQuery) -> dict[str, float]:
    """Each reader's processors, by which its DBLoad is divided; empty unless all are known."""
    if query.measure != "DBLoad":
        return {}
    known = {reader.id: reader.vcpus for reader in readers}
    return {name: count for name, count in known.items() if count} if all(known.values()) else {}
