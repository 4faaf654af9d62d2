"""Where the past of one series is asked for, worked out from its rule and its identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from watchtower.graphspec import GraphQuery
from watchtower.sources.cloudwatch import join
from watchtower.sources.cloudwatch.pack import Call

if TYPE_CHECKING:
    from watchtower.labels import Labels
    from watchtower.sources.base import Ask, Unit
    from watchtower.sources.cloudwatch.query import CloudWatchQuery

#: Characters of the queries of one graph; metric math over more has none.
LONGEST = 8_000


def chart(unit: Unit, ask: Ask, identity: Labels) -> GraphQuery | None:
    """The call that gives the past of this series; None when it would be too large to be carried."""
    query: CloudWatchQuery = ask.query
    names = join.open_names(query)
    if any(name not in identity for name in names):
        return None
    wanted = join.wanted(query, tuple(identity[name] for name in names))
    band = join.band(query, wanted)
    call = Call(unit.period)
    for each in filter(None, (wanted, band)):
        call.add(each, ask.rule)
    written = orjson.dumps(call.queries()).decode()
    if len(written) > LONGEST:
        return None
    ids = {result: name for name, result in call.returned.items()}
    title = f"{query.metric} {query.statistic}" if query.metric else ""
    return GraphQuery(
        account=unit.account,
        region=unit.region,
        queries=written,
        value=ids[wanted],
        band=ids[band] if band else "",
        metrics=sum(call.billed().values()),
        title=title,
    )
