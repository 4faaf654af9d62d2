"""Connections: how a transaction begins on SQLite and on PostgreSQL, and whose clock it reads.

Both databases run the same statements. What differs stands in this file: the engines' settings, where ``now``
comes from, and the two words of an upsert.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import BigInteger, event, extract, func, select, type_coerce
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from watchtower.errors import StoreError
from watchtower.store.columns import Moment
from watchtower.store.failures import translated, understood
from watchtower.store.parameters import check_parameters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from datetime import datetime

    from sqlalchemy import Connection, Table

    from watchtower.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds a SQLite statement waits for another process (a backup, a shell) to leave.
_SQLITE_BUSY = 5.0
_SQLITE_READERS = 4
_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY")
#: Per transaction, in milliseconds. The first is mandatory: a worker that is paused inside its claim would keep
#: the rows locked for as long as it sleeps. Set locally, because a pooler would lose what a session was told.
_POSTGRES_LIMITS = {
    "idle_in_transaction_session_timeout": "3000",
    "lock_timeout": "5000",
    "statement_timeout": "10000",
}
_POSTGRES_CONNECT = 10.0
_POSTGRES_ANSWER = 15.0
_POSTGRES_CONNECTIONS = 5
_POSTGRES_RECYCLE = 1800


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction: its connection, and the time it goes by."""

    conn: AsyncConnection
    now: datetime

    def insert(self, table: Table) -> sqlite.Insert:
        """An insert that can say what to do about a conflict."""
        if self.conn.dialect.name == "postgresql":
            return cast("sqlite.Insert", postgresql.insert(table))
        return sqlite.insert(table)

    def upsert(self, table: Table, *keys: str) -> sqlite.Insert:
        """An insert that overwrites the row of the same keys."""
        insert = self.insert(table)
        values = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
        return insert.on_conflict_do_update(index_elements=keys, set_=values)


class Database:
    """The engines of one store; every error that leaves a transaction is a StoreError."""

    def __init__(self, writer: AsyncEngine | None, reader: AsyncEngine, clock: Clock) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock

    async def write(self, step: Callable[Concatenate[Work, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``step`` in a transaction that commits when it returns and rolls back when it raises."""
        if self._writer is None:
            raise StoreError("the store was opened for reading only")
        return await _unbroken(self._transaction(self._writer, lambda work: step(work, *args, **kwargs)))

    async def read(self, step: Callable[Concatenate[Work, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``step`` in a transaction that only looks."""
        return await _unbroken(self._transaction(self._reader, lambda work: step(work, *args, **kwargs)))

    async def migrate(self, step: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Do ``step`` in a transaction without limits: a migration takes the time it takes."""
        await _unbroken(self._unlimited(step))

    async def reach(self) -> None:
        """Make the first connection, where a driver finds out what it does not understand of a URL."""
        with understood():
            await self.migrate(_nothing)

    async def _transaction(self, engine: AsyncEngine, step: Callable[[Work], Awaitable[T]]) -> T:
        with translated():
            async with engine.begin() as conn:
                return await step(Work(conn, await self._begin(conn)))

    async def _unlimited(self, step: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        with translated():
            async with (self._writer or self._reader).begin() as conn:
                await step(conn)

    async def _begin(self, conn: AsyncConnection) -> datetime:
        """Now, by the clock all workers share: PostgreSQL's own; on SQLite, the one process's."""
        if conn.dialect.name != "postgresql":
            return self._clock.now()
        micros = sql_cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
        limits = [func.set_config(name, value, True) for name, value in _POSTGRES_LIMITS.items()]
        return cast("datetime", (await conn.execute(select(type_coerce(micros, Moment), *limits))).scalar_one())

    async def close(self) -> None:
        """Close every connection."""
        await _unbroken(self._dispose())

    async def _dispose(self) -> None:
        with translated():
            if self._writer is not None:
                await self._writer.dispose()
            if self._reader is not self._writer:
                await self._reader.dispose()


async def _nothing(_: AsyncConnection) -> None:
    """Connecting is all."""


async def _unbroken(steps: Coroutine[Any, Any, T]) -> T:
    """Finish what began when the caller is cancelled, and only then let the cancellation through.

    A statement that is abandoned leaves its connection inside a transaction that nobody ends: on SQLite the
    whole store would stay locked. The databases' own limits bound the wait.
    """
    task = asyncio.create_task(steps)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _outlast(task)
        raise


async def _outlast(task: asyncio.Task[Any]) -> None:
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


def parse(url: str) -> URL:
    """The store's URL; raises StoreError for anything but SQLite files and PostgreSQL, and for unknown parameters."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError("the store's URL cannot be read; write sqlite:///path or postgresql://...") from None
    if parsed.drivername not in ("sqlite", "postgresql", "postgres"):
        raise StoreError(f"a store is sqlite:///path or postgresql://..., not {parsed.drivername}://")
    if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("a SQLite store needs a file: sqlite:///path")
    check_parameters(parsed)
    return parsed


def sqlite_path(url: URL) -> Path | None:
    """The file of a SQLite store, None for PostgreSQL."""
    return Path(url.database or "").resolve() if url.drivername == "sqlite" else None


def open_sqlite(path: Path, clock: Clock, *, readonly: bool) -> Database:
    """One connection that writes, some that read."""
    reader = _sqlite_engine(path, mode="ro" if readonly else "rw", begin="BEGIN", size=_SQLITE_READERS)
    if readonly:
        return Database(None, reader, clock)
    return Database(_sqlite_engine(path, mode="rwc", begin="BEGIN IMMEDIATE", size=1), reader, clock)


def _sqlite_engine(path: Path, *, mode: str, begin: str, size: int) -> AsyncEngine:
    url = URL.create("sqlite+aiosqlite", database=f"file:{_quoted(path)}", query={"mode": mode, "uri": "true"})
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": _SQLITE_BUSY, "isolation_level": None},
    )
    pragmas = ("query_only=ON", "foreign_keys=ON") if begin == "BEGIN" else _SQLITE_PRAGMAS

    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", start)
    return engine


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def open_postgres(url: URL, clock: Clock, *, readonly: bool) -> Database:
    """A pool; ``?statement_cache_size=0`` in the URL is for poolers that share sessions (PgBouncer)."""
    query = dict(url.query)
    cached = query.pop("statement_cache_size", None) != "0"
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    with understood():
        engine = create_async_engine(
            url.set(drivername="postgresql+asyncpg", query=query),
            pool_size=_POSTGRES_CONNECTIONS,
            max_overflow=_POSTGRES_CONNECTIONS,
            pool_recycle=_POSTGRES_RECYCLE,
            hide_parameters=True,
            connect_args=_postgres_arguments(cached=cached),
        )
    return Database(None if readonly else engine, engine, clock)


def _postgres_arguments(*, cached: bool) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "timeout": _POSTGRES_CONNECT,
        "command_timeout": _POSTGRES_ANSWER,
        "server_settings": {"application_name": "watchtower"},
    }
    if not cached:
        arguments |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
        arguments["prepared_statement_name_func"] = lambda: ""
    return arguments
