"""One store on either database, a clock for it, and the small values its tests are made of."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from tests.support.clock import START, ManualClock
from watchtower.incidents.model import FlushInput, FlushPlan, Incident
from watchtower.model import (
    AlertKey,
    AlertState,
    Delivery,
    Event,
    Labels,
    Notice,
    NoticeMember,
    Priority,
    State,
    Transition,
)
from watchtower.store import migrate
from watchtower.store.database import open_postgres, open_sqlite, parse, sqlite_path
from watchtower.store.store import Store
from watchtower.store.values import TickCommit, UnitRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import pytest

    from tests.support.postgres import Postgres
    from watchtower.clock import Clock


@dataclass
class World:
    """A database, the clock its workers go by, and the stores that are open on it."""

    url: str
    clock: ManualClock
    postgres: Postgres | None = None
    opened: list[Store] = field(default_factory=list)

    async def open(self) -> Store:
        """Open the store as a process would, the first time on tables that are there already."""
        store = await (Store.open if self.postgres else open_store)(self.url, clock=self.clock)
        self.opened.append(store)
        return store

    async def bare(self) -> None:
        """Begin with nothing at all, so that opening makes the tables."""
        if self.postgres is None:
            _file(self.url).touch()
        else:
            await self.postgres.empty(self.clock.now())

    async def other(self, store: Store) -> Store:
        """What another worker works with: its own connections, or the same process's on SQLite."""
        return store if self.postgres is None else await self.open()

    async def restart(self, store: Store) -> Store:
        """Close and open again, as after a crash that left nothing but the rows."""
        await store.close()
        return await self.open()

    async def advance(self, seconds: float) -> None:
        """Let time pass, or step back, for everybody."""
        self.clock.advance(seconds)
        if self.postgres is not None:
            await self.postgres.set_clock(self.clock.now())

    async def sql(self, statement: str) -> None:
        """Do to the database what no method does."""
        if self.postgres is not None:
            await self.postgres.run(statement)
            return
        with sqlite3.connect(self.url.removeprefix("sqlite:///")) as connection:
            connection.execute(statement)
        connection.close()

    async def count(self, table: str, where: str = "1 = 1") -> int:
        """How many rows a table has."""
        query = f"SELECT count(*) FROM {table} WHERE {where} AND 1 = "
        if self.postgres is not None:
            [row] = await self.postgres.run(query + "$1::int", 1)
            return int(row[0])
        with sqlite3.connect(self.url.removeprefix("sqlite:///")) as connection:
            [row] = connection.execute(query + "?", (1,))
        connection.close()
        return int(row[0])


_TEMPLATE: list[bytes] = []


async def open_store(url: str, *, clock: Clock) -> Store:
    """Open a SQLite store; the first time its tables are copied, not made."""
    await put_store(_file(url))
    return await Store.open(url, clock=clock)


async def put_store(file: Path) -> None:
    """A store that nobody has opened yet, unless there is a file; to migrate one takes five times as long."""
    if not _TEMPLATE:
        with tempfile.TemporaryDirectory() as folder:
            template = Path(folder, "store.db")
            await _migrate(f"sqlite:///{template}")
            _keep(template)
    _copy(file)


def _keep(template: Path) -> None:
    _TEMPLATE.append(template.read_bytes())


def _copy(file: Path) -> None:
    if not file.exists():
        file.write_bytes(_TEMPLATE[0])


async def _migrate(url: str) -> None:
    parsed, clock = parse(url), ManualClock()
    path = sqlite_path(parsed)
    database = (
        open_postgres(parsed, clock, readonly=False) if path is None else open_sqlite(path, clock, readonly=False)
    )
    await database.migrate(migrate.upgrade)
    await database.close()


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A world of its own for each test, on both databases."""
    if request.param == "sqlite":
        made = World(f"sqlite:///{tmp_path / 'store.db'}", ManualClock())
        yield made
        await _close(made)
        return
    server: Postgres = request.getfixturevalue("postgres")
    async with _shared(server) as made:
        yield made


@pytest_asyncio.fixture
async def shared_world(postgres: Postgres) -> AsyncIterator[World]:
    """A world that several processes share: PostgreSQL alone."""
    async with _shared(postgres) as made:
        yield made


@asynccontextmanager
async def _shared(server: Postgres) -> AsyncIterator[World]:
    await server.blank(START, partial(_migrate, server.url))
    made = World(server.url, ManualClock(), server)
    yield made
    await _close(made)


async def _close(made: World) -> None:
    for store in made.opened:
        await store.close()


@pytest_asyncio.fixture
async def store(world: World) -> Store:
    """The world's store, open."""
    return await world.open()


def at(seconds: float) -> datetime:
    """So long after the start of the test."""
    return START + timedelta(seconds=seconds)


def unit(name: str = "u1", *, due: float = 0, period: int = 60, fingerprint: str = "f") -> UnitRow:
    return UnitRow(name, "cloudwatch", "prod", "eu-west-1", period, fingerprint, at(due))


def key(name: str = "db-1", rule: str = "CpuHigh") -> AlertKey:
    return AlertKey(rule, Labels({"account": "prod", "db": name}))


def state(name: str = "db-1", *, now: State = State.ALARM, when: float = 0, rule: str = "CpuHigh") -> AlertState:
    alert = key(name, rule)
    return AlertState(
        key=alert,
        labels=alert.identity.merged({"team": "data"}),
        state=now,
        firing=now is State.ALARM,
        priority=Priority.P3 if now is State.ALARM else None,
        value=91.5,
        reason="2 of 2 above 80",
        since=at(when),
        updated_at=at(when),
        seq=1,
    )


def change(name: str = "db-1", *, to: State = State.ALARM, when: float = 0, rule: str = "CpuHigh") -> Transition:
    alert = key(name, rule)
    return Transition(
        key=alert,
        labels=alert.identity.merged({"team": "data"}),
        from_state=State.OK,
        to_state=to,
        from_priority=None,
        priority=Priority.P3,
        value=91.5,
        reason="2 of 2 above 80",
        at=at(when),
        summary="db-1: CPU at 91.5 %",
        annotations=Labels({"dashboard": "https://example.com/d"}),
        datapoints=((1767571200, 91.5), (1767571260, None)),
        evidence=("line one",),
        rule_file="rules/rds.yaml",
        rule_line=4,
        firing=to is State.ALARM,
    )


def tick(
    name: str, epoch: int, *, states: Sequence[AlertState] = (), changes: Sequence[Transition] = (), **more: Any
) -> TickCommit:
    plain = TickCommit(
        unit=name,
        epoch=epoch,
        due_at=at(60),
        last_tick=1767571200,
        memory=b"memory",
        failing_since=None,
        failures=0,
        failure="",
        states=tuple(states),
        transitions=tuple(changes),
    )
    return replace(plain, **more)


def member(name: str = "db-1") -> NoticeMember:
    return NoticeMember(
        alert_id=key(name).id,
        name="CpuHigh",
        labels=key(name).identity,
        state=State.ALARM,
        firing=True,
        priority=Priority.P3,
        summary=f"{name}: CPU at 91.5 %",
        reason="2 of 2 above 80",
        value=91.5,
        since=START,
        evidence=("line one",),
        no_data_since=at(30),
    )


def incident(name: str = "i1", **more: Any) -> Incident:
    plain = Incident(
        id=name,
        route="rest",
        group_labels=Labels({"alert": "CpuHigh", "incident": name}),
        tier=Priority.P3,
        opened_at=START,
        channels=("ops", "audit"),
        settings={"repeat": 3600, "group_by": ["alert"]},
        members=(member("db-1"), member("db-2")),
        due_at=at(600),
    )
    return replace(plain, **more)


def notice(incident_id: str, event: Event, tier: Priority) -> Notice:
    return Notice(
        incident_id=incident_id,
        event=event,
        tier=tier,
        route="rest",
        environment="test",
        group_labels=Labels({"alert": "CpuHigh"}),
        opened_at=START,
        at=START,
        title="CPU is high",
        members=(member(),),
        firing=1,
        resolved=0,
    )


def delivery(name: str, event: Event = Event.TRIGGER, **more: Any) -> Delivery:
    tier = more.get("tier", Priority.P3)
    incident_id = more.pop("incident_id", "i1")
    plain = Delivery(
        id=name,
        incident_id=incident_id,
        channel="oncall",
        destination="pagerduty:1",
        event=event,
        tier=tier,
        dedup_key=f"wt-{incident_id}-{tier}",
        notice=notice(incident_id, event, tier),
        reason="route rest",
        created_at=START,
        next_at=START,
    )
    return replace(plain, **more)


async def commit_plan(store: Store, plan: FlushPlan) -> None:
    """Flush with a decision made beforehand."""

    def decided(_: FlushInput) -> FlushPlan:
        return plan

    await store.flush(decided)


async def enqueue(store: Store, *deliveries: Delivery) -> None:
    """Put deliveries, and the incidents they belong to, into the store."""
    ids = dict.fromkeys(row.incident_id for row in deliveries)
    await commit_plan(store, FlushPlan(incidents=tuple(incident(one) for one in ids), deliveries=tuple(deliveries)))


async def look(store: Store) -> FlushInput:
    """What a flush would see."""
    seen: list[FlushInput] = []

    def remember(given: FlushInput) -> FlushPlan:
        seen.append(given)
        return FlushPlan()

    await store.flush(remember)
    return seen[0]
