"""One test on a virtual clock: at each moment evaluate what is due, flush, send, and hold it against what is expected.

A test runs until just before the first evaluation after the last thing it names, so that what its last values lead to
is seen too, a page that waits for company included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from watchtower.clock import epoch, from_epoch
from watchtower.model import State
from watchtower.ruletest.compare import Outcome, difference, held_against
from watchtower.ruletest.ledger import Ledger
from watchtower.ruletest.suite import Told
from watchtower.ruletest.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from watchtower.model import Delivery, Transition
    from watchtower.rulebook.rule import Rule
    from watchtower.ruletest.compare import Mismatch
    from watchtower.ruletest.suite import Expected, RuleTest, Setting


def run_test(setting: Setting, test: RuleTest) -> Outcome:
    """Run one test; what was expected and did not come is in the outcome."""
    return _Course(setting, test).run()


def evaluations(test: RuleTest) -> int:
    """How many evaluations the test runs."""
    return sum(_length(test) // rule.period + 1 for rule in test.rules.values())


def _length(test: RuleTest) -> int:
    """The last second after the start at which the test names anything."""
    named = [each.at for each in test.expected] + [told.at for told in test.told or ()]
    lasts = [(len(track.values.points) - 1) * track.rule.period for track in test.tracks]
    return int(max([0, *named, *lasts]))


@dataclass(slots=True)
class _Course:
    """The course of one test; ``deliveries`` are those since virtual 0s."""

    setting: Setting
    test: RuleTest
    deliveries: list[Told] = field(default_factory=list)
    wrong: list[Mismatch] = field(default_factory=list)

    def run(self) -> Outcome:
        test, policy = self.test, self.setting.policy
        world = World(self.setting, test.tracks, test.composites)
        ledger = Ledger(policy, test.silences) if policy is not None and test.told is not None else None
        waiting = sorted(test.expected, key=lambda each: each.at)
        for now, rules in self._moments(world, ledger):
            waiting = self._compare(world, waiting, before=epoch(now))
            transitions = [change for rule in rules for change in self._changes(world, rule, now)]
            if epoch(now) >= self.setting.start:
                transitions += world.join(now)
            if ledger is not None:
                self._record(ledger.flush(now, transitions, world.fired, world.calm), now)
        self._compare(world, waiting, before=None)
        return Outcome(test, tuple(self.wrong), difference(test.told, self.deliveries) if test.told is not None else ())

    def _changes(self, world: World, rule: Rule, now: datetime) -> Iterable[Transition]:
        at = int(epoch(now))
        return world.evaluate(rule, at) if at >= self.setting.start else world.opening(rule)

    def _compare(self, world: World, waiting: list[Expected], *, before: float | None) -> list[Expected]:
        """Hold against the world what is expected before this moment; the expectations that are left."""
        start = self.setting.start
        ready = list(takewhile(lambda each: before is None or start + each.at < before, waiting))
        for each in ready:
            self.wrong += held_against(world, self.test, each)
        return waiting[len(ready) :] if ready else waiting

    def _record(self, deliveries: Iterable[Delivery], now: datetime) -> None:
        at = epoch(now) - self.setting.start
        if at >= 0:
            self.deliveries += [Told(at, each.channel, each.event, each.notice.title) for each in deliveries]

    def _moments(self, world: World, ledger: Ledger | None) -> Iterator[tuple[datetime, list[Rule]]]:
        """The moments at which something may happen, each with the rules that are evaluated then."""
        start, length = self.setting.start, _length(self.test)
        rules = self.test.rules
        ticks = {name: start - rule.period * self._opens(rule) for name, rule in rules.items()}
        last = from_epoch(min(start + (length // rule.period + 1) * rule.period for rule in rules.values()))
        edges = {edge for silence in self.test.silences for edge in (silence.starts_at, silence.ends_at)}
        now = from_epoch(min(ticks.values()))
        while now < last:
            due = [name for name, tick in ticks.items() if from_epoch(tick) <= now]
            for name in due:
                ticks[name] += rules[name].period
            yield now, [rules[name] for name in due]
            dues = [world.due(), ledger.due(now) if ledger is not None else None]
            later = [moment for moment in (*edges, *dues) if moment is not None and moment > now]
            now = min([from_epoch(min(ticks.values())), *later])

    def _opens(self, rule: Rule) -> bool:
        """Whether an alert of the rule fires already: it was told one period before the start."""
        return any(track.initial is State.ALARM for track in self.test.tracks if track.rule is rule)
