"""What a test expected held against what happened."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import TYPE_CHECKING

from watchtower.model import Event, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.model import Priority
    from watchtower.ruletest.standing import Standing
    from watchtower.ruletest.suite import Expected, RuleTest, Told
    from watchtower.ruletest.world import World

#: Series that a mismatch names where none has the labels that are meant.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An expectation that did not hold for one alert; ``alert`` is empty where no series has the labels."""

    line: int
    at: float
    alert: str
    expected: str
    got: str
    datapoints: tuple[float | None, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the ordered difference: ``sign`` is ``-`` (expected, not delivered), ``+`` (the reverse) or blank."""

    sign: str
    told: Told


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test's outcome; ``difference`` is empty where the deliveries were those expected."""

    test: RuleTest
    mismatches: tuple[Mismatch, ...] = ()
    difference: tuple[Step, ...] = ()

    @property
    def passed(self) -> bool:
        """Everything was as expected."""
        return not self.mismatches and not self.difference


def held_against(world: World, test: RuleTest, expected: Expected) -> Iterator[Mismatch]:
    """What does not hold of one expectation; it is asked of every alert that has its labels."""
    rules = _meant(test, expected)
    found = world.standings(rules, expected.labels)
    wanted = _named(expected.state, expected.priority)
    if not found:
        others = _listed(world.standings(rules, expected.labels.only(())))
        got = f"no series with the labels {expected.labels}; there are {others or 'none'}"
        yield Mismatch(expected.line, expected.at, "", wanted, got)
    for one in found:
        if not _holds(expected, one):
            got, why = _named(one.state, one.priority), world.explained(one)
            yield Mismatch(expected.line, expected.at, str(one.key), wanted, got, why.datapoints, why.reason)


def _listed(alerts: Sequence[Standing]) -> str:
    more = len(alerts) - _NAMED
    return ", ".join(str(one.key) for one in alerts[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _meant(test: RuleTest, expected: Expected) -> list[str]:
    """The rules that an expectation speaks of; of composites only where it says so."""
    if expected.rule is not None:
        return [expected.rule]
    composites = test.composites if "alert" in expected.labels else ()
    return [*test.rules, *(rule.name for rule in composites)]


def _holds(expected: Expected, found: Standing) -> bool:
    return expected.state is found.state and expected.priority in (None, found.priority)


def _named(state: State, priority: Priority | None) -> str:
    return f"{state} {priority}" if priority is not None else str(state)


def difference(expected: Sequence[Told], delivered: Sequence[Told]) -> tuple[Step, ...]:
    """The ordered difference of two lists of deliveries, empty when they are the same.

    Channels are told side by side: what several hear at one moment has no order between them. An update counts only
    where one is expected.
    """
    updates = {_key(told) for told in expected if told.event is Event.UPDATE}
    counted = [told for told in delivered if told.event is not Event.UPDATE or _key(told) in updates]
    left, right = _side_by_side(expected), _side_by_side(counted)
    matcher = SequenceMatcher(None, [_key(told) for told in left], [_key(told) for told in right], autojunk=False)
    steps = [step for found in matcher.get_opcodes() for step in _steps(left, right, *found)]
    return tuple(steps) if any(step.sign != " " for step in steps) else ()


def _steps(left: list[Told], right: list[Told], tag: str, a: int, b: int, c: int, d: int) -> Iterator[Step]:
    if tag == "equal":
        yield from (Step(" ", told) for told in right[c:d])
        return
    yield from (Step("-", told) for told in left[a:b])
    yield from (Step("+", told) for told in right[c:d])


def _side_by_side(told: Sequence[Told]) -> list[Told]:
    runs = (list(run) for _, run in groupby(told, key=lambda each: each.at))
    return [each for run in runs for each in sorted(run, key=lambda each: each.channel)]


def _key(told: Told) -> tuple[float, str, Event]:
    return told.at, told.channel, told.event
