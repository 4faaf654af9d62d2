"""The HTTP surface over a real store on a real loopback port."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp.test_utils import TestClient, TestServer

from tests.support.clock import ManualClock
from tests.support.stores import change, commit_plan, incident, key, member, open_store, state
from watchtower.incidents.config import RouteConfig
from watchtower.incidents.model import FlushInput, FlushPlan
from watchtower.incidents.routing import compile_routes
from watchtower.live import Live
from watchtower.web.app import Web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from aiohttp import ClientResponse

    from watchtower.model import AlertState, NoticeMember
    from watchtower.store.store import Store

ROUTES = (
    RouteConfig(name="mine", match=('team="mine"',), channels=("oncall",)),
    RouteConfig(name="rest", channels=("ops", "audit")),
)


@dataclass
class Answer:
    """A response that was read."""

    status: int
    data: Any
    headers: dict[str, str]


@dataclass
class Rig:
    """A daemon's web side: the store it reads, its clock, and a client on loopback."""

    folder: Path
    live: Live
    web: Web
    store: Store
    clock: ManualClock
    client: TestClient[Any, Any]

    async def ask(self, method: str, path: str, body: object = None, **options: Any) -> Answer:
        """One request; ``body`` is sent as JSON, bytes as they are."""
        data = body if isinstance(body, bytes | None) else orjson.dumps(body)
        async with self.client.request(method, path, data=data, **options) as response:
            return await _read(response)

    async def get(self, path: str, **options: Any) -> Any:
        """What a page that answers 200 says."""
        answer = await self.ask("GET", path, **options)
        assert answer.status == 200, answer
        return answer.data

    async def post(self, **fields: Any) -> Answer:
        """Post a silence of db-1 with these fields besides; None leaves one out."""
        plain = {
            "matchers": [{"name": "db", "value": "db-1", "isRegex": False, "isEqual": True}],
            "startsAt": "2026-01-05T00:00:00.000Z",
            "endsAt": "2026-01-05T02:00:00.000Z",
            "createdBy": "ana",
            "comment": "moving the database",
        }
        body = {name: value for name, value in {**plain, **fields}.items() if value is not None}
        return await self.ask("POST", "/api/v2/silences", body)

    async def silenced(self, **fields: Any) -> str:
        """Post a silence that is accepted; its id."""
        answer = await self.post(**fields)
        assert answer.status == 200, answer
        return str(answer.data["silenceID"])

    async def firing(self, *states: AlertState) -> None:
        """Alerts that fire, as a tick leaves them; no flush has seen them."""
        await self.store.commit_orphans(states, [replace(change(), key=each.key, at=each.since) for each in states])

    async def flushed(self) -> None:
        """A flush has seen all transitions, and told nobody."""

        def consumed(seen: FlushInput) -> FlushPlan:
            return FlushPlan(consumed=tuple(each.seq for each in seen.transitions))

        await self.store.flush(consumed)

    async def paged(self, *members: NoticeMember, channels: Sequence[str] = ("ops", "audit"), name: str = "i1") -> None:
        """An open incident with these members."""
        opened = incident(name, members=members, channels=tuple(channels))
        await commit_plan(self.store, FlushPlan(incidents=(opened,)))

    async def break_store(self) -> None:
        """Take away a table that every page needs, as a damaged database does."""
        with closing(sqlite3.connect(self.folder / "store.db")) as connection:
            connection.execute("DROP TABLE silence")


async def _read(response: ClientResponse) -> Answer:
    body = await response.read()
    return Answer(response.status, orjson.loads(body) if body else None, dict(response.headers))


@asynccontextmanager
async def open_rig(folder: Path) -> AsyncIterator[Rig]:
    """A rig of its own, closed afterwards."""
    clock = ManualClock()
    live = Live(clock)
    live.routes = compile_routes(ROUTES)
    live.testers = dict.fromkeys(("oncall", "ops", "audit"), _accepted)
    web = Web(live)
    web.store = store = await open_store(f"sqlite:///{folder / 'store.db'}", clock=clock)
    try:
        async with TestClient(TestServer(web.application())) as client:
            yield Rig(folder, live, web, store, clock, client)
    finally:
        await store.close()


async def _accepted() -> str:
    return "accepted"


def firing_member(name: str = "db-1", **more: Any) -> NoticeMember:
    """The member of an alert that fires."""
    return replace(member(name), runbook="https://runbooks.example.com/cpu", **more)


__all__ = ["Answer", "Rig", "firing_member", "key", "open_rig", "state"]
