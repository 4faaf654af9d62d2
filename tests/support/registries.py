"""A place with registries and an Inspector, polled as one daemon would."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tests.support.clock import ManualClock
from tests.support.simulated_aws import ACCOUNT, REGION, estate
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.clock import epoch
from watchtower.config.model import Config
from watchtower.demo.aws import EstateServer, Faults
from watchtower.demo.images import Flaw, PushedImage, Registry, Repository
from watchtower.model import Answer, Observation, PollResult, Priority
from watchtower.rulebook.schema import RuleModel
from watchtower.service import make_sources
from watchtower.sources.base import Ask, Place, Poll, Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import pytest

QUARTER = 900.0
WEB, JOBS = Repository("akai/web"), Repository("akai/jobs")


class Hurried(ManualClock):
    """A clock on which waiting takes no time, so that being slow costs a test nothing."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


def flaws(severity: str, count: int, **more: Any) -> tuple[Flaw, ...]:
    return tuple(Flaw(f"CVE-2026-{severity}-{number}", severity, **more) for number in range(count))


#: What a scan on push found once, and nobody heard of.
BAD = (*flaws("CRITICAL", 3), *flaws("HIGH", 16), *flaws("MEDIUM", 13), *flaws("LOW", 4))


@dataclass
class World:
    """A place with a registry, polled as one daemon would; ``restart`` is another process with the same store."""

    server: EstateServer
    clock: ManualClock
    faults: Faults
    config: AwsConfig
    clients: AwsClients
    sources: Mapping[str, Source] = field(default_factory=dict)
    memory: dict[str, bytes] = field(default_factory=dict)

    def restart(self) -> None:
        self.sources = make_sources(Config.model_construct(aws=self.config), self.clients, self.clock)

    async def poll(self, kind: str = "ecr", *, slots: int = 3, region: str = REGION, **query: Any) -> PollResult:
        return await self._poll(kind, region, [("Rule", query)], slots)

    async def both(self, *queries: dict[str, Any]) -> PollResult:
        """Several rules of Inspector in one unit, of which the first is the one of :meth:`poll`."""
        names = ("Rule", "Other", "Third")
        return await self._poll("inspector", REGION, list(zip(names, queries, strict=False)), 3)

    async def _poll(self, kind: str, region: str, rules: list[tuple[str, dict[str, Any]]], slots: int) -> PollResult:
        parsed = {name: getattr(RuleModel.model_validate({kind: query}), kind) for name, query in rules}
        asks = [Ask(name, query, int(query.period), slots, Priority.P4) for name, query in parsed.items()]
        [unit] = self.sources[kind].plan(asks, [Place("main", region)])
        tick = int(epoch(self.clock.now())) // unit.period * unit.period
        found = await self.sources[kind].poll(Poll(unit, tick, self.memory.get(unit.id), self.clock.now()))
        if found.memory is not None:
            self.memory[unit.id] = found.memory
        return found

    async def answer(self, kind: str = "ecr", **query: Any) -> Answer:
        [answer] = (await self.poll(kind, **query)).answers
        return answer

    async def one(self, kind: str = "ecr", **query: Any) -> Observation:
        [seen] = (await self.answer(kind, **query)).observations
        return seen

    async def value(self, kind: str = "ecr", **query: Any) -> float:
        return (await self.one(kind, **query)).points[-1][1]


@asynccontextmanager
async def world(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> AsyncIterator[World]:
    clock, faults = Hurried(), Faults()
    clock.advance(QUARTER)
    there = replace(estate(), registries={(ACCOUNT, REGION): registry})
    async with EstateServer(there, clock, faults) as server:
        credentials = server.credentials()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        account = {"name": "main", "regions": [REGION]}
        config = AwsConfig.model_validate({"accounts": [account], "endpoint_url": server.url})
        opened = World(server, clock, faults, config, AwsClients(config))
        opened.restart()
        try:
            yield opened
        finally:
            await opened.clients.close()


def pushed(repository: str = "akai/web", *tags: str, **more: Any) -> PushedImage:
    return PushedImage(repository, tags or ("1.0",), **more)


def registry(*images: PushedImage, **more: Any) -> Registry:
    return Registry(**{"repositories": (WEB,), "images": images, **more})
