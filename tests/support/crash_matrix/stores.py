"""A store for each run, made from a template, and what it says in the end."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg  # type: ignore[import-untyped]

from tests.support.crash_matrix.books import Ledger, Row
from tests.support.crash_matrix.clock import SPEED, SharedClock
from watchtower.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.postgres import Postgres

_TEMPLATE = "crash_template"
_ROWS = "SELECT id, channel, event, state, attempts, digest, finished_at FROM delivery"
_UNPAID = "SELECT count(*) FROM debt WHERE paid_at IS NULL AND channel <> 'own'"
_COUNTED = "SELECT name, possible_duplicates FROM channel"


class Books(Protocol):
    """The store of one run, read beside the daemon."""

    @property
    def url(self) -> str:
        """For the configuration."""
        ...

    async def read(self) -> Ledger:
        """As it is now."""
        ...

    async def follow(self, clock: SharedClock) -> None:
        """The clock was moved while no process lived."""
        ...

    async def close(self) -> None:
        """No more is read."""
        ...


def _ledger(rows: Sequence[Sequence[Any]], unpaid: int, counted: Sequence[Sequence[Any]]) -> Ledger:
    mine = [row for row in rows if row[1] != "own"]
    return Ledger(
        tuple(Row(row[0], row[1], row[2], row[3], row[4], row[5], open=row[6] is None) for row in mine),
        unpaid,
        {name: count for name, count in counted if count},
    )


@dataclass
class SqliteBooks:
    """A file beside the configuration."""

    file: Path

    @property
    def url(self) -> str:
        """For the configuration."""
        return f"sqlite:///{self.file}"

    async def read(self) -> Ledger:
        """As it is now; nothing while it is locked."""
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(self.file, timeout=0.5)) as connection:
            rows = connection.execute(_ROWS).fetchall()
            [[unpaid]] = connection.execute(_UNPAID).fetchall()
            return _ledger(rows, unpaid, connection.execute(_COUNTED).fetchall())
        return Ledger()

    async def follow(self, clock: SharedClock) -> None:
        """It has no clock of its own."""

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class PostgresBooks:
    """A database of its own on the matrix's server."""

    url: str
    connection: Any

    async def read(self) -> Ledger:
        """As it is now."""
        rows, unpaid = await self.connection.fetch(_ROWS), await self.connection.fetchval(_UNPAID)
        counted = await self.connection.fetch(_COUNTED)
        return _ledger(rows, unpaid, counted)

    async def follow(self, clock: SharedClock) -> None:
        """The server's clock is moved, too."""
        await self.connection.execute(_clock_of(clock))

    async def close(self) -> None:
        """Close the connection."""
        await self.connection.close()


@dataclass
class Shelf:
    """Templates: a store is migrated once, and copied for every run."""

    folder: Path
    clock: SharedClock
    postgres: Postgres | None
    _copying: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def prepare(self) -> None:
        """Make the templates."""
        store = await Store.open(f"sqlite:///{self.folder / 'template.db'}", clock=self.clock)
        await store.close()
        if self.postgres is None:
            return
        await self.postgres.run("ALTER ROLE CURRENT_USER SET search_path = public, pg_catalog")
        await self.postgres.run(f"CREATE DATABASE {_TEMPLATE}")
        template = replace(self.postgres, url=self._url(_TEMPLATE))
        await template.run(_clock_of(self.clock))
        store = await Store.open(template.url, clock=self.clock)
        await store.close()

    async def sqlite(self, folder: Path) -> Books:
        """A file in this folder."""
        file = folder / "watchtower.db"
        await asyncio.to_thread(shutil.copy, self.folder / "template.db", file)
        return SqliteBooks(file)

    async def database(self, number: int) -> Books:
        """A database for this run."""
        assert self.postgres is not None
        name = f"run{number}"
        async with self._copying:
            await self.postgres.run(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return PostgresBooks(self._url(name), await asyncpg.connect(self._url(name)))

    def _url(self, name: str) -> str:
        assert self.postgres is not None
        return self.postgres.url.replace("/postgres?", f"/{name}?")


def _clock_of(clock: SharedClock) -> str:
    """PostgreSQL's clock, as fast as everybody's: found before its own because ``public`` comes first."""
    shown, real = clock.started + clock.monotonic(), time.time()
    since = f"(pg_catalog.clock_timestamp() - to_timestamp({real!r}))"
    return f"""
        CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
            AS $$SELECT to_timestamp({shown!r}) + {since} * {SPEED!r}$$;
    """
