"""Log metric filters: the filter is found, the metric it feeds is polled, and its lines are the evidence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from watchtower.clock import SystemClock
from watchtower.errors import SourceError
from watchtower.inventory.log_filters import LogInventory
from watchtower.model import EMPTY, AlertKey, Answer, Labels, Observation, PollResult, Trouble, TroubleReason, Truth
from watchtower.sources.base import Place
from watchtower.sources.cloudwatch.answer import Polled
from watchtower.sources.cloudwatch.facts import Facts
from watchtower.sources.cloudwatch.fetch import fetch_all
from watchtower.sources.cloudwatch.memory import Memory as NoListings
from watchtower.sources.cloudwatch.naming import metric_name
from watchtower.sources.cloudwatch.plan import plan_units
from watchtower.sources.cloudwatch.series import Expansion, Series, Stat, Wanted
from watchtower.sources.logs.agreement import Agreement
from watchtower.sources.logs.evidence import Wanted as WantedLines
from watchtower.sources.logs.evidence import matching_lines
from watchtower.sources.logs.matching import Found, faults, find
from watchtower.sources.logs.memory import Memory, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig
    from watchtower.clock import Clock
    from watchtower.inventory.log_filters import MetricFilter
    from watchtower.inventory.steady import Known
    from watchtower.sources.base import Ask, Poll, Unit
    from watchtower.sources.logs.query import LogsQuery

log = structlog.get_logger("watchtower.logs")

NAME = "logs"


@dataclass(frozen=True, slots=True)
class Census:
    """What is known of log groups (by rule) and filters at one poll."""

    place: Place
    account_id: str | None
    groups: Mapping[str, Known[str]]
    filters: Known[MetricFilter]

    def found(self, ask: Ask) -> list[Found]:
        """The log groups of a rule, each with its filter or with what is wrong."""
        found = find(ask.query, self.groups[ask.rule].items or (), self.filters.items or ())
        if self.filters.fresh:
            return found
        # What an old listing does not hold is not known to be missing.
        return [each if each.filter else Found(each.log_group, None, self.filters.detail) for each in found]

    def identity(self, group: str) -> Labels:
        """The labels that make an alert of a log group."""
        return Labels({"account": self.place.account, "region": self.place.region, "log_group": group})

    def troubles(self, asks: Sequence[Ask]) -> Iterator[Trouble]:
        """What could not be listed, and every filter that is not there: that is a fault, never silence."""
        if not self.filters.fresh:
            yield self._trouble(self.filters.reason, self.filters.detail)
        for known in self.groups.values():
            if not known.fresh:
                yield self._trouble(known.reason, known.detail)
        if self.filters.fresh:
            for ask in asks:
                for sentence in faults(ask.rule, self.found(ask)):
                    yield self._trouble(TroubleReason.INVALID, sentence)

    def _trouble(self, reason: TroubleReason, detail: str) -> Trouble:
        return Trouble(NAME, self.place.account, self.place.region, reason, detail)


class LogsSource:
    """Polls the metrics of log metric filters; see :class:`watchtower.sources.base.Source`."""

    name = NAME

    def __init__(self, clients: AwsClients, config: AwsConfig, clock: Clock | None = None) -> None:
        self._clients = clients
        self._config = config
        self._inventory = LogInventory(clients, clock or SystemClock(), config.discovery_interval)
        self._agreement = Agreement(clients)

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        """One unit per account, region, period and publication delay."""
        return plan_units(asks, places, self._config, NAME)

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """A log group belongs to the unit of its account and region that has its rule."""
        return unit.covers(rule, identity)

    async def poll(self, poll: Poll) -> PollResult:
        """Filters found, their metrics fetched; raises SourceError when nothing could be listed or fetched."""
        before = decode(poll.memory)
        census = await self._census(poll, before)
        expansions = [_expansion(census, ask) for ask in poll.unit.asks]
        patterns = sorted({ask.query.pattern for ask in poll.unit.asks if ask.query.pattern is not None})
        calls, _ = await asyncio.gather(
            fetch_all(self._clients, poll, expansions), self._agreement.check(census.place, patterns)
        )
        facts = Facts(census.place, census.account_id, {}, {}, NoListings())
        polled = Polled(poll, facts, expansions, calls)
        polled.fail_if_nothing_succeeded()
        return _result(census, polled, before)

    async def evidence(self, unit: Unit, rule: str, identity: Labels, since: int, until: int) -> tuple[str, ...]:
        """The lines of a log group that match a rule's pattern, bounded and redacted; raises SourceError."""
        query: LogsQuery = next(ask.query for ask in unit.asks if ask.rule == rule)
        group = identity["log_group"]
        pattern = query.pattern
        if pattern is None:
            known = await self._inventory.filters(unit.account, unit.region)
            named = find(query, [group], known.items or ())[0].filter
            pattern = named.pattern if named else None
        if pattern is None or not query.evidence:
            return ()
        wanted = WantedLines(group, pattern, since, until, query.evidence)
        found = await matching_lines(self._clients, Place(unit.account, unit.region), wanted)
        if not found.unreached:
            return found.lines
        log.warning("evidence.missing", alert=str(AlertKey(rule, identity)), detail=found.unreached)
        return *found.lines, found.unreached

    async def close(self) -> None:
        """Nothing of its own: the clients belong to whoever made them."""

    async def _census(self, poll: Poll, before: Memory) -> Census:
        unit = poll.unit
        if before.filters:
            self._inventory.seed(unit.account, unit.region, before.filters)
        filters, account_id, groups = await asyncio.gather(
            self._inventory.filters(unit.account, unit.region),
            self._clients.account_id(unit.account),
            asyncio.gather(*(self._inventory.groups(unit.account, unit.region, ask.query.groups) for ask in unit.asks)),
        )
        named = {ask.rule: known for ask, known in zip(unit.asks, groups, strict=True)}
        if filters.items is None:
            raise SourceError(filters.reason, filters.detail)
        return Census(Place(unit.account, unit.region), account_id, named, filters)


def _expansion(census: Census, ask: Ask) -> Expansion:
    series = tuple(_series(census, each.filter) for each in census.found(ask) if each.filter is not None)
    return Expansion(ask, (), series, census.groups[ask.rule].fresh)


def _series(census: Census, found: MetricFilter) -> Series:
    stat = Stat(found.namespace, found.metric, "Sum", EMPTY)
    context = Labels({"account_id": census.account_id}) if census.account_id else EMPTY
    labels = {"account_id": census.account_id or "", "region": census.place.region, "name": "global"}
    sample = metric_name(found.namespace, found.metric, "Sum"), Labels(labels)
    return Series(census.identity(found.log_group), context, Wanted((("m", stat),)), sample)


def _result(census: Census, polled: Polled, before: Memory) -> PollResult:
    seen = polled.seen()
    asks = polled.poll.unit.asks
    fetched = {answer.rule: answer for answer in polled.answers(seen)}
    memory = encode(
        Memory(
            frozenset(each.filter for ask in asks for each in census.found(ask) if each.filter is not None),
            {ask.rule: known.items for ask in asks if (known := census.groups[ask.rule]).items is not None},
        )
    )
    return PollResult(
        answers=tuple(_answer(census, ask, fetched[ask.rule], before) for ask in asks),
        memory=memory if memory != polled.poll.memory else None,
        troubles=tuple(
            dict.fromkeys(
                [*census.troubles(asks), *(replace(one, source=NAME) for one in polled.troubles(seen.values()))]
            )
        ),
        samples=tuple(polled.samples(seen)),
        billed=polled.billed(),
    )


def _answer(census: Census, ask: Ask, fetched: Answer, before: Memory) -> Answer:
    """What was fetched, and what could not be for want of a filter; a log group that was deleted is gone."""
    held = tuple(
        Observation(census.identity(each.log_group), truth=Truth.NOT_FETCHED, reason=each.fault)
        for each in census.found(ask)
        if each.filter is None
    )
    known = census.groups[ask.rule]
    deleted = before.groups.get(ask.rule, frozenset()) - (known.items or frozenset()) if known.fresh else frozenset()
    mine = (group for group in sorted(deleted) if ask.query.groups.matches(group))
    return replace(
        fetched, observations=(*fetched.observations, *held), gone=tuple(census.identity(group) for group in mine)
    )
