"""Series of which it is known that there is nothing to judge."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import pytest

from tests.unit.evaluation.making import DB, MINUTE, Story, level, recover, rule
from watchtower.model import EMPTY, NOTHING, Observation, State, Truth
from watchtower.rulebook.rule import Flapping, Missing

if TYPE_CHECKING:
    from watchtower.evaluation.outcome import Outcome

ALONE = "1 reader: nothing to compare"
HOT = level("P3", "> 80")


def alone(story: Story, patience: float = 2 * MINUTE) -> Outcome:
    """A tick later the series has nothing to judge."""
    story.miss("_")
    return story.judge(Observation(DB, (), Truth.NO_DATA, EMPTY, ALONE, moot=patience))


def test_an_alert_that_fires_ends_for_that_reason_when_it_was_so_for_long_enough() -> None:
    story = Story(rule(HOT)).feed("85")
    alone(story)
    alone(story)
    assert story.told == ["1: OK -> ALARM P3", "2: ALARM -> INSUFFICIENT_DATA P3"], "not at once"
    alone(story)
    assert story.told[2:] == ["4: INSUFFICIENT_DATA -> OK"]
    assert (story.transitions[-1].reason, story.transitions[-1].firing) == (ALONE, False)


def test_after_that_nothing_more_is_told_and_a_row_says_why_there_is_no_value() -> None:
    story = Story(rule(HOT)).feed("85")
    outcomes = [alone(story, 0) for _ in range(4)]
    assert len(story.told) == 2
    assert story.state is not None
    assert (story.state.state, story.state.firing) == (State.INSUFFICIENT_DATA, False)
    assert story.state.reason.endswith(ALONE)
    assert (outcomes[-1].states, outcomes[-1].insufficient) == ((), 1)
    assert story.feed("85").told[-1] == "6: INSUFFICIENT_DATA -> ALARM P3", "and it may fire anew"


@pytest.mark.parametrize("between", ["50", "85", "_"])
def test_one_look_that_has_something_to_judge_begins_the_wait_anew(between: str) -> None:
    story = Story(rule(HOT, recovery=recover("9 of 9"))).feed("85")
    alone(story)
    alone(story)
    story.feed(between)
    alone(story)
    assert story.state is not None
    assert story.state.firing
    assert story.state.memory.moot_since == story.tick


def test_a_look_that_failed_neither_ends_it_nor_begins_the_wait_anew() -> None:
    story = Story(rule(HOT)).feed("85")
    alone(story)
    story.feed("! ! ! !")
    assert story.state is not None
    assert story.state.firing
    alone(story)
    assert story.state is None


def test_while_it_cannot_be_made_sure_of_it_ends_nothing() -> None:
    story = Story(rule(HOT)).feed("85")
    for _ in range(20):
        alone(story, inf)
    assert story.state is not None
    assert story.state.firing
    alone(story)
    assert story.state is None, "it was so all the time"


def test_the_wait_is_not_left_behind_in_what_is_remembered() -> None:
    story = Story(rule(HOT, recovery=recover("9 of 9"))).feed("85")
    alone(story)
    story.feed("85")
    assert story.state is not None
    assert story.state.memory == NOTHING


@pytest.mark.parametrize("missing", list(Missing))
def test_no_treatment_of_missing_data_makes_an_alarm_of_it(missing: Missing) -> None:
    story = Story(rule(HOT, missing=missing))
    for _ in range(9):
        alone(story, 0)
    assert story.told == []


def test_an_alert_whose_ends_are_withheld_because_it_flaps_ends_all_the_same() -> None:
    story = Story(rule(HOT, flapping=Flapping())).feed(" ".join(["85 50"] * 10))
    assert story.state is not None
    assert story.state.memory.flapping
    alone(story, 0)
    assert story.transitions[-1].reason == ALONE
    assert story.transitions[-1].to_state is State.OK
