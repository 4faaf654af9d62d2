"""What the configuration keeps quiet: mute windows and inhibition, ready to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.incidents.inhibition import Inhibition, compile_inhibitions
from watchtower.matchers import Matcher, parse_matchers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.incidents.config import InhibitConfig, MuteConfig
    from watchtower.incidents.windows import Window


@dataclass(frozen=True, slots=True)
class Mute:
    """A window in which the alerts that its matchers choose page nobody; ``maintenance``: it is no downtime either."""

    name: str
    matchers: tuple[Matcher, ...]
    window: Window
    maintenance: bool = False


@dataclass(frozen=True, slots=True)
class Quiet:
    """The mute windows and inhibitions of a configuration."""

    mutes: tuple[Mute, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()

    @property
    def lookback(self) -> float | None:
        """How many seconds an alert that ended is still of interest to a flush; None when nothing inhibits."""
        return max((each.extension for each in self.inhibitions), default=None)


def compile_quiet(mutes: Sequence[MuteConfig], inhibitions: Sequence[InhibitConfig]) -> Quiet:
    """The mute windows and inhibitions as they are written, ready to be asked."""
    windows = tuple(Mute(each.name, parse_matchers(each.match), each.window, each.maintenance) for each in mutes)
    return Quiet(windows, compile_inhibitions(inhibitions))
