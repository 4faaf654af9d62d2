"""Inhibitions that lead in a circle: of the alerts in it only one is ever told."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.config.reach import may_match
from watchtower.faults import Severity
from watchtower.incidents.circles import circles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from watchtower.config.reach import Known
    from watchtower.config.reading import Reading
    from watchtower.faults import Fault
    from watchtower.incidents.inhibition import Inhibition


@dataclass(frozen=True, slots=True)
class _Edge:
    """One inhibition lets one alert hold back another; alerts are places in the list of all."""

    number: int
    source: int
    target: int


def check_circles(reading: Reading, rules: Sequence[Inhibition], alerts: Sequence[Known]) -> Iterator[Fault]:
    """A warning for each circle, at its first inhibition.

    Only alerts that surely match are counted: a label that nobody knows yet would make every pair suspicious.
    """
    numbers = [number for number, _ in reading.inhibit]
    edges = [edge for number, rule in zip(numbers, rules, strict=True) for edge in _edges(number, rule, list(alerts))]
    leads = defaultdict(list)
    for edge in edges:
        leads[edge.source].append(edge.target)
    told: set[str] = set()
    for circle in circles(leads):
        members = set(circle)
        names = _listed(sorted({str(alerts[place]["alert"]) for place in range(len(alerts)) if place in members}))
        number = min(edge.number for edge in edges if {edge.source, edge.target} <= members)
        if names not in told:
            told.add(names)
            message = f"{names} hold each other back in a circle: when all fire, only the one that fired first is told"
            yield replace(reading.document.fault(("inhibit", number), message), severity=Severity.WARNING)


def _edges(number: int, rule: Inhibition, alerts: Sequence[Known]) -> Iterator[_Edge]:
    sources = {place for place, labels in enumerate(alerts) if may_match(rule.source, labels) is True}
    targets = {place for place, labels in enumerate(alerts) if may_match(rule.target, labels) is True}
    for source in sources:
        for target in targets:
            both = source in targets and target in sources
            if not both and _may_equal(rule.equal, alerts[source], alerts[target]):
                yield _Edge(number, source, target)


def _may_equal(labels: Collection[str], one: Known, other: Known) -> bool:
    pairs = ((one.get(name, ""), other.get(name, "")) for name in labels)
    return all(here is None or there is None or here == there for here, there in pairs)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
