"""The ledger of uptime: seconds by series, row of time and state; old rows are joined to longer ones."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, func, literal, select

from watchtower.clock import epoch
from watchtower.model import AlertKey
from watchtower.sources.uptime.ledger import DAY, FINE, FINE_FOR, HOUR, HOURS_FOR, KEPT_DAYS, Totals, Watched
from watchtower.store.tables import uptime, uptime_series

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from watchtower.sources.uptime.ledger import Spent
    from watchtower.store.database import Work

_STATES = tuple(state.value for state in Watched if state is not Watched.UNWATCHED)
#: Rows of a step of joining, by their series.
_SERIES_A_STEP = 200


async def add(work: Work, spans: Iterable[Spent]) -> None:
    """Book spans; two workers write in the same order, so that neither waits for the other."""
    booked = sorted(spans, key=lambda span: (span.key.id, span.start))
    if not booked:
        return
    series = work.insert(uptime_series).on_conflict_do_nothing(index_elements=["id"])
    firsts: dict[str, dict[str, Any]] = {}
    for span in booked:
        known = {"id": span.key.id, "rule": span.key.rule, "identity": span.key.identity, "since": span.start}
        firsts.setdefault(span.key.id, known)
    await work.conn.execute(series, list(firsts.values()))
    await work.conn.execute(_adding(work), [row for span in booked for row in _rows(span)])


def _rows(span: Spent) -> Iterable[dict[str, Any]]:
    for start, begin, end in span.rows():
        seconds = dict.fromkeys(_STATES, 0.0) | {span.state.value: float(end - begin)}
        yield {"series": span.key.id, "width": span.width, "start": start, "until": end, **seconds}


def _adding(work: Work, source: Any = None) -> Any:
    """An insert that adds to a row that is there."""
    insert = work.insert(uptime)
    if source is not None:
        insert = insert.from_select(["series", "width", "start", "until", *_STATES], source)
    later = case((insert.excluded.until > uptime.c.until, insert.excluded.until), else_=uptime.c.until)
    sums = {name: uptime.c[name] + insert.excluded[name] for name in _STATES}
    return insert.on_conflict_do_update(index_elements=["series", "width", "start"], set_={"until": later, **sums})


async def totals(
    work: Work, rules: Collection[str] | None, begins: Mapping[int, int]
) -> dict[AlertKey, dict[int, Totals]]:
    """By series of these rules, or of all, and by window what was booked since the window's beginning."""
    found: dict[AlertKey, dict[int, Totals]] = defaultdict(dict)
    for window, begin in begins.items():
        sums = [func.sum(uptime.c[name]).label(name) for name in _STATES]
        query = select(uptime.c.series, *sums, func.max(uptime.c.until).label("until"))
        booked = query.where(uptime.c.start >= begin).group_by(uptime.c.series).subquery()
        joined = select(uptime_series, booked).join(booked, booked.c.series == uptime_series.c.id)
        if rules is not None:
            joined = joined.where(uptime_series.c.rule.in_(sorted(rules)))
        for row in await work.conn.execute(joined.order_by(uptime_series.c.id)):
            seconds = {name: getattr(row, name) for name in _STATES}
            key = AlertKey(row.rule, row.identity)
            found[key][window] = Totals(**seconds, since=row.since, until=row.until)
    return dict(found)


async def compact(work: Work) -> bool:
    """Join some of what is old to longer rows, and forget what is too old; True when there may be more."""
    now = int(epoch(work.now))
    joined = [
        await _join(work, FINE, HOUR, now - FINE_FOR),
        await _join(work, HOUR, DAY, now - HOURS_FOR),
    ]
    before = now - KEPT_DAYS * DAY
    await work.conn.execute(delete(uptime).where(uptime.c.start < before))
    left = select(uptime.c.series).where(uptime.c.series == uptime_series.c.id).exists()
    await work.conn.execute(delete(uptime_series).where(~left))
    return any(joined)


async def _join(work: Work, narrow: int, wide: int, before: int) -> bool:
    """Join the rows of some series that end before the wide row that ``before`` lies in."""
    rows, before = uptime.c, before - before % wide
    chosen = select(rows.series).where(rows.width == narrow, rows.start < before).distinct().limit(_SERIES_A_STEP)
    series = list((await work.conn.execute(chosen)).scalars())
    if not series:
        return False
    old = (rows.width == narrow) & (rows.start < before) & rows.series.in_(series)
    start = (rows.start - rows.start % wide).label("start")
    sums = [func.sum(rows[name]) for name in _STATES]
    source = select(rows.series, literal(wide), start, func.max(rows.until), *sums).where(old)
    await work.conn.execute(_adding(work, source.group_by(rows.series, start)))
    await work.conn.execute(delete(uptime).where(old))
    return len(series) == _SERIES_A_STEP
