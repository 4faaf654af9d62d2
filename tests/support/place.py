"""A place in the simulated AWS, polled as one daemon would."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.simulated_aws import REGION, use_keys
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.clock import epoch
from watchtower.composition import make_sources
from watchtower.config.model import Config
from watchtower.demo.aws import EstateServer, Faults
from watchtower.model import Answer, Observation, PollResult, Priority
from watchtower.rulebook.schema import RuleModel
from watchtower.sources.base import Ask, Place, Poll, Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import pytest

    from tests.support.clock import ManualClock
    from watchtower.demo.estate import Estate


@dataclass
class World:
    """``kind`` is the source that is asked where a test names none; ``restart`` is a process with the same store."""

    server: EstateServer
    clock: ManualClock
    faults: Faults
    config: AwsConfig
    clients: AwsClients
    kind: str
    sources: Mapping[str, Source] = field(default_factory=dict)
    memory: dict[str, bytes] = field(default_factory=dict)

    def restart(self) -> None:
        self.sources = make_sources(Config.model_construct(aws=self.config), self.clients, self.clock)

    async def sign_in_again(self) -> None:
        """Another process with the same store, which does not know any more whose credentials it has."""
        await self.clients.close()
        self.clients = AwsClients(self.config)
        self.restart()

    async def poll(self, kind: str = "", *, slots: int = 3, region: str = REGION, **query: Any) -> PollResult:
        """The newest tick of one rule."""
        return await self.poll_all({"Rule": query}, kind, slots=slots, region=region)

    async def poll_all(
        self, queries: Mapping[str, dict[str, Any]], kind: str = "", *, slots: int = 3, region: str = REGION
    ) -> PollResult:
        """The newest tick of several rules, by name, that are one unit."""
        kind = kind or self.kind
        parsed = {name: getattr(RuleModel.model_validate({kind: query}), kind) for name, query in queries.items()}
        asks = [Ask(name, query, int(query.period), slots, Priority.P3) for name, query in parsed.items()]
        [unit] = self.sources[kind].plan(asks, [Place("main", region)])
        tick = int(epoch(self.clock.now()) - unit.delay) // unit.period * unit.period
        found = await self.sources[kind].poll(Poll(unit, tick, self.memory.get(unit.id), self.clock.now()))
        if found.memory is not None:
            self.memory[unit.id] = found.memory
        return found

    async def answer(self, kind: str = "", **query: Any) -> Answer:
        [answer] = (await self.poll(kind, **query)).answers
        return answer

    async def one(self, kind: str = "", **query: Any) -> Observation:
        """What is seen where there is one thing to see."""
        [seen] = (await self.answer(kind, **query)).observations
        return seen

    async def value(self, kind: str = "", **query: Any) -> float:
        """The newest value of :meth:`one`."""
        return (await self.one(kind, **query)).points[-1][1]

    async def seen(self, kind: str = "", **query: Any) -> dict[str, Observation]:
        """What is seen, by resource."""
        return {one.identity["resource"]: one for one in (await self.answer(kind, **query)).observations}

    async def values(self, kind: str = "", **query: Any) -> dict[str, float]:
        """The newest value of each resource."""
        return {name: one.points[-1][1] for name, one in (await self.seen(kind, **query)).items()}


@asynccontextmanager
async def signed_in(
    monkeypatch: pytest.MonkeyPatch, server: EstateServer, **settings: Any
) -> AsyncIterator[tuple[AwsConfig, AwsClients]]:
    """The account ``main`` of this server; ``settings`` are more keys of ``aws``."""
    use_keys(monkeypatch, server.credentials())
    accounts = [{"name": "main", "regions": [REGION]}]
    config = AwsConfig.model_validate({"accounts": accounts, "endpoint_url": server.url, **settings})
    clients = AwsClients(config)
    try:
        yield config, clients
    finally:
        await clients.close()


@asynccontextmanager
async def open_world(
    monkeypatch: pytest.MonkeyPatch, there: Estate, clock: ManualClock, *, kind: str = "", **settings: Any
) -> AsyncIterator[World]:
    """The sources that a daemon would have there; ``settings`` as in :func:`signed_in`."""
    faults = Faults()
    async with (
        EstateServer(there, clock, faults) as server,
        signed_in(monkeypatch, server, **settings) as (config, clients),
    ):
        world = World(server, clock, faults, config, clients, kind)
        world.restart()
        try:
            yield world
        finally:
            await world.clients.close()
