"""How a store is opened: located, held, migrated, and asked who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.errors import StoreError
from watchtower.store import channels, migrate, units
from watchtower.store.database import Database, open_postgres, open_sqlite, parse, sqlite_path
from watchtower.store.lockfile import FileLock

if TYPE_CHECKING:
    from pathlib import Path

    from watchtower.clock import Clock


async def writable(url: str, clock: Clock) -> tuple[Database, FileLock | None, str, bool]:
    """The migrated database, the lock that holds it, its id and whether it was made just now."""
    parsed = parse(url)
    path = sqlite_path(parsed)
    lock = None if path is None else _hold(path)
    database = (
        open_postgres(parsed, clock, readonly=False) if path is None else open_sqlite(path, clock, readonly=False)
    )
    try:
        store_id, fresh = await _prepare(database, alone=lock is not None)
    except BaseException:
        await database.close()
        if lock is not None:
            lock.release()
        raise
    return database, lock, store_id, fresh


def _hold(path: Path) -> FileLock:
    if not path.parent.is_dir():
        raise StoreError(f"the store cannot be opened: {path.parent} is not a directory")
    return FileLock.take(path)


async def _prepare(database: Database, *, alone: bool) -> tuple[str, bool]:
    async with database.migrating() as conn:
        await migrate.upgrade(conn)
    async with database.writing() as work:
        if alone:
            await units.free_all(work)
            await channels.free_all(work)
        return await migrate.mint(work)


async def readable(url: str, clock: Clock) -> tuple[Database, str]:
    """The database beside whoever holds it, and its id; nothing is created, locked or migrated."""
    parsed = parse(url)
    path = sqlite_path(parsed)
    if path is not None and not path.is_file():
        raise StoreError(f"there is no store at {path}")
    database = open_postgres(parsed, clock, readonly=True) if path is None else open_sqlite(path, clock, readonly=True)
    try:
        async with database.migrating() as conn:
            await migrate.check(conn)
        async with database.reading() as work:
            return database, await migrate.store_id(work)
    except BaseException:
        await database.close()
        raise
