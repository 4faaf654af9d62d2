"""Routes that take nothing: an earlier one takes it all, or no alert of the rules is like that."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from watchtower.config.reach import accepts_all, alerts_of, chosen, means_own
from watchtower.faults import Severity
from watchtower.incidents.routing import compile_routes
from watchtower.matchers import Matcher, Operator
from watchtower.model import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.config.reach import Known
    from watchtower.config.reading import Reading
    from watchtower.faults import Fault
    from watchtower.incidents.routing import Route

    Case = tuple[Matcher, ...]

#: An expression that is nothing but a choice of words, so that what it matches can be counted.
_WORDS = re.compile(r"\^?(\()?([\w /:@-]+(?:\|[\w /:@-]+)*)(?(1)\))\$?")
#: A route that accepts more combinations of values is not taken apart.
_MOST_CASES = 200


def check_routes(reading: Reading) -> Iterator[Fault]:
    """Routes that are never reached, that no alert of the rules matches, or that group by what no alert carries."""
    compiled = compile_routes([route for _, route in reading.routes])
    alerts = alerts_of(reading)
    own = _own_alerts(reading.config.environment)
    for place, (number, _) in enumerate(reading.routes):
        takers = _takers(compiled[place], compiled[:place])
        if takers:
            lines = [reading.document.position(("routes", reading.routes[taker][0]))[0] for taker in takers]
            yield reading.document.fault(("routes", number), f"this route is never reached: {_those(lines)} first")
        elif alerts and (message := _matches_none(compiled[place], [*alerts, *own])):
            yield _warning(reading.document.fault(("routes", number, "match"), message, key=True))
        if alerts:
            yield from _groups(reading, number, [*alerts, *own])


def _those(lines: Sequence[int]) -> str:
    if len(lines) == 1:
        return f"the one at line {lines[0]} takes all its alerts"
    return f"those at lines {', '.join(map(str, lines[:-1]))} and {lines[-1]} take all its alerts"


def _takers(route: Route, earlier: Sequence[Route]) -> list[int]:
    """The places of the earlier routes that together take everything before this route is asked; none if they do not.

    A route whose matchers contradict each other has nothing that could be taken.
    """
    takers: set[int] = set()
    final = [(place, other.matchers) for place, other in enumerate(earlier) if not other.continues]
    for case in _cases(route.matchers):
        taker = next((place for place, matchers in final if all(_certain(one, case) for one in matchers)), None)
        if taker is None:
            return []
        takers.add(taker)
    return sorted(takers)


def _certain(matcher: Matcher, case: Case) -> bool:
    """Whether every alert that the case accepts satisfies the matcher."""
    if accepts_all(matcher) or any(_meaning(matcher) == _meaning(other) for other in case):
        return True
    values = _values(case, matcher.label)
    return values is not None and all(matcher.matches({matcher.label: value}) for value in values)


def _meaning(matcher: Matcher) -> str:
    return str(replace(matcher, name=matcher.label))


def _cases(matchers: Case) -> list[Case]:
    """The matchers taken apart into one case for each combination of values that they accept; none if none is."""
    found = {label: _values(matchers, label) for label in dict.fromkeys(matcher.label for matcher in matchers)}
    known = {label: values for label, values in found.items() if values is not None}
    if prod(map(len, known.values())) > _MOST_CASES:
        return [matchers]
    return [
        (*matchers, *(Matcher(label, Operator.EQUAL, value) for label, value in zip(known, values, strict=True)))
        for values in product(*known.values())
    ]


def _values(matchers: Case, label: str) -> list[str] | None:
    """The values of a label that all matchers accept; None when they cannot be counted."""
    mine = [matcher for matcher in matchers if matcher.label == label]
    counted = [values for values in map(_counted, mine) if values is not None]
    if label == "priority" and mine:
        counted.append([str(priority) for priority in Priority])
    if not counted:
        return None
    return [value for value in min(counted, key=len) if all(matcher.matches({label: value}) for matcher in mine)]


def _counted(matcher: Matcher) -> list[str] | None:
    if matcher.operator is Operator.EQUAL:
        return [matcher.value]
    words = _WORDS.fullmatch(matcher.value) if matcher.operator is Operator.MATCHES else None
    return list(dict.fromkeys(words[2].split("|"))) if words else None


def _own_alerts(environment: str) -> list[Known]:
    """The labels of the alerts that Watchtower raises about itself, as far as routes can count on them."""
    unknown: Known = dict.fromkeys(["source", "account", "region", "rule", "channel"])
    fixed = {"alert": "Watchtower", "group": "watchtower", "environment": environment}
    return [{**unknown, **fixed, "priority": str(priority)} for priority in Priority]


def _matches_none(route: Route, alerts: Sequence[Known]) -> str:
    """Why no alert takes the route; empty when one may."""
    if not _cases(route.matchers):
        return "the matchers of this route exclude each other: no alert matches them all"
    if chosen(route.matchers, alerts) or means_own(route.matchers):
        return ""
    return "no alert of these rules matches this route"


def _groups(reading: Reading, number: int, alerts: Sequence[Known]) -> Iterator[Fault]:
    """Labels that the file names; the default is right for rules of AWS and harmless for others."""
    carried = {"alertname", *(label for labels in alerts for label in labels)}
    written = reading.document.get(("routes", number, "group_by"))
    for place, label in enumerate(written if isinstance(written, list) else ()):
        if label not in carried:
            message = f"no alert of these rules carries the label `{label}`: it keeps no alerts apart"
            yield _warning(reading.document.fault(("routes", number, "group_by", place), message))


def _warning(fault: Fault) -> Fault:
    return replace(fault, severity=Severity.WARNING)
