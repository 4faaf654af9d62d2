"""Which metric filter of which log group a rule means, and what is wrong where there is none: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.inventory.log_filters import MetricFilter
    from watchtower.sources.logs.query import LogsQuery

#: So many log groups are named in one fault.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A log group of a rule with its filter; None with the ``fault`` that says why its metric cannot be polled."""

    log_group: str
    filter: MetricFilter | None
    fault: str = ""


def find(query: LogsQuery, groups: Iterable[str], filters: Iterable[MetricFilter]) -> list[Found]:
    """Every log group with its filter, in order of their names."""
    chosen: dict[str, list[MetricFilter]] = {}
    for each in filters:
        if query.means(each):
            chosen.setdefault(each.log_group, []).append(each)
    return [_found(query, group, sorted(chosen.get(group, ()))) for group in sorted(groups)]


def _found(query: LogsQuery, group: str, filters: list[MetricFilter]) -> Found:
    if not filters:
        wanted = f"called {query.filter}" if query.pattern is None else "with this pattern"
        return Found(group, None, f"no metric filter {wanted}; `watchtower log-filters` prints how to create it")
    plain = next((each for each in filters if each.metric and not each.dimensions), None)
    if plain is None:
        names = ", ".join(filters[0].dimensions)
        return Found(
            group, None, f"the metric of filter {filters[0].name} has dimensions ({names}); only one without is polled"
        )
    return Found(group, plain)


def faults(rule: str, found: Iterable[Found]) -> list[str]:
    """What is wrong with a rule's filters, once per cause, in sentences."""
    causes: dict[str, list[str]] = {}
    for each in found:
        if each.filter is None:
            causes.setdefault(each.fault, []).append(each.log_group)
    return [f"{rule}: {_named(groups)}: {cause}" for cause, groups in causes.items()]


def _named(groups: list[str]) -> str:
    more = f" and {len(groups) - _NAMED} more" if len(groups) > _NAMED else ""
    return ", ".join(groups[:_NAMED]) + more
