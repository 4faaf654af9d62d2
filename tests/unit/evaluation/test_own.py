"""Watchtower's alerts about itself live like any other."""

from __future__ import annotations

from watchtower.clock import from_epoch
from watchtower.evaluation.own import own_transition
from watchtower.model import AlertState, Priority, State, Transition

EARLY, LATE = from_epoch(1_767_571_200), from_epoch(1_767_571_800)


def step(
    previous: AlertState | None, *, firing: bool, priority: Priority = Priority.P3
) -> tuple[AlertState, Transition | None]:
    return own_transition(
        "WatchtowerSourceFailing",
        {"account": "prod", "region": "eu-west-1", "failing": "cloudwatch"},
        previous,
        firing=firing,
        priority=priority,
        summary="CloudWatch has not answered for 5 minutes",
        reason="throttled: Rate exceeded",
        now=LATE if previous else EARLY,
        environment="production",
    )


def test_it_begins_with_a_transition_and_its_labels() -> None:
    state, told = step(None, firing=True)
    assert (state.state, state.firing, state.priority, state.seq) == (State.ALARM, True, Priority.P3, 1)
    assert told is not None
    assert (told.from_state, told.to_state, told.priority) == (State.OK, State.ALARM, Priority.P3)
    assert told.summary == "CloudWatch has not answered for 5 minutes"
    assert told.reason == "throttled: Rate exceeded"
    assert dict(told.labels) == {
        "alert": "WatchtowerSourceFailing",
        "group": "watchtower",
        "source": "watchtower",
        "environment": "production",
        "priority": "P3",
        "account": "prod",
        "region": "eu-west-1",
        "failing": "cloudwatch",
    }


def test_while_nothing_changes_the_state_is_the_one_it_was() -> None:
    state, _ = step(None, firing=True)
    again, told = step(state, firing=True)
    assert again is state
    assert told is None


def test_a_rise_is_told_and_its_beginning_stands() -> None:
    state, _ = step(None, firing=True)
    risen, told = step(state, firing=True, priority=Priority.P1)
    assert told is not None
    assert (told.from_priority, told.priority, told.labels["priority"]) == (Priority.P3, Priority.P1, "P1")
    assert (risen.since, risen.updated_at, risen.seq) == (EARLY, LATE, 1)


def test_a_priority_does_not_fall_while_it_fires() -> None:
    state, _ = step(None, firing=True, priority=Priority.P1)
    again, told = step(state, firing=True, priority=Priority.P3)
    assert (again.priority, told) == (Priority.P1, None)


def test_its_end_is_told_with_the_priority_it_had() -> None:
    state, _ = step(None, firing=True, priority=Priority.P2)
    over, told = step(state, firing=False)
    assert (over.state, over.firing, over.priority) == (State.OK, False, None)
    assert told is not None
    assert (told.to_state, told.from_priority, told.firing) == (State.OK, Priority.P2, False)
    assert told.labels["priority"] == "P2"


def test_what_never_fired_has_nothing_to_tell() -> None:
    state, told = step(None, firing=False)
    assert (state.firing, told) == (False, None)
