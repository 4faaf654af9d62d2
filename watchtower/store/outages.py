"""When a unit saw nothing: written with its ticks, so that a later question finds why nobody was paged then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update

from watchtower.durations import format_duration
from watchtower.store.codec import from_micros
from watchtower.store.tables import outage
from watchtower.store.values import Outage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from watchtower.store.database import Work
    from watchtower.store.rows import AnyRow
    from watchtower.store.values import TickCommit

#: Outages kept of every unit.
KEPT = 50
#: Seconds without a tick that are worth a line; below it is a tick that was a little late.
WORTH_TELLING = 60


async def note(work: Work, ticks: Sequence[tuple[TickCommit, AnyRow]]) -> None:
    """Begin, go on with and end the outages of the units that are committed; ``AnyRow`` is the unit as it was."""
    failing = [tick for tick, _ in ticks if tick.failing_since is not None]
    over = [tick.unit for tick, was in ticks if was.failing_since not in (None, tick.failing_since)]
    gaps = [gap for tick, was in ticks if (gap := _gap(work, tick, was)) is not None]
    if over:
        ended = update(outage).where(outage.c.unit.in_(sorted(over)), outage.c.until.is_(None))
        await work.conn.execute(ended.values(until=work.now))
    values = sorted([*gaps, *map(_failing, failing)], key=lambda row: str(row["unit"]))
    if values:
        insert = work.insert(outage)
        changed = {name: insert.excluded[name] for name in ("until", "detail", "failures")}
        await work.conn.execute(insert.on_conflict_do_update(index_elements=["unit", "since"], set_=changed), values)
        await _trim(work, {str(row["unit"]) for row in values})


def _failing(tick: TickCommit) -> dict[str, Any]:
    return {
        "unit": tick.unit,
        "since": tick.failing_since,
        "until": None,
        "detail": tick.failure,
        "failures": tick.failures,
    }


def _gap(work: Work, tick: TickCommit, was: AnyRow) -> dict[str, Any] | None:
    """Slots that nothing polled, where no failing poll explains it."""
    if tick.last_tick is None or was.last_tick is None or was.failing_since is not None:
        return None
    missed = (tick.last_tick - was.last_tick) // was.period - 1
    if missed < 1 or missed * was.period < WORTH_TELLING:
        return None
    slots = "1 evaluation was" if missed == 1 else f"{missed} evaluations were"
    late = format_duration(missed * was.period)
    return {
        "unit": tick.unit,
        "since": from_micros(was.last_tick * 1_000_000) + timedelta(seconds=was.period),
        "until": work.now,
        "detail": f"{slots} skipped, {late} in all: Watchtower did not run, or not in time",
        "failures": 0,
    }


async def _trim(work: Work, units: Collection[str]) -> None:
    place = func.row_number().over(partition_by=outage.c.unit, order_by=outage.c.seq.desc())
    ranked = select(outage.c.seq, place.label("place")).where(outage.c.unit.in_(sorted(units))).subquery()
    await work.conn.execute(delete(outage).where(outage.c.seq.in_(select(ranked.c.seq).where(ranked.c.place > KEPT))))


async def of_units(work: Work, units: Collection[str], limit: int) -> tuple[Outage, ...]:
    """The newest outages of these units, the newest first."""
    columns = [outage.c[name] for name in Outage.__dataclass_fields__]
    query = select(*columns).where(outage.c.unit.in_(sorted(units)))
    newest = query.order_by(outage.c.since.desc(), outage.c.seq.desc()).limit(limit)
    return tuple(Outage(**row._mapping) for row in await work.conn.execute(newest))
