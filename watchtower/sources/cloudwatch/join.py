"""From discovered dimension values to the results a query wants: globs, exact dimensions, joined metric math."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.model import Labels
from watchtower.sources.cloudwatch.expression import spelled_out
from watchtower.sources.cloudwatch.series import Stat, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchtower.inventory.discovery import Values
    from watchtower.sources.cloudwatch.query import CloudWatchQuery, MetricQuery


def listed_names(member: MetricQuery) -> tuple[str, ...]:
    """The dimensions by which a member's series are listed: all it names, sorted."""
    return tuple(sorted(member.dimensions))


def open_names(query: CloudWatchQuery) -> tuple[str, ...]:
    """The dimensions whose values discovery must find; the same ones for every member that leaves any open."""
    return next((member.open_names for member in query.members.values() if member.open_names), ())


def joined(query: CloudWatchQuery, found: Mapping[str, Iterable[Values]]) -> tuple[Values, ...]:
    """The values of the open dimensions that any member has and every member's patterns accept, sorted.

    ``found`` maps a member's id to its listed values in the order of :func:`listed_names`.
    """
    names = open_names(query)
    if not names:
        return ((),)
    open_members = [member for member in query.members.values() if member.open_names]
    candidates = {values for name, listed in found.items() for values in _projected(query.members[name], listed)}
    return tuple(sorted(values for values in candidates if all(_accepts(m, names, values) for m in open_members)))


def _projected(member: MetricQuery, listed: Iterable[Values]) -> Iterable[Values]:
    names = listed_names(member)
    exact = {names.index(name): value for name, value in member.exact.items()}
    places = [names.index(name) for name in member.open_names]
    for values in listed:
        if all(values[place] == value for place, value in exact.items()):
            yield tuple(values[place] for place in places)


def _accepts(member: MetricQuery, names: Values, values: Values) -> bool:
    return all(member.dimensions[name].matches(value) for name, value in zip(names, values, strict=True))


def wanted(query: CloudWatchQuery, values: Values) -> Wanted:
    """What to ask for one set of open values: every member, whether or not it was found, so that FILL works."""
    found = dict(zip(open_names(query), values, strict=True))
    stats = tuple((name, _stat(member, found)) for name, member in query.members.items())
    return Wanted(stats, spelled_out(query.expression, query.metrics) if query.expression else None)


def band(query: CloudWatchQuery, metric: Wanted) -> Wanted | None:
    """CloudWatch's anomaly band around a metric, where the query wants one.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Anomaly_Detection.html
    """
    if query.band is None:
        return None
    [(name, _)] = metric.stats
    return Wanted(metric.stats, f"ANOMALY_DETECTION_BAND({name}, {query.band:g})", pair=True)


def dimensions(made: Wanted) -> dict[str, str]:
    """The dimensions that name the result: those on which all stats that have them agree."""
    seen: dict[str, set[str]] = {}
    for _, stat in made.stats:
        for name, value in stat.dimensions.items():
            seen.setdefault(name, set()).add(value)
    return {name: next(iter(values)) for name, values in seen.items() if len(values) == 1}


def _stat(member: MetricQuery, found: Mapping[str, str]) -> Stat:
    own = found if member.open_names else {}
    return Stat(member.namespace, member.metric, member.statistic, Labels({**member.exact, **own}))
