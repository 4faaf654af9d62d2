"""Which routes an alert takes, in the order of the file: the first that matches, unless it says continue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.matchers import Matcher, matches_all, parse_matchers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watchtower.incidents.config import RouteConfig
    from watchtower.incidents.windows import Window


@dataclass(frozen=True, slots=True)
class Route:
    """A route ready to be asked; ``group_wait`` and ``group_interval`` are seconds.

    ``continues`` lets the routes after this one be asked too. Outside of its ``hours`` it holds back what it carries.
    ``repeat``, ``acknowledge_for`` and ``escalate_after`` are seconds too; nobody is called when ``escalates_to`` is
    empty.
    """

    name: str
    matchers: tuple[Matcher, ...]
    channels: tuple[str, ...]
    group_by: tuple[str, ...]
    group_wait: float = 0.0
    group_interval: float = 60.0
    continues: bool = False
    hours: Window | None = None
    repeat: float | None = None
    acknowledge_for: float | None = None
    escalate_after: float = 0.0
    escalates_to: tuple[str, ...] = ()

    @property
    def settings(self) -> Mapping[str, Any]:
        """What an incident keeps of its route, so that an edited route does not change it half way."""
        return {
            "group_by": list(self.group_by),
            "group_wait": self.group_wait,
            "group_interval": self.group_interval,
            **{name: value for name, value in self._calls().items() if value is not None},
        }

    def _calls(self) -> Mapping[str, Any]:
        """What happens while nobody acknowledges, and when somebody did."""
        others = {"after": self.escalate_after, "channels": list(self.escalates_to)} if self.escalates_to else None
        return {"repeat": self.repeat, "acknowledge_for": self.acknowledge_for, "escalate": others}


@dataclass(frozen=True, slots=True)
class Routed:
    """A route that takes an alert, and why."""

    route: Route
    reason: str


def compile_routes(configs: Sequence[RouteConfig]) -> tuple[Route, ...]:
    """The routes of a configuration in their order; one without a name is called ``route-<n>``, from 1."""
    return tuple(_compiled(config, number) for number, config in enumerate(configs, 1))


def _compiled(config: RouteConfig, number: int) -> Route:
    labels = ("alert" if name == "alertname" else name for name in config.group_by)
    return Route(
        name=config.name or f"route-{number}",
        matchers=parse_matchers(config.match),
        channels=_unique(config.channels),
        group_by=_unique(labels),
        group_wait=config.group_wait,
        group_interval=config.group_interval,
        continues=config.continue_,
        hours=config.during.window if config.during else None,
        repeat=config.repeat,
        acknowledge_for=config.acknowledge_for,
        escalate_after=config.escalate.after if config.escalate else 0.0,
        escalates_to=_unique(config.escalate.channels) if config.escalate else (),
    )


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def route_for(labels: Mapping[str, str], routes: Iterable[Route]) -> list[Routed]:
    """The routes that take an alert with these labels; empty when none does."""
    taken: list[Routed] = []
    for route in routes:
        if matches_all(route.matchers, labels):
            taken.append(Routed(route, _reason(route)))
            if not route.continues:
                break
    return taken


def _reason(route: Route) -> str:
    matched = ", ".join(str(matcher) for matcher in route.matchers)
    return f"route {route.name} matches {matched or 'every alert'}"
