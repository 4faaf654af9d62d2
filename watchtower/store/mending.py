"""Digests that nobody else would edit: a member was told of its end in another message, and still fires in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, exists, func, select

from watchtower.incidents.digests import KEY
from watchtower.model import DeliveryState
from watchtower.store import flush
from watchtower.store.tables import debt, delivery

if TYPE_CHECKING:
    from sqlalchemy import Subquery

    from watchtower.model import Delivery
    from watchtower.store.database import Work


async def mend(work: Work, resolve: Delivery, digest: str | None) -> None:
    """Write an edit for each digest that tells of the incident and is not ``digest``, in which its end was accepted.

    It is a resolve of the digest's own key, after the one that paid: so it pays nothing and is written once.
    """
    if resolve.dedup_key.startswith(KEY):
        return
    edits = [
        replace(
            resolve,
            id=f"{resolve.id}:{stale}",
            dedup_key=f"{KEY}{stale}",
            created_at=work.now,
            next_at=work.now,
            state=DeliveryState.PENDING,
            attempts=0,
            last_error="",
            first_attempt_at=None,
            finished_at=None,
            after=resolve.id,
            reason="it ended in a message of its own, and the digest that told of it shows that too",
        )
        for stale in await _stale(work, resolve, digest)
    ]
    await flush.add_deliveries(work, edits)


async def _stale(work: Work, resolve: Delivery, digest: str | None) -> list[str]:
    """The digests in which the incident arrived here, and that can be edited."""
    here = (delivery.c.channel == resolve.channel, delivery.c.destination == resolve.destination)
    editable = exists().where(
        debt.c.digest == delivery.c.digest, debt.c.channel == delivery.c.channel, debt.c.ref.is_not(None)
    )
    told = (
        select(delivery.c.digest)
        .where(
            delivery.c.incident_id == resolve.incident_id,
            *here,
            delivery.c.state == DeliveryState.ACCEPTED,
            delivery.c.digest.is_not(None),
            editable,
        )
        .distinct()
        .order_by(delivery.c.digest)
    )
    return [each for each in (await work.conn.execute(told)).scalars() if each != digest]


def mends(row: Subquery) -> ColumnElement[bool]:
    """A row of :func:`sending.heads` that was written here."""
    return row.c.dedup_key.startswith(KEY, autoescape=True)


def mended(row: Subquery) -> ColumnElement[str]:
    """The digest that such a row is to edit."""
    return func.substr(row.c.dedup_key, len(KEY) + 1)
