"""What an answer changes, added up over its parts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.evaluation.case import Change
    from watchtower.evaluation.findings import Entry
    from watchtower.model import AlertState, Transition


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one answer changes.

    ``states`` are rows to write: alerts that are not OK and changed, and those that became OK (state OK, not
    firing). ``evaluated`` and ``held`` count series; ``alarms``, ``insufficient`` and ``pending`` say how many of the
    evaluated are now in that state; pending are those that breach, but not often enough. ``notes`` name the templates
    that failed. ``log`` is what was found besides the transitions.
    """

    states: tuple[AlertState, ...]
    transitions: tuple[Transition, ...]
    evaluated: int
    held: int
    alarms: int
    insufficient: int
    notes: tuple[str, ...] = ()
    pending: int = 0
    log: tuple[Entry, ...] = ()


class Verdict:
    """What the parts of an answer bring, until it is complete."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._states = Counter[State]()
        self._pending = 0
        self._log: list[Entry] = []

    def add(self, *changes: Change) -> None:
        """Take over what is to be written."""
        self._changes.extend(changes)

    def count(self, state: State, series: int = 1) -> None:
        """So many more series are in this state."""
        self._states[state] += series

    def count_pending(self, series: int) -> None:
        """So many more series breach without an alarm."""
        self._pending += series

    def record(self, found: Iterable[Entry]) -> None:
        """Take over what is to be logged."""
        self._log.extend(found)

    def outcome(self, *, evaluated: int, held: int) -> Outcome:
        """The sum."""
        changes = self._changes
        return Outcome(
            states=tuple(changed.state for changed in changes),
            transitions=tuple(changed.transition for changed in changes if changed.transition is not None),
            evaluated=evaluated,
            held=held,
            alarms=self._states[State.ALARM],
            insufficient=self._states[State.INSUFFICIENT_DATA],
            notes=tuple(dict.fromkeys(note for changed in changes for note in changed.notes)),
            pending=self._pending,
            log=tuple(self._log),
        )
