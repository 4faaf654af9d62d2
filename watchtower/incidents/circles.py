"""Inhibitions that lead in a circle: who is told, where each alert is held back by one that it holds back itself."""

from __future__ import annotations

from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

from watchtower.matchers import matches_all

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence

    from watchtower.incidents.inhibition import Inhibition
    from watchtower.incidents.model import FiringAlert


Node = TypeVar("Node", bound="Hashable")


def first_of_circles(rules: Sequence[Inhibition], firing: Iterable[FiringAlert]) -> dict[str, frozenset[str]]:
    """The alert of each circle that fired first, with the others of it: they do not hold it back, so that it is told.

    Everybody else in the circle is held back, if only by somebody whom that one holds back.
    """
    both = [alert for alert in firing if alert.ended_at is None and _stands_on_both_sides(rules, alert)]
    known = {alert.alert_id: alert for alert in both}
    found = {}
    for circle in circles(_graph(rules, both)):
        members = frozenset(node for node in circle if isinstance(node, str))
        first = min(members, key=lambda each: (known[each].since, each))
        found[first] = members - {first}
    return found


def _stands_on_both_sides(rules: Sequence[Inhibition], alert: FiringAlert) -> bool:
    """Nobody else can be in a circle, and most configurations have no such alert."""
    return any(matches_all(rule.source, alert.labels) for rule in rules) and any(
        matches_all(rule.target, alert.labels) for rule in rules
    )


def _graph(rules: Sequence[Inhibition], alerts: Sequence[FiringAlert]) -> Mapping[Hashable, Collection[Hashable]]:
    """Who holds back whom, over one node for each side of a rule and each of its values: no pair is looked at.

    A target that is a source of the same rule is held back by those sources only that are no target of it.
    """
    leads: dict[Hashable, list[Hashable]] = defaultdict(list)
    for number, rule in enumerate(rules):
        for alert in alerts:
            is_source, is_target = matches_all(rule.source, alert.labels), matches_all(rule.target, alert.labels)
            values = rule.values(alert.labels)
            if is_source:
                leads[alert.alert_id].append((number, values, False))
                if not is_target:
                    leads[alert.alert_id].append((number, values, True))
            if is_target:
                leads[number, values, is_source].append(alert.alert_id)
    return leads


def circles(graph: Mapping[Node, Collection[Node]]) -> Iterator[tuple[Node, ...]]:
    """The nodes that lead back to themselves, each circle once: Tarjan's strongly connected components.

    https://doi.org/10.1137/0201010, without recursion: as many alerts may fire as there are series.
    """
    search = _Search(graph)
    for start in graph:
        if start not in search.index:
            yield from search.walk(start)


class _Search(Generic[Node]):
    """Tarjan's walk: ``index`` is the order in which nodes were met, ``low`` the earliest that each leads back to."""

    def __init__(self, graph: Mapping[Node, Collection[Node]]) -> None:
        self._graph = graph
        self._numbers = count()
        self.index: dict[Node, int] = {}
        self._low: dict[Node, int] = {}
        self._open: dict[Node, None] = {}

    def walk(self, start: Node) -> Iterator[tuple[Node, ...]]:
        path = [(start, self._enter(start))]
        while path:
            node, onward = path[-1]
            to = next(onward, None)
            if to is None:
                path.pop()
                if path:
                    self._low[path[-1][0]] = min(self._low[path[-1][0]], self._low[node])
                yield from self._leave(node)
            elif to not in self.index:
                path.append((to, self._enter(to)))
            elif to in self._open:
                self._low[node] = min(self._low[node], self.index[to])

    def _enter(self, node: Node) -> Iterator[Node]:
        self.index[node] = self._low[node] = next(self._numbers)
        self._open[node] = None
        return iter(self._graph.get(node, ()))

    def _leave(self, node: Node) -> Iterator[tuple[Node, ...]]:
        """The circle that was met first at this node, if it is more than the node alone."""
        if self._low[node] != self.index[node]:
            return
        found = []
        while node in self._open:
            found.append(self._open.popitem()[0])
        if len(found) > 1:
            yield tuple(reversed(found))
