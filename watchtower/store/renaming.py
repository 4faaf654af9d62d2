"""Channels that lead on under a new name: all that is kept under the old one is the new one's, in one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update

from watchtower.incidents.lanes import lanes
from watchtower.incidents.renaming import renamed, under
from watchtower.store import flush
from watchtower.store.tables import channel, debt, delivery, incident

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.store.database import Work


async def rename(work: Work, today: Mapping[str, str]) -> dict[str, str]:
    """Remember where each channel leads, as ``today`` says; the new names of those that have one, by the old."""
    await flush.lock(work)
    names = renamed(await known(work), today)
    for old, new in names.items():
        await _move(work, old, new)
        for before, after in zip(lanes(old), lanes(new), strict=True):
            await _move(work, before, after)
    if names:
        await _rewrite(work, names)
    await _remember(work, today)
    return names


async def known(work: Work) -> dict[str, str]:
    """Where each channel led when it was configured last, by name; also of those that are configured no more."""
    found = await work.conn.execute(select(channel.c.name, channel.c.destination))
    return {row.name: row.destination for row in found if row.destination is not None}


async def _move(work: Work, old: str, new: str) -> None:
    """Its rows, its debts and its pace; who holds its lease holds it on."""
    for table in (delivery, debt):
        await work.conn.execute(update(table).where(table.c.channel == old).values(channel=new))
    await work.conn.execute(delete(channel).where(channel.c.name == new))
    await work.conn.execute(update(channel).where(channel.c.name == old).values(name=new))


async def _rewrite(work: Work, names: Mapping[str, str]) -> None:
    """The incidents that may still say something."""
    speaking = or_(incident.c.ended_at.is_(None), incident.c.due_at.is_not(None))
    for one in await flush.incidents(work, speaking):
        new = under(one, names)
        values = {
            "channels": new.channels,
            "settings": new.settings,
            "group_labels": new.group_labels,
            "group_hash": flush.group_hash(new.group_labels),
            "acknowledged_via": new.acknowledged_via,
        }
        if new != one:
            await work.conn.execute(update(incident).where(incident.c.id == one.id).values(**values))


async def _remember(work: Work, today: Mapping[str, str]) -> None:
    rows = [{"name": name, "destination": where, "epoch": 0, "lease": 0.0} for name, where in sorted(today.items())]
    if rows:
        row = work.insert(channel)
        known_by = row.on_conflict_do_update(index_elements=["name"], set_={"destination": row.excluded.destination})
        await work.conn.execute(known_by, rows)
