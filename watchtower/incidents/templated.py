"""Channels that a route names by a template: which they are is known when an incident opens, by its group labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.errors import TemplateError
from watchtower.templates import Template

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from watchtower.incidents.model import Incident
    from watchtower.incidents.routing import Route

#: The setting in which an incident keeps the names that its route gave and that no channel has.
NO_CHANNEL = "no_channel"


def is_templated(name: str) -> bool:
    """Whether a channel's name is known only with labels; that of a channel holds no brace."""
    return "{" in name


def rendered(route: Route, group: Mapping[str, str]) -> Route:
    """The route as it is for one group of alerts; a label that is missing is empty."""
    if not any(map(is_templated, (*route.channels, *route.escalates_to))):
        return route
    labels = {name: group.get(name, "") for name in route.group_by}
    channels = _names(route.channels, labels)
    others = (name for name in _names(route.escalates_to, labels) if name not in channels)
    return replace(route, channels=channels, escalates_to=tuple(others))


def settled(
    route: Route, group: Mapping[str, str], routes: Sequence[Route], known: Collection[str]
) -> tuple[Route, tuple[str, ...]]:
    """The route with channels that there are, and the names that it gave in vain.

    Where none is left, those of the last route are told: a tenant without a channel is no reason to tell nobody.
    """
    here = rendered(route, group)
    missing = tuple(name for name in here.channels if name not in known)
    if here is route or not missing:
        return here, ()
    there = tuple(name for name in here.channels if name in known) or written(routes[-1].channels)
    others = tuple(name for name in here.escalates_to if name not in there)
    return replace(here, channels=there, escalates_to=others), missing


def written(names: Iterable[str]) -> tuple[str, ...]:
    """The names that need no labels."""
    return tuple(name for name in names if not is_templated(name))


def in_vain(incident: Incident) -> str:
    """Which channels its route named in vain, as a reason goes on; empty for most."""
    names = incident.settings.get(NO_CHANNEL)
    return f"; there is no channel {', '.join(map(str, names))}" if isinstance(names, list | tuple) and names else ""


def _names(templates: Iterable[str], labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name_for(text, labels) for text in templates))


def name_for(text: str, labels: Mapping[str, str]) -> str:
    """The name that a template gives; the template itself where it gives none, which no channel is called."""
    try:
        return Template(text).render(labels=labels)
    except TemplateError:
        return text
