"""What is wrong with who stands in for whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.config.reach import destinations
from watchtower.faults import Severity
from watchtower.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchtower.config.reading import Reading
    from watchtower.faults import Fault


def check_fallback(reading: Reading) -> Iterator[Fault]:
    """Channels that there are not, and chains that lead back: a page would go round in them."""
    given = reading.document.data.get("fallback")
    leads = {name: to for name, to in given.items() if isinstance(to, str)} if isinstance(given, dict) else {}
    for name, to in leads.items():
        for written, key in ((name, True), (to, False)):
            if written not in reading.channel_names:
                hint = did_you_mean(written, reading.channel_names)
                yield reading.document.fault(("fallback", name), f"there is no channel `{written}`{hint}", key=key)
    places = destinations(reading)
    for name, to in leads.items():
        if name != to and name in places and places[name] == places.get(to):
            message = f"`{to}` leads to the same place as `{name}`: what fails there fails here too"
            yield replace(reading.document.fault(("fallback", name), message), severity=Severity.WARNING)
    told: set[str] = set()
    for name in leads:
        cycle = _cycle(name, leads)
        if cycle and not told & set(cycle):
            told.update(cycle)
            yield reading.document.fault(("fallback", name), _words(cycle))


def _cycle(name: str, leads: Mapping[str, str]) -> tuple[str, ...]:
    """The channels that a page passes on its way back to ``name``; empty when it never comes back."""
    passed = [name]
    while (to := leads.get(passed[-1])) is not None and to not in passed:
        passed.append(to)
    return tuple(passed) if to == name else ()


def _words(cycle: tuple[str, ...]) -> str:
    if len(cycle) == 1:
        return f"`{cycle[0]}` cannot stand in for itself"
    return f"the fallbacks lead in a circle: {' -> '.join((*cycle, cycle[0]))}"
