"""CloudWatch metrics: one poll answers every rule of an account, region and period with few calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.clock import SystemClock
from watchtower.inventory.discovery import MetricDiscovery
from watchtower.inventory.tags import TagInventory
from watchtower.model import PollResult
from watchtower.sources.cloudwatch.answer import Polled
from watchtower.sources.cloudwatch.chart import chart
from watchtower.sources.cloudwatch.expand import Expander, remembered
from watchtower.sources.cloudwatch.facts import FactFinder
from watchtower.sources.cloudwatch.fetch import fetch_all
from watchtower.sources.cloudwatch.memory import encode
from watchtower.sources.cloudwatch.plan import NAME, plan_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import AwsConfig
    from watchtower.clock import Clock
    from watchtower.graphspec import GraphQuery
    from watchtower.model import Labels
    from watchtower.sources.base import Ask, Place, Poll, Unit


class CloudWatchSource:
    """Polls CloudWatch; see :class:`watchtower.sources.base.Source`."""

    name = NAME

    def __init__(self, clients: AwsClients, config: AwsConfig, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self._clients = clients
        self._config = config
        self._facts = FactFinder(
            clients,
            MetricDiscovery(clients, clock, config.discovery_interval),
            TagInventory(clients, clock, config.discovery_interval),
            wants_labels=bool(config.label_tags),
        )
        self._expander = Expander(config.label_tags)

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        """One unit per account, region, period and publication delay."""
        return plan_units(asks, places, self._config)

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """A series belongs to the unit of its account and region that has its rule."""
        return unit.covers(rule, identity)

    async def poll(self, poll: Poll) -> PollResult:
        """Facts, series, calls, answers; raises SourceError when no call, and no listing, succeeded."""
        facts = await self._facts.find(poll)
        expansions = self._expander.expand(poll.unit, facts)
        calls = await fetch_all(self._clients, poll, expansions)
        return _result(Polled(poll, facts, expansions, calls))

    def chart(self, unit: Unit, ask: Ask, identity: Labels) -> GraphQuery | None:
        """Where the past of a series is asked for."""
        return chart(unit, ask, identity)

    async def close(self) -> None:
        """Nothing of its own: the clients belong to whoever made them."""


def _result(polled: Polled) -> PollResult:
    polled.fail_if_nothing_succeeded()
    results = polled.seen()
    memory = encode(remembered(polled.facts, polled.expansions))
    return PollResult(
        answers=polled.answers(results),
        memory=memory if memory != polled.poll.memory else None,
        troubles=polled.troubles(results.values()),
        samples=tuple(polled.samples(results)),
        billed=polled.billed(),
    )
