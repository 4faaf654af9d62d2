"""Answers judged for a unit: the roll and the census go from tick to tick, through the store's own values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.support.clock import START
from tests.support.make import claimed, rule, unit
from watchtower.clock import epoch
from watchtower.engine.judging import Judgement, Session, judge_answers
from watchtower.engine.plan import Plan
from watchtower.evaluation.roll import Census
from watchtower.model import AlertState, Answer, Labels, Observation, Priority, State
from watchtower.rulebook.rule import Farewell, Rule, Vanished

if TYPE_CHECKING:
    from watchtower.store.values import ClaimedUnit

T = int(epoch(START))
RULE = rule("CpuHigh", Priority.P1)


class Everything:
    """A source that owns what it is asked about; the rest of it is not called here."""

    def owns(self, _unit: object, _rule: str, identity: Labels) -> bool:
        return identity["region"] == "eu-west-1"


def name(number: int, region: str = "eu-west-1") -> Labels:
    return Labels({"InstanceId": f"i-{number}", "region": region})


def answer(*values: float, **more: Any) -> Answer:
    points = [(((T - 60, value),), number) for number, value in enumerate(values)]
    return Answer("CpuHigh", tuple(Observation(name(number), one) for one, number in points), **more)


class Ticks:
    """Ticks of one unit, each judged by what the one before would have committed."""

    def __init__(self, rule: Rule = RULE, limit: int = 100) -> None:
        sources: Any = {"cloudwatch": Everything()}
        self.plan = Plan({"CpuHigh": rule}, {"u": unit()}, sources, series_limit=limit)
        self.claimed: ClaimedUnit = claimed()
        self.known: list[AlertState] = []

    def tick(self, *answers: Answer, again: bool = False) -> Judgement:
        tick = (self.claimed.last_tick or T) + (0 if again else 60)
        session = Session(self.plan, unit(), self.claimed, tick, START, "test")
        judgement = judge_answers(session, answers, self.known)
        self.claimed = replace(
            self.claimed,
            last_tick=tick,
            roll=judgement.roll or self.claimed.roll,
            census=self.claimed.census if judgement.census is None else judgement.census,
        )
        written = [state for outcome in judgement.outcomes for state in outcome.states]
        self.known = [one for one in self.known if one.key not in {each.key for each in written}] + written
        return judgement


def test_a_series_that_was_well_and_vanished_fires_where_the_rule_says_so() -> None:
    ticks = Ticks(replace(RULE, vanished=Vanished(2, Farewell.FIRE)))
    ticks.tick(answer(0.0, 0.0))
    assert ticks.tick(answer(0.0)).outcomes[0].transitions == ()
    [fired] = ticks.tick(answer(0.0)).outcomes[0].transitions
    assert (fired.key.identity, fired.to_state) == (name(1), State.ALARM)


def test_a_tick_that_is_repeated_does_not_count_an_absence_twice() -> None:
    ticks = Ticks(replace(RULE, vanished=Vanished(2, Farewell.FIRE)))
    ticks.tick(answer(0.0, 0.0))
    ticks.tick(answer(0.0))
    assert ticks.tick(answer(0.0), again=True).outcomes[0].transitions == ()


def test_alerts_of_another_unit_are_not_missed_here() -> None:
    ticks = Ticks(replace(RULE, vanished=Vanished(1, Farewell.RESOLVE)))
    ticks.tick(answer(5.0))
    [firing] = ticks.known
    elsewhere = replace(firing, key=replace(firing.key, identity=name(9, "us-east-1")))
    ticks.known.append(elsewhere)
    assert ticks.tick(answer(5.0)).outcomes[0].states == ()
    [ended] = ticks.tick(answer()).outcomes[0].transitions
    assert ended.key.identity == name(0)


def test_what_did_not_change_is_not_written_again() -> None:
    ticks = Ticks()
    first = ticks.tick(answer(0.0, 0.0))
    assert first.roll is not None
    assert first.census == (Census("CpuHigh", 2, T + 60),)
    again = ticks.tick(answer(0.0, 0.0))
    assert (again.roll, again.census) == (None, None)


def test_series_over_the_limit_are_neither_judged_nor_silently_dropped() -> None:
    ticks = Ticks(limit=2)
    judgement = ticks.tick(answer(5.0, 5.0, 5.0))
    assert judgement.outcomes[0].evaluated == 2
    assert judgement.census == (Census("CpuHigh", 2, T + 60, None, ignored=1),)


def test_a_rule_that_was_not_answered_keeps_its_roll_and_one_that_left_does_not() -> None:
    ticks = Ticks()
    ticks.tick(answer(0.0))
    assert ticks.tick().roll is None
    left = Session(ticks.plan, replace(unit(), asks=()), ticks.claimed, T + 180, START, "test")
    assert judge_answers(left, [], []).census == ()
