"""What keeps alerts quiet, checked against the rules: inhibition that never works, windows that hold too much."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.config.circles import check_circles
from watchtower.config.reach import accepts_all, alerts_of, chosen, known_labels, means_own, possible_routes
from watchtower.faults import Severity
from watchtower.incidents.quiet import compile_quiet
from watchtower.incidents.routing import compile_routes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.config.reach import Known
    from watchtower.config.reading import Reading
    from watchtower.faults import Fault
    from watchtower.incidents.inhibition import Inhibition
    from watchtower.incidents.quiet import Mute
    from watchtower.matchers import Matcher
    from watchtower.yamlfile import Location


def check_quiet(reading: Reading) -> Iterator[Fault]:
    """Faults and warnings of ``inhibit``, ``mute`` and the routes' ``during``."""
    quiet = compile_quiet([mute for _, mute in reading.mute], [rule for _, rule in reading.inhibit])
    alerts = alerts_of(reading)
    for (number, _), rule in zip(reading.inhibit, quiet.inhibitions, strict=True):
        yield from _inhibition(reading, number, rule, alerts)
    if alerts is not None:
        yield from check_circles(reading, quiet.inhibitions, alerts)
    yield from _mute_names(reading)
    for (number, _), mute in zip(reading.mute, quiet.mutes, strict=True):
        yield from _mute(reading, ("mute", number), mute, alerts)
    yield from _hours(reading)


def _inhibition(reading: Reading, number: int, rule: Inhibition, alerts: list[Known] | None) -> Iterator[Fault]:
    if _meaning(rule.source) == _meaning(rule.target):
        message = "source and target are the same, and alerts that match both never hold each other back"
        yield reading.document.fault(("inhibit", number), message)
    elif alerts is not None:
        yield from _sides(reading, number, rule, alerts)


def _meaning(matchers: Sequence[Matcher]) -> set[str]:
    return {str(replace(matcher, name=matcher.label)) for matcher in matchers}


def _sides(reading: Reading, number: int, rule: Inhibition, alerts: list[Known]) -> Iterator[Fault]:
    sides = {"source": chosen(rule.source, alerts), "target": chosen(rule.target, alerts)}
    for side, matchers in (("source", rule.source), ("target", rule.target)):
        if not sides[side] and not means_own(matchers):
            message = f"no alert of these rules matches this {side}: nothing is ever held back"
            yield _warning(reading.document.fault(("inhibit", number, side), message, key=True))
    whole = not means_own(rule.source) and not means_own(rule.target)
    for place, label in enumerate(rule.equal):
        lacking = [side for side, alike in sides.items() if alike and not any(label in labels for labels in alike)]
        if lacking:
            which = f"the {lacking[0]}" if len(lacking) == 1 else "either side"
            message = f"no alert that {which} matches carries the label `{label}`"
            yield reading.document.fault(("inhibit", number, "equal", place), message)
        elif whole and (values := _never_equal(label, sides["source"], sides["target"])):
            message = f"`{label}` is never equal: {values[0]} at the source, {values[1]} at the target"
            yield reading.document.fault(("inhibit", number, "equal", place), message)


def _never_equal(label: str, source: list[Known], target: list[Known]) -> tuple[str, str] | None:
    """What both sides say where no value of one is a value of the other; None where one is not known yet."""
    here, there = ({labels.get(label, "") for labels in side} for side in (source, target))
    if not here or not there or None in here | there or here & there:
        return None
    return _listed(here), _listed(there)


def _listed(values: set[str | None]) -> str:
    return " or ".join(f"`{value}`" if value else "nothing" for value in sorted(values, key=str))


def _mute_names(reading: Reading) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for number, mute in reading.mute:
        if first.setdefault(mute.name, number) != number:
            line, column = reading.document.position(("mute", first[mute.name], "name"))
            message = f"the name `{mute.name}` is used already at line {line}, column {column}"
            yield reading.document.fault(("mute", number, "name"), message)


def _mute(reading: Reading, loc: Location, mute: Mute, alerts: list[Known] | None) -> Iterator[Fault]:
    if all(accepts_all(matcher) for matcher in mute.matchers):
        yield _warning(reading.document.fault(loc, f"the mute window `{mute.name}` holds back every alert"))
    elif alerts is not None and not chosen(mute.matchers, alerts) and not means_own(mute.matchers):
        message = f"no alert of these rules matches the mute window `{mute.name}`"
        yield _warning(reading.document.fault((*loc, "match"), message, key=True))
    if mute.window.endless:
        yield _warning(reading.document.fault(loc, f"the mute window `{mute.name}` never ends"))
    elif mute.window.dated is not None and mute.window.dated[1] <= reading.now and not reading.tested:
        message = f"the mute window `{mute.name}` is over since {mute.window.dated[1]:%Y-%m-%dT%H:%M:%SZ}"
        yield _warning(reading.document.fault((*loc, "to"), message, key=True))


def _hours(reading: Reading) -> Iterator[Fault]:
    """A route with hours that a P1 or P2 could take: it would wait for the morning."""
    compiled = compile_routes([route for _, route in reading.routes])
    held: dict[str, str] = {}
    for rule in reading.rules.rules:
        for level in rule.levels:
            if level.priority.urgent and rule.enabled and rule.notify:
                labels = known_labels(rule, level.priority, reading.config)
                for route in possible_routes(compiled, labels):
                    held.setdefault(route.name, f"{level.priority} alerts such as {rule.name}")
    for (number, _), route in zip(reading.routes, compiled, strict=True):
        if route.hours is not None and route.name in held:
            message = f"outside of its hours the route `{route.name}` holds back {held[route.name]} too"
            yield _warning(reading.document.fault(("routes", number, "during"), message, key=True))


def _warning(fault: Fault) -> Fault:
    return replace(fault, severity=Severity.WARNING)
