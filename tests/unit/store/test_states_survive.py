"""A restart between any two ticks changes nothing of what an alert's life tells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.sqlite import dialect

from tests.unit.evaluation.making import Story, level, recover, rule
from watchtower.model import AlertState, State
from watchtower.rulebook.rule import Flapping, Missing, Rule
from watchtower.store import rows
from watchtower.store.tables import alert_state

SQLITE: Any = dialect()


def stored(state: AlertState) -> AlertState:
    """The state as the next process finds it, by the columns' own ways in and out."""
    kept = {
        column.name: _through(column.type, value)
        for column in alert_state.columns
        for value in [rows.state_values(state)[column.name]]
    }
    row: Any = SimpleNamespace(**kept, _mapping=kept)
    return rows.alert_state(row)


def _through(kind: Any, value: Any) -> Any:
    """What the database gives back for a value that it was given."""
    bind, result = kind.bind_processor(SQLITE), kind.result_processor(SQLITE, None)
    kept = bind(value) if bind else value
    return result(kept) if result else kept


RULES = st.builds(
    rule,
    st.just(level("P1", "> 95", "2 of 2")),
    st.sampled_from([level("P3", "> 80"), level("P3", "> 80", "2 of 3"), level("P4", "no_data", "2 of 2")]),
    missing=st.sampled_from(list(Missing)),
    recovery=st.sampled_from([None, recover("2 of 3"), recover("2 of 2", "< 75")]),
    slots=st.integers(3, 8),
    flapping=st.sampled_from([None, Flapping(), Flapping(12, 6)]),
    max_page_age=st.sampled_from([60.0, 120.0, 1800.0]),
)
TOKENS = st.lists(st.sampled_from(["50", "85", "97", "_", "!"]), max_size=50)


@given(RULES, TOKENS)
def test_a_restart_at_every_tick_tells_the_same_as_none(told_by: Rule, tokens: list[str]) -> None:
    once, again = Story(told_by), Story(told_by)
    for token in tokens:
        once.outcome(token)
        again.states = {key: stored(state) for key, state in again.states.items()}
        again.outcome(token)
    assert again.transitions == once.transitions
    assert again.states == once.states


@given(RULES, TOKENS, st.data())
def test_after_missed_slots_only_the_net_change_is_told(told_by: Rule, tokens: list[str], data: st.DataObject) -> None:
    """Whoever was down tells at most one thing at the first tick after it, and never more than who was not."""
    awake, asleep = Story(told_by), Story(told_by)
    for token in tokens:
        before = len(asleep.transitions)
        awake.outcome(token)
        if data.draw(st.booleans(), label="down"):
            asleep.miss(token)
        else:
            asleep.outcome(token)
        assert len(asleep.transitions) - before <= 1
    firing = False
    for each in asleep.transitions:
        assert firing is (each.from_state is not State.OK) or each.to_state is State.ALARM
        firing = each.firing


@given(TOKENS, st.lists(st.booleans(), max_size=50))
def test_where_only_datapoints_decide_who_was_down_ends_where_everybody_does(
    tokens: list[str], downs: list[bool]
) -> None:
    told_by = rule(level("P3", "> 80", "2 of 3"), slots=5, missing=Missing.NOT_BREACHING)
    awake, asleep = Story(told_by), Story(told_by)
    for token, down in zip([*tokens, "50"], [*downs, *([False] * 60)], strict=False):
        awake.outcome(token)
        if down:
            asleep.miss(token)
        else:
            asleep.outcome(token)
            seen = token != "!"
            assert not seen or (asleep.state is None) is (awake.state is None)
    assert len(asleep.transitions) <= len(awake.transitions)
