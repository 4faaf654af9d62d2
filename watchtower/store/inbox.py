"""What comes in by itself: pings and people's words about targets, each kept until a newer one of its kind comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from watchtower.sources.base import Received
from watchtower.store.tables import received as table
from watchtower.store.ticks import wake

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from watchtower.store.database import Work


async def receive(work: Work, source: str, news: Received, wakes: Sequence[str]) -> None:
    """Keep the newest of its kind; whoever is judging the units just then has read less than there is."""
    row = {"source": source, "target": news.target, "kind": news.kind, "at": news.at, "text": news.text}
    await work.conn.execute(work.upsert(table, "source", "target", "kind"), [row])
    await wake(work, wakes)


async def received(work: Work, source: str) -> tuple[Received, ...]:
    """The rows of a source, in the order of their targets."""
    query = select(table).where(table.c.source == source).order_by(table.c.target, table.c.kind)
    return tuple(Received(row.target, row.kind, row.at, row.text) for row in await work.conn.execute(query))


async def forget(work: Work, source: str, targets: Collection[str]) -> None:
    """Drop the rows of targets that are not among these."""
    rows = (await work.conn.execute(select(table.c.target).distinct().where(table.c.source == source))).scalars()
    for target in sorted(set(rows) - set(targets)):
        await work.conn.execute(delete(table).where(table.c.source == source, table.c.target == target))
