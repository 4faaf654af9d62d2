"""A configuration and its rules as they were read: what the checks look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchtower.config.model import Config
    from watchtower.incidents.config import InhibitConfig, MuteConfig, RouteConfig
    from watchtower.rulebook.loader import RuleLoad
    from watchtower.yamlfile import Document


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: ``config`` lacks its faulty keys; of the lists it holds the sound entries, with their places.

    ``tested``: it stands beside rule tests and is not going to run; what only a daemon needs is not asked for.
    """

    document: Document
    config: Config
    routes: tuple[tuple[int, RouteConfig], ...]
    inhibit: tuple[tuple[int, InhibitConfig], ...]
    mute: tuple[tuple[int, MuteConfig], ...]
    rules: RuleLoad
    mounts: str | None
    now: datetime
    tested: bool = False

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The configured channels, faulty ones too."""
        given = self.document.data.get("channels")
        return tuple(given) if isinstance(given, dict) else ()

    @property
    def written_routes(self) -> tuple[tuple[int, Mapping[str, Any]], ...]:
        """The routes as they are written, with their places in the list, faulty ones too."""
        given = self.document.data.get("routes")
        routes = enumerate(given if isinstance(given, list) else ())
        return tuple((number, route) for number, route in routes if isinstance(route, dict))
