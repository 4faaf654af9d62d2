"""Something new of an alert that fires already is one more transition, which rings nobody twice."""

from __future__ import annotations

from tests.unit.evaluation.making import DB, MINUTE, START, level, rule
from watchtower.clock import from_epoch
from watchtower.evaluation.judge import judge
from watchtower.model import AlertKey, AlertState, Answer, Observation, State, Transition

RULE = rule(level("P3", "> 0"))


def told(values: list[tuple[float, bool]]) -> list[Transition]:
    """The transitions of a series whose values, oldest first, each may bring something new."""
    states: dict[AlertKey, AlertState] = {}
    transitions: list[Transition] = []
    for number, (value, fresh) in enumerate(values, 1):
        tick = START + number * MINUTE
        seen = Observation(DB, ((tick - MINUTE, value),), evidence=(f"{value:g} findings",), fresh=fresh)
        answer = Answer(RULE.name, (seen,))
        now = from_epoch(tick)
        outcome = judge(RULE, answer, states, tick=tick, period=MINUTE, now=now, environment="test")
        states = {state.key: state for state in outcome.states if state.firing} or (states if value else {})
        transitions += outcome.transitions
    return transitions


def test_what_is_fresh_is_a_transition_of_a_firing_alert_with_its_evidence() -> None:
    first, second, end = told([(1, True), (1, False), (2, True), (2, False), (0, False)])
    assert (first.from_state, first.to_state) == (State.OK, State.ALARM)
    assert (second.from_state, second.to_state, second.evidence) == (State.ALARM, State.ALARM, ("2 findings",))
    assert second.from_priority == second.priority == first.priority
    assert end.to_state is State.OK


def test_a_value_that_merely_grows_is_none() -> None:
    assert [each.to_state for each in told([(1, False), (2, False), (3, False)])] == [State.ALARM]


def test_what_is_fresh_and_does_not_breach_is_told_to_nobody() -> None:
    assert told([(0, True), (0, True)]) == []
