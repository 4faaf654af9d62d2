"""Silences: kept until they have long ended; whoever changes one makes every open incident due."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, case, literal, select, update

from watchtower.incidents.silences import Silence
from watchtower.matchers import parse_matcher
from watchtower.store.columns import Moment
from watchtower.store.tables import incident, meta, silence

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from watchtower.store.database import Work
    from watchtower.store.rows import AnyRow

#: How long a silence that ended is still shown.
SHOWN_FOR = timedelta(days=5)


async def silences(work: Work, *, ended: bool = False) -> list[Silence]:
    """Silences that have not ended, those to come too; with ``ended`` also those that ended lately.

    One that was ended stays so, also when the clock is set back before its end.
    """
    wanted = silence.c.ends_at > work.now - SHOWN_FOR
    if not ended:
        wanted = and_(silence.c.ends_at > work.now, silence.c.ends_at != silence.c.updated_at)
    query = select(silence).where(wanted).order_by(silence.c.starts_at, silence.c.id)
    return [_silence(row) for row in await work.conn.execute(query)]


def _silence(row: AnyRow) -> Silence:
    values = dict(row._mapping)
    values["matchers"] = tuple(parse_matcher(text) for text in row.matchers)
    return Silence(**values)


async def save(work: Work, kept: Silence) -> None:
    """Write a silence over the one of the same id."""
    await _lock(work)
    await work.conn.execute(work.upsert(silence, "id"), [_values(kept)])
    await _judge_all(work)


def _values(kept: Silence) -> dict[str, Any]:
    return {
        "id": kept.id,
        "matchers": tuple(str(matcher) for matcher in kept.matchers),
        "starts_at": kept.starts_at,
        "ends_at": kept.ends_at,
        "updated_at": kept.updated_at,
        "created_by": kept.created_by,
        "comment": kept.comment,
        "expire_on_resolve": kept.expire_on_resolve,
        "maintenance": kept.maintenance,
    }


async def expire(work: Work, silence_id: str, now: datetime) -> bool:
    """End a silence now; False when there is none or it has ended already."""
    await _lock(work)
    if not await end(work, [silence_id], now):
        return False
    await _judge_all(work)
    return True


async def end(work: Work, ids: Collection[str], now: datetime) -> int:
    """End those of these silences that have not ended; how many that were. One that never began did not hold."""
    if not ids:
        return 0
    began = case((silence.c.starts_at < now, silence.c.starts_at), else_=literal(now, Moment))
    running: ColumnElement[bool] = silence.c.id.in_(sorted(ids)) & (silence.c.ends_at > now)
    ended = update(silence).where(running).values(starts_at=began, ends_at=now, updated_at=now)
    return (await work.conn.execute(ended)).rowcount


async def _lock(work: Work) -> None:
    """Wait until no flush runs: one that read the silences before would write the incidents' old ``due_at`` after."""
    await work.conn.execute(select(meta.c.value).where(meta.c.key == "flush").with_for_update())


async def _judge_all(work: Work) -> None:
    """Let the next flush look at every open incident; until then none of their pages leaves."""
    await work.conn.execute(update(incident).where(incident.c.ended_at.is_(None)).values(due_at=work.now))
