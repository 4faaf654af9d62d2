"""The evaluation log: what evaluations found besides transitions, bounded for every alert at every moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from watchtower.store.tables import evaluation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.evaluation.findings import Entry
    from watchtower.store.database import Work

#: Entries kept of every alert.
KEPT = 50
#: Alerts whose entries one statement counts.
_LISTED = 500


async def add(work: Work, found: Iterable[Entry]) -> None:
    """Write entries; one that goes on is written over. What is one too many of its alert is forgotten at once."""
    values = {(entry.key.id, entry.finding, entry.since): _values(entry) for entry in found}
    if not values:
        return
    ordered = [values[key] for key in sorted(values)]
    statement = work.insert(evaluation)
    changed = {name: statement.excluded[name] for name in ("at", "body")}
    await work.conn.execute(
        statement.on_conflict_do_update(index_elements=["alert_id", "finding", "since"], set_=changed), ordered
    )
    alerts = sorted({entry["alert_id"] for entry in ordered})
    for start in range(0, len(alerts), _LISTED):
        await _trim(work, alerts[start : start + _LISTED])


def _values(entry: Entry) -> dict[str, Any]:
    return {
        "alert_id": entry.key.id,
        "rule": entry.key.rule,
        "finding": entry.finding,
        "since": entry.since,
        "at": entry.at,
        "body": entry,
    }


async def _trim(work: Work, alerts: list[str]) -> None:
    place = func.row_number().over(partition_by=evaluation.c.alert_id, order_by=evaluation.c.seq.desc())
    ranked = select(evaluation.c.seq, place.label("place")).where(evaluation.c.alert_id.in_(alerts)).subquery()
    surplus = select(ranked.c.seq).where(ranked.c.place > KEPT)
    await work.conn.execute(delete(evaluation).where(evaluation.c.seq.in_(surplus)))


async def of_alert(work: Work, alert_id: str, limit: int) -> tuple[Entry, ...]:
    """The newest entries of an alert, the newest first."""
    query = select(evaluation.c.body).where(evaluation.c.alert_id == alert_id)
    newest = query.order_by(evaluation.c.at.desc(), evaluation.c.seq.desc()).limit(limit)
    return tuple((await work.conn.execute(newest)).scalars())


async def newest_of_rule(work: Work, rule: str, limit: int) -> tuple[Entry, ...]:
    """The newest entry of each alert of a rule, those written last first."""
    last = select(func.max(evaluation.c.seq)).where(evaluation.c.rule == rule).group_by(evaluation.c.alert_id)
    query = select(evaluation.c.body).where(evaluation.c.seq.in_(last)).order_by(evaluation.c.seq.desc()).limit(limit)
    return tuple((await work.conn.execute(query)).scalars())
