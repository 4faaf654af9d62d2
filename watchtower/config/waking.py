"""Whether somebody wakes up, and still does when one credential fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.config.reach import destinations, known_labels, possible_routes
from watchtower.config.templated import fitting
from watchtower.faults import Severity
from watchtower.incidents.routing import compile_routes
from watchtower.model import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watchtower.config.reading import Reading
    from watchtower.faults import Fault

#: Channel types that wake a person.
WAKING = frozenset({"pagerduty"})


def check_waking(reading: Reading) -> Iterator[Fault]:
    """A warning for each route that a P1 may take and that wakes nobody, or hangs on one credential."""
    routes = compile_routes(reading.config.routes)
    places = {route.name: number for number, route in enumerate(routes)}
    told: set[str] = set()
    for route in (route for labels in _paging(reading) for route in possible_routes(routes, labels)):
        named = (name for one in (*route.channels, *route.escalates_to) for name in fitting(one, reading))
        few = _few(reading, list(dict.fromkeys(named)))
        if few and route.name not in told:
            told.add(route.name)
            message = f"P1 alerts on the route `{route.name}` reach {few}"
            fault = reading.document.fault(("routes", places[route.name], "channels"), message)
            yield replace(fault, severity=Severity.WARNING)


def _paging(reading: Reading) -> Iterator[Mapping[str, str | None]]:
    """The labels, as far as known, of every rule that can page at P1."""
    for rule in reading.rules.rules:
        if rule.enabled and rule.notify and rule.levels[0].priority is Priority.P1:
            yield known_labels(rule, Priority.P1, reading.config)


def _few(reading: Reading, channels: list[str]) -> str:
    """Why too few wake up; empty when two credentials do. Channels of one credential fail as one."""
    waking = _waking(reading, channels)
    if not waking:
        return "no channel that wakes anybody"
    places = destinations(reading)
    reached = {places.get(name, name) for name in (*waking, *_waking(reading, _standing_in(reading, channels)))}
    if len(reached) > 1:
        return ""
    if len(waking) == 1:
        return f"a single waking channel: when `{waking[0]}` fails, nobody wakes up"
    names = ", ".join(f"`{name}`" for name in waking)
    return f"a single waking credential, that of {names}: when it fails, nobody wakes up"


def _waking(reading: Reading, channels: Iterable[str]) -> list[str]:
    return [name for name in channels if reading.document.get(("channels", name, "type")) in WAKING]


def _standing_in(reading: Reading, channels: Iterable[str]) -> list[str]:
    """Whom fallbacks lead to from these channels, in any number of steps."""
    leads = reading.config.fallback
    found: list[str] = []
    todo = list(channels)
    while todo:
        to = leads.get(todo.pop())
        if to is not None and to not in found:
            found.append(to)
            todo.append(to)
    return found
