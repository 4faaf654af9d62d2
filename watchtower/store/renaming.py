"""Channels that lead on under a new name: all that is kept under the old one is the new one's, in one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select, union, update

from watchtower.incidents.lanes import lanes
from watchtower.incidents.renaming import renamed, under
from watchtower.store import flush
from watchtower.store.tables import channel, debt, delivery, incident

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from watchtower.store.database import Work


async def rename(work: Work, today: Mapping[str, str]) -> dict[str, str]:
    """Remember where each channel leads, as ``today`` says; the new names of those that have one, by the old.

    An incident that both names told already keeps them apart: its two messages are two, each with a reference and a
    resolve of its own.
    """
    await flush.lock(work)
    names = renamed(await known(work), today)
    for old, new in names.items():
        stays = await _told_by_both(work, old, new)
        for before, after in zip((old, *lanes(old)), (new, *lanes(new)), strict=True):
            await _move(work, before, after, stays)
        await _rewrite(work, {old: new}, stays)
    await _remember(work, today)
    return names


async def known(work: Work) -> dict[str, str]:
    """Where each channel led when it was configured last, by name; also of those that are configured no more."""
    found = await work.conn.execute(select(channel.c.name, channel.c.destination))
    return {row.name: row.destination for row in found if row.destination is not None}


async def _told_by_both(work: Work, old: str, new: str) -> frozenset[str]:
    """The incidents that have rows or debts under both names."""
    names = (old, new)
    rows = (select(each.c.incident_id, each.c.channel).where(each.c.channel.in_(names)) for each in (delivery, debt))
    told = union(*rows).subquery()
    both = select(told.c.incident_id).group_by(told.c.incident_id).having(func.count() == 2)
    return frozenset((await work.conn.execute(both)).scalars())


async def _move(work: Work, old: str, new: str, stays: Collection[str]) -> None:
    """Its rows, its debts and its pace; who holds its lease holds it on."""
    for table in (delivery, debt):
        mine = and_(table.c.channel == old, table.c.incident_id.not_in(sorted(stays)))
        await work.conn.execute(update(table).where(mine).values(channel=new))
    there = await work.conn.execute(select(channel.c.name).where(channel.c.name == new))
    if stays or there.scalar_one_or_none() is not None:
        await work.conn.execute(update(channel).where(channel.c.name == old).values(destination=None))
        made = work.insert(channel).values(name=new, epoch=0, lease=0.0).on_conflict_do_nothing()
        await work.conn.execute(made)
    else:
        await work.conn.execute(update(channel).where(channel.c.name == old).values(name=new))


async def _rewrite(work: Work, names: Mapping[str, str], stays: Collection[str]) -> None:
    """The incidents that may still say something; a storm of the new name that there is goes on instead of theirs."""
    speaking = or_(incident.c.ended_at.is_(None), incident.c.due_at.is_not(None))
    found = await flush.incidents(work, speaking)
    taking = {(one.route, one.group_labels) for one in found if one.taking_members and one.ended_at is None}
    for one in found:
        new = under(one, names)
        if new == one or one.id in stays:
            continue
        crowded = new.group_labels != one.group_labels and (new.route, new.group_labels) in taking
        values = {
            "channels": new.channels,
            "settings": new.settings,
            "group_labels": new.group_labels,
            "group_hash": flush.group_hash(new.group_labels),
            "acknowledged_via": new.acknowledged_via,
            "taking_members": one.taking_members and not crowded,
        }
        await work.conn.execute(update(incident).where(incident.c.id == one.id).values(**values))


async def _remember(work: Work, today: Mapping[str, str]) -> None:
    rows = [{"name": name, "destination": where, "epoch": 0, "lease": 0.0} for name, where in sorted(today.items())]
    if rows:
        row = work.insert(channel)
        known_by = row.on_conflict_do_update(index_elements=["name"], set_={"destination": row.excluded.destination})
        await work.conn.execute(known_by, rows)
