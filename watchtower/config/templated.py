"""Channels that routes name by a template: what can be said of them before there is an alert."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from watchtower.config.reach import alerts_of, chosen
from watchtower.faults import Severity
from watchtower.incidents.config import DEFAULT_GROUP_BY
from watchtower.incidents.routing import compile_routes
from watchtower.incidents.templated import is_templated, name_for, written
from watchtower.templates import Template, label_names, used_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watchtower.config.reach import Known
    from watchtower.config.reading import Reading
    from watchtower.faults import Fault

    Loc = tuple[str | int, ...]

_HOLE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def check_templated(reading: Reading) -> Iterator[Fault]:
    """Templates that cannot be right, and warnings for names that they will give and no channel has."""
    for number, route in reading.written_routes:
        grouped = _grouped(route)
        for loc, name in _templates(number, route):
            for message in _wrong(name, grouped):
                yield reading.document.fault(loc, message)
    yield from _nowhere(reading)
    yield from _last(reading)


def fitting(template: str, reading: Reading) -> list[str]:
    """The configured channels that a name may mean."""
    pattern = re.compile(".*".join(map(re.escape, _HOLE.split(template))))
    return [name for name in reading.channel_names if pattern.fullmatch(name)]


def _templates(number: int, route: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    escalate = route.get("escalate")
    others = escalate.get("channels") if isinstance(escalate, dict) else None
    for keys, names in ((("channels",), route.get("channels")), (("escalate", "channels"), others)):
        for place, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str) and is_templated(name):
                yield ("routes", number, *keys, place), name


def _grouped(route: Mapping[str, Any]) -> tuple[str, ...]:
    given = route.get("group_by")
    names = given if isinstance(given, list) else DEFAULT_GROUP_BY
    return tuple("alert" if name == "alertname" else str(name) for name in names)


def _wrong(name: str, grouped: Sequence[str]) -> Iterator[str]:
    """An incident has one set of channels, so what chooses them must be the same for all its alerts."""
    try:
        template = Template(name)
    except ValueError as error:
        yield str(error)
        return
    if template.fixed:
        yield f"`{name}` is not a channel name; a template is written with two braces: {{{{ labels.tenant }}}}"
        return
    for other in sorted(used_names(name) - {"labels"}):
        yield f"a channel is chosen by labels alone; `{other}` may change while an incident is open"
    for label in sorted(label_names(name).difference(grouped)):
        listed = ", ".join([*grouped, label])
        yield (
            f"`labels.{label}` is not in `group_by` of this route, so alerts of one incident may differ in it; "
            f"write group_by: [{listed}]"
        )


def _last(reading: Reading) -> Iterator[Fault]:
    """Whom to tell when a template names nobody."""
    templated = any(any(_templates(number, route)) for number, route in reading.written_routes)
    for number, route in reading.written_routes[-1:]:
        names = route.get("channels")
        if templated and isinstance(names, list) and names and not written(map(str, names)):
            message = "the last route needs a channel without a template: it is told where a template gives no channel"
            yield reading.document.fault(("routes", number, "channels"), message, key=True)


def _raw(reading: Reading, number: int) -> Mapping[str, Any]:
    return dict(reading.written_routes)[number]


def _nowhere(reading: Reading) -> Iterator[Fault]:
    """Names that known label values give, and patterns that no channel fits."""
    alerts = alerts_of(reading) or []
    compiled = compile_routes([route for _, route in reading.routes])
    for route, (number, _) in zip(compiled, reading.routes, strict=True):
        mine = chosen(route.matchers, alerts)
        for loc, name in _templates(number, _raw(reading, number)):
            if any(_wrong(name, route.group_by)):
                continue
            for message in _unknown(name, mine, reading):
                fault = reading.document.fault(
                    loc, f"{message}; the others of this route would be told, or else the last route's"
                )
                yield replace(fault, severity=Severity.WARNING)


def _unknown(name: str, alerts: Sequence[Known], reading: Reading) -> Iterator[str]:
    if not fitting(name, reading):
        yield f"no channel has a name like `{name}`"
        return
    labels = label_names(name)
    told: dict[str, str] = {}
    for alert in alerts:
        values = {label: alert.get(label, "") for label in labels}
        if all(value is not None for value in values.values()):
            given = name_for(name, {label: value or "" for label, value in values.items()})
            if given not in reading.channel_names:
                told.setdefault(given, alert.get("alert") or "")
    for given, rule in told.items():
        yield f"there is no channel `{given}`, which this gives for {rule}"
