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
    from watchtower.store.database import Work


async def writable(url: str, clock: Clock) -> tuple[Database, FileLock | None, str, bool]:
    """The migrated database, the lock that holds it, its id and whether it was made just now."""
    parsed = parse(url)
    path = sqlite_path(parsed)
    lock = None if path is None else _hold(path)
    database = (
        open_postgres(parsed, clock, readonly=False) if path is None else open_sqlite(path, clock, readonly=False)
    )
    try:
        await database.reach()
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
    await database.migrate(migrate.upgrade)
    if alone:
        await database.write(_free_all)
    return await database.write(migrate.mint)


async def _free_all(work: Work) -> None:
    await units.free_all(work)
    await channels.free_all(work)


async def readable(url: str, clock: Clock) -> tuple[Database, str]:
    """The database beside whoever holds it, and its id; nothing is created, locked or migrated."""
    parsed = parse(url)
    path = sqlite_path(parsed)
    if path is not None and not path.is_file():
        raise StoreError(f"there is no store at {path}")
    database = open_postgres(parsed, clock, readonly=True) if path is None else open_sqlite(path, clock, readonly=True)
    try:
        await database.reach()
        await database.migrate(migrate.check)
        return database, await database.read(migrate.store_id)
    except BaseException:
        await database.close()
        raise
