"""The first flush after a start waits for those that may hold others back: an inhibitor that is not evaluated yet
cannot hold its targets, and they would page for what it explains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.engine.plan import SELF
from watchtower.engine.selfwatch import OWN_ALERTS
from watchtower.matchers import matches_all

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from watchtower.engine.plan import Plan
    from watchtower.incidents.inhibition import Inhibition
    from watchtower.matchers import Matcher
    from watchtower.rulebook.rule import Rule
    from watchtower.store.values import UnitHealth

#: Clock seconds after which nothing is waited for any more: an inhibitor that cannot be asked holds nobody.
LONGEST_WAIT = 60.0

Known = dict[str, set[str]]


def feeders(plan: Plan, inhibitions: Iterable[Inhibition]) -> frozenset[str]:
    """The units whose alerts may be the source of an inhibition."""
    sources = [inhibition.source for inhibition in inhibitions]
    rules = {rule.name for rule in plan.rules.values() if _feeds(_known(rule), sources)}
    return frozenset(watchers(plan, rules) | ({SELF.id} if _feeds({"alert": set(OWN_ALERTS)}, sources) else set()))


def watchers(plan: Plan, rules: Collection[str]) -> frozenset[str]:
    """The units that evaluate any of these rules."""
    return frozenset(unit.id for unit in plan.units.values() if any(ask.rule in rules for ask in unit.asks))


def _feeds(known: Known, sources: Iterable[tuple[Matcher, ...]]) -> bool:
    return any(_may_match(known, matchers) for matchers in sources)


def _may_match(known: Mapping[str, set[str]], matchers: Iterable[Matcher]) -> bool:
    """Whether an alert whose labels are known in part could be meant; what is not known could be anything."""
    return all(
        any(matches_all([matcher], {matcher.label: value}) for value in known[matcher.label])
        for matcher in matchers
        if matcher.label in known
    )


def _known(rule: Rule) -> Known:
    """The labels of which all values are known before any alert exists."""
    known = {name: {template.text} for name, template in rule.labels.items() if template.fixed}
    known |= {"alert": {rule.name}, "group": {rule.group}, "source": {rule.source}}
    known["priority"] = {str(level.priority) for level in rule.levels}
    return {name: values for name, values in known.items() if not any(name in level.labels for level in rule.levels)}


def evaluated(health: Iterable[UnitHealth], first: Mapping[str, UnitHealth], now: datetime) -> frozenset[str]:
    """The units that are up to date, or were polled since ``first``: evaluated, or failed and to be tried again.

    A unit whose poll takes as long as its period is never up to date.
    """
    return frozenset(unit.id for unit in health if _up_to_date(unit, now) or _polled(unit, first.get(unit.id, unit)))


def _up_to_date(unit: UnitHealth, now: datetime) -> bool:
    return unit.due_at > now and (unit.last_tick is not None or unit.failing_since is not None)


def _polled(unit: UnitHealth, before: UnitHealth) -> bool:
    return (unit.last_tick, unit.failures) != (before.last_tick, before.failures)


class Gate:
    """Whether the first flush may be done; once open it stays open."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._first: dict[str, UnitHealth] = {}
        self._evaluated: frozenset[str] = frozenset()
        self.open = False
        self.missing: frozenset[str] = frozenset()

    def look(self, units: frozenset[str], health: Sequence[UnitHealth], now: datetime, elapsed: float) -> bool:
        """Find out what is ``missing``: the units without which the first flush would page too early.

        Returns whether that has changed. ``elapsed`` is the monotonic time in seconds; the first look begins the
        wait.
        """
        self._began = elapsed if self._began is None else self._began
        self._first = {unit.id: unit for unit in health} | self._first
        self._evaluated |= evaluated(health, self._first, now)
        before, self.missing = self.missing, units - self._evaluated
        self.open = self.open or not self.missing or elapsed - self._began >= LONGEST_WAIT
        return before != self.missing
