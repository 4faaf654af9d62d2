"""What the migrations make is what the statements expect, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from watchtower.store import migrate
from watchtower.store.database import open_postgres, open_sqlite, parse, sqlite_path
from watchtower.store.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from tests.support.stores import World


def _difference(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _ours})
    return list(compare_metadata(context, metadata))


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name != "test_clock"


async def test_the_migrations_make_the_tables_that_the_statements_use(world: World) -> None:
    await world.bare()
    await (await world.open()).close()
    found: list[object] = []

    async def compare(conn: AsyncConnection) -> None:
        found.extend(await conn.run_sync(_difference))

    url = parse(world.url)
    path = sqlite_path(url)
    database = (
        open_postgres(url, world.clock, readonly=True)
        if path is None
        else open_sqlite(path, world.clock, readonly=True)
    )
    await database.migrate(compare)
    await database.close()
    assert found == []


async def test_migrating_twice_changes_nothing(world: World) -> None:
    await world.bare()
    first = await world.open()
    await first.close()
    second = await world.open()
    await second.ping()


def test_an_empty_database_lacks_everything() -> None:
    """The comparison above can fail."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        assert len(_difference(connection)) >= len(metadata.tables)
    engine.dispose()


def test_every_migration_is_a_version_that_the_store_knows() -> None:
    found = [script.revision for script in ScriptDirectory(str(migrate.MIGRATIONS)).walk_revisions()]
    assert tuple(reversed(found)) == migrate.VERSIONS


def test_the_migrations_are_beside_the_code() -> None:
    assert (migrate.MIGRATIONS / "env.py").is_file()
    assert list((migrate.MIGRATIONS / "versions").glob("0001_*.py"))
