"""A rule test file as the runner uses it: checked once, frozen afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.incidents.flush import Policy
    from watchtower.incidents.silences import Silence
    from watchtower.model import Event, Labels, Priority, State
    from watchtower.rulebook.rule import Rule
    from watchtower.ruletest.band import Band
    from watchtower.ruletest.values import Values


@dataclass(frozen=True, slots=True)
class Track:
    """One series of one rule over the time of a test; ``band`` where the rule asks for one."""

    rule: Rule
    identity: Labels
    context: Labels
    values: Values
    initial: State
    band: Band | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What an evaluation must say at ``at`` (seconds) of every alert that has these labels.

    ``rule`` None: of whatever rule. ``priority`` None: not asked. ``line`` is where it stands in the file.
    """

    at: float
    rule: str | None
    labels: Labels
    state: State
    priority: Priority | None
    line: int


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery at ``at`` (seconds): what a test expects, or what happened; ``about`` is for people."""

    at: float
    channel: str
    event: Event
    about: str = ""


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test; ``told`` None: deliveries are not asked. ``composites`` are in the order in which they are judged."""

    name: str
    line: int
    tracks: tuple[Track, ...]
    silences: tuple[Silence, ...]
    expected: tuple[Expected, ...]
    told: tuple[Told, ...] | None
    composites: tuple[Rule, ...] = ()

    @property
    def rules(self) -> dict[str, Rule]:
        """The rules that its series belong to."""
        return {track.rule.name: track.rule for track in self.tracks}


@dataclass(frozen=True, slots=True)
class Setting:
    """What the tests of a file share.

    ``start`` is virtual 0s in epoch seconds; ``account`` and ``region`` stand where a series names none. ``policy``
    None: no configuration, so nothing is delivered.
    """

    rules: Mapping[str, Rule]
    start: int
    environment: str
    account: str
    region: str
    policy: Policy | None


@dataclass(frozen=True, slots=True)
class Suite:
    """One rule test file."""

    path: str
    setting: Setting
    tests: tuple[RuleTest, ...]
