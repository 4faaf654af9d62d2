"""Work units: rows that are claimed for a while, and committed only by who still holds them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    LargeBinary,
    Update,
    bindparam,
    case,
    delete,
    false,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
    update,
)

from watchtower.store import codec
from watchtower.store.columns import Moment
from watchtower.store.tables import work_unit
from watchtower.store.values import STAY, ClaimedUnit, UnitHealth

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from watchtower.store.database import Work
    from watchtower.store.rows import AnyRow
    from watchtower.store.values import Removal, UnitRow

#: Seconds that a stored moment may lie further ahead than it can have been set; beyond, the clock was set back.
CLOCK_SLACK = 600


async def sync(work: Work, rows: Sequence[UnitRow], removal: Removal = STAY) -> None:
    """Make the table list exactly these units; what a known one remembers stays, or goes where its series are now."""
    unit = work_unit.c
    known = {row.id: row for row in await work.conn.execute(select(unit.id, unit.source, unit.fingerprint))}
    wanted = sorted(rows, key=lambda row: row.id)
    memories = await _carried(work, {(row.source, row.id, row.fingerprint) for row in known.values()}, wanted, removal)
    gone = sorted(known.keys() - {row.id for row in wanted})
    if gone:
        forget = delete(work_unit).where(unit.id == bindparam("gone"))
        await work.conn.execute(forget, [{"gone": unit} for unit in gone])
    if wanted:
        await work.conn.execute(_keep_memory(work, removal), [_values(row) for row in wanted])
    if memories:
        await work.conn.execute(_take_over(), [{"taker": one, "blob": blob} for one, blob in sorted(memories.items())])


async def _carried(
    work: Work, known: Collection[tuple[str, str, str]], wanted: Sequence[UnitRow], removal: Removal
) -> dict[str, bytes]:
    """The memories that change; nobody commits what is taken from, or to, until this transaction ends."""
    carried: dict[str, bytes] = {}
    unit = work_unit.c
    for source in sorted(removal.sources):
        before = {row for row in known if row[0] == source}
        after = {(row.source, row.id, row.fingerprint) for row in wanted if row.source == source}
        if not before or before == after:
            continue
        query = select(unit.id, unit.memory).where(unit.source == source).order_by(unit.id).with_for_update()
        found = await work.conn.execute(query)
        carried.update(removal.carry(source, {row.id: row.memory for row in found if row.memory is not None}))
    return carried


def _take_over() -> Update:
    """A tick under way knows nothing of what is taken over: it is fenced, and the unit free to be looked at again."""
    unit = work_unit.c
    return (
        update(work_unit)
        .where(unit.id == bindparam("taker"))
        .values(memory=bindparam("blob", type_=LargeBinary), epoch=unit.epoch + 1, lease_until=None)
    )


def _keep_memory(work: Work, removal: Removal) -> Insert:
    """New units as given; a known one whose asks changed is due no later than the plan says.

    Where memories go along, a tick under way for other asks is fenced: what it would remember is not all that is.
    """
    insert, unit = work.insert(work_unit), work_unit.c
    given = insert.excluded
    changed = {name: given[name] for name in ("source", "account", "region", "period", "fingerprint", "rules")}
    due_at = case((given.due_at < unit.due_at, given.due_at), else_=unit.due_at)
    moves = or_(false(), *(given.source == source for source in sorted(removal.sources)))
    fenced = {
        "epoch": case((moves, unit.epoch + 1), else_=unit.epoch),
        "lease_until": case((moves, null()), else_=unit.lease_until),
    }
    return insert.on_conflict_do_update(
        index_elements=["id"],
        set_=changed | fenced | {"due_at": due_at},
        where=unit.fingerprint != given.fingerprint,
    )


def _values(row: UnitRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "source": row.source,
        "account": row.account,
        "region": row.region,
        "period": row.period,
        "fingerprint": row.fingerprint,
        "due_at": row.due_at,
        "epoch": 0,
        "failures": 0,
        "woken": 0,
        "failure": "",
        "rules": row.rules,
        "silent": False,
    }


async def claim(work: Work, worker: str, *, limit: int, lease: float, exclude: Collection[str]) -> list[ClaimedUnit]:
    """Lease units that are due and free to ``worker`` for ``lease`` seconds, the oldest first."""
    unit = work_unit.c
    picked = (
        select(unit.id)
        .where(_due(work.now), free(unit.lease_until, work.now, lease), unit.id.not_in(sorted(exclude)))
        .order_by(unit.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    taken = (
        update(work_unit)
        .where(unit.id.in_(select(picked.c.id)))
        .values(epoch=unit.epoch + 1, lease_until=work.now + timedelta(seconds=lease), worker=worker)
        .returning(work_unit)
    )
    claimed = [_claimed(row) for row in await work.conn.execute(taken)]
    return sorted(claimed, key=lambda found: (found.due_at, found.id))


def _due(now: datetime) -> ColumnElement[bool]:
    return or_(work_unit.c.due_at <= now, _ahead(now))


def _ahead(now: datetime) -> ColumnElement[bool]:
    """Due further ahead than a period can reach: the clock was set back since."""
    distance = type_coerce(work_unit.c.due_at, BigInteger) - codec.to_micros(now)
    return distance > (type_coerce(work_unit.c.period, BigInteger) + CLOCK_SLACK) * 1_000_000


def free(lease_until: ColumnElement[Any], now: datetime, lease: float) -> ColumnElement[bool]:
    """Nobody holds the lease; one that ends later than it can is from before the clock was set back."""
    furthest = now + timedelta(seconds=lease + CLOCK_SLACK)
    return or_(lease_until.is_(None), lease_until <= now, lease_until > furthest)


def _claimed(row: AnyRow) -> ClaimedUnit:
    return ClaimedUnit(
        id=row.id,
        epoch=row.epoch,
        due_at=row.due_at,
        last_tick=row.last_tick,
        memory=row.memory,
        failing_since=row.failing_since,
        failures=row.failures,
        roll=row.roll,
        census=row.census or (),
        woken=row.woken,
        nudged_at=row.nudged_at,
    )


async def next_due(work: Work) -> datetime | None:
    """When the next unit can be claimed; one that is leased, when its lease ends."""
    unit = work_unit.c
    moment = case(
        (unit.lease_until > unit.due_at, unit.lease_until),
        (_ahead(work.now), literal(work.now, Moment)),
        else_=unit.due_at,
    )
    found: datetime | None = (await work.conn.execute(select(func.min(moment)))).scalar_one()
    return found


async def health(work: Work) -> list[UnitHealth]:
    """How every unit fares."""
    columns = (work_unit.c[name] for name in UnitHealth.__dataclass_fields__)
    return [health_of(row) for row in await work.conn.execute(select(*columns).order_by(work_unit.c.id))]


def health_of(row: AnyRow) -> UnitHealth:
    """How the unit of a row fares."""
    values = {name: getattr(row, name) for name in UnitHealth.__dataclass_fields__}
    lists = {name: getattr(row, name) or () for name in ("census", "blinded", "reasons")}
    return UnitHealth(**{**values, **lists})


async def free_all(work: Work) -> None:
    """End every lease: for who opens a store that nobody else can be holding."""
    await work.conn.execute(update(work_unit).values(lease_until=None))
