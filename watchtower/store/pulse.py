"""A mark that says when somebody could last write to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from watchtower.model import DeliveryState
from watchtower.store import codec
from watchtower.store.tables import delivery, meta

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from watchtower.store.database import Work

_KEY = "touched"


async def touch(work: Work) -> timedelta | None:
    """Leave the mark; how long ago the last one was left, None when there is none."""
    found = (await work.conn.execute(select(meta.c.value).where(meta.c.key == _KEY))).scalar_one_or_none()
    await work.conn.execute(work.upsert(meta, "key").values(key=_KEY, value=str(codec.to_micros(work.now))))
    return None if found is None else work.now - codec.from_micros(int(found))


async def accepted_since(work: Work, moment: datetime) -> bool:
    """Whether any vendor accepted anything since."""
    accepted = delivery.c.state == DeliveryState.ACCEPTED
    query = select(exists().where(accepted, delivery.c.finished_at >= moment))
    return bool((await work.conn.execute(query)).scalar_one())
