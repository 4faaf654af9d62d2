"""The store's version: brought up to date at open, refused when it is newer than this program.

Alembic is imported where a store must be upgraded: a daemon that starts on its own store does without.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import column, inspect, select, table, text

from watchtower.errors import StoreError, StoreTooNew
from watchtower.store.tables import meta

if TYPE_CHECKING:
    from sqlalchemy import ColumnClause, Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from watchtower.store.database import Work

MIGRATIONS = Path(__file__).parent / "migrations"
#: Every version that this program knows, the newest last: a test holds them against the migrations.
VERSIONS = ("0001",)
#: Any number, as long as every release uses the same: two daemons that start together migrate in turn.
_ADVISORY_KEY = 0x77617463


async def upgrade(conn: AsyncConnection) -> None:
    """Bring the tables up to this program's version, in the caller's transaction."""
    if conn.dialect.name == "postgresql":
        await conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
    await conn.run_sync(_upgrade)


async def check(conn: AsyncConnection) -> None:
    """Refuse a store of any other version than this program's."""
    await conn.run_sync(_check)


def _upgrade(connection: Connection) -> None:
    if _version(connection) == VERSIONS[-1]:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check(connection: Connection) -> None:
    found, head = _version(connection), VERSIONS[-1]
    if found is None:
        raise StoreError("this is not a store of Watchtower, or no daemon has opened it yet")
    if found != head:
        raise StoreError(f"the store has version {found}, this program needs {head}; start the daemon to upgrade")


def _version(connection: Connection) -> str | None:
    """The version that Alembic wrote, None where it never did."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: ColumnClause[str] = column("version_num")
    found = connection.execute(select(version).select_from(table("alembic_version"))).scalar_one_or_none()
    if found is not None and found not in VERSIONS:
        raise StoreTooNew(
            f"the store was written by a newer Watchtower: it has version {found}, this program knows up to "
            f"{VERSIONS[-1]}"
        )
    return found


async def mint(work: Work) -> tuple[str, bool]:
    """The store's own id, and whether it was made just now."""
    made = uuid4().hex[:12]
    rows = [{"key": "store_id", "value": made}, {"key": "flush", "value": ""}]
    await work.conn.execute(work.insert(meta).on_conflict_do_nothing(), rows)
    kept = await store_id(work)
    return kept, kept == made


async def store_id(work: Work) -> str:
    """The id minted when the store was made; part of every dedup key."""
    found = await work.conn.execute(select(meta.c.value).where(meta.c.key == "store_id"))
    return str(found.scalar_one())
