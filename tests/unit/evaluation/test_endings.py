"""Series that are not there any more: gone with their resource, or vanished."""

from __future__ import annotations

import pytest

from tests.unit.evaluation.making import DB, START, Story, level, recover, rule
from watchtower.model import Observation, Priority, Stage, State
from watchtower.rulebook.rule import Farewell, Flapping, Rule, Vanished

HOT = level("P3", "> 80")
WORSE = level("P1", "> 95")


def leaving(do: Farewell, after: int = 3) -> Rule:
    return rule(WORSE, HOT, vanished=Vanished(after, do), recovery=recover("5 of 5"), flapping=Flapping())


def test_a_firing_alert_whose_series_vanished_is_held_by_default() -> None:
    story = Story(leaving(Farewell.HOLD)).feed("85")
    assert story.judge(absent=(DB,)).states == ()
    assert story.state is not None
    assert story.state.firing


def test_it_ends_where_the_rule_says_so() -> None:
    story = Story(leaving(Farewell.RESOLVE)).feed("85")
    [state] = story.judge(absent=(DB,)).states
    assert story.told == ["1: OK -> ALARM P3", "1: ALARM -> OK"]
    assert story.transitions[-1].reason == "vanished: absent from 3 complete answers in a row"
    assert (state.stage, story.states) == (Stage.RESOLVED, {})


def test_where_the_rule_fires_a_series_that_was_well_is_an_alarm_at_the_most_urgent_level() -> None:
    story = Story(leaving(Farewell.FIRE))
    outcome = story.judge(absent=(DB,))
    assert story.told == ["0: OK -> ALARM P1"]
    [told] = outcome.transitions
    assert told.reason == "vanished: absent from 3 complete answers in a row"
    assert (told.notify, told.labels["priority"], told.labels["DBInstanceIdentifier"]) == (True, "P1", "db-1")
    assert story.judge(absent=(DB,)).transitions == ()


def test_an_alert_that_fired_already_rises_when_its_series_vanishes() -> None:
    story = Story(leaving(Farewell.FIRE)).feed("85")
    story.judge(absent=(DB,))
    assert story.told[-1] == "1: ALARM -> ALARM P1"
    assert story.state is not None
    assert story.state.seq == 1


def test_a_series_that_comes_back_ends_the_alarm_by_the_usual_way() -> None:
    story = Story(leaving(Farewell.FIRE))
    story.judge(absent=(DB,))
    story.feed("50 50 50 50")
    assert len(story.told) == 1
    assert story.feed("50").told[-1] == "5: ALARM -> OK"


@pytest.mark.parametrize("do", [Farewell.HOLD, Farewell.RESOLVE])
def test_a_row_that_never_fired_is_forgotten_with_its_series(do: Farewell) -> None:
    story = Story(leaving(do)).feed("_")
    outcome = story.judge(absent=(DB,))
    assert [state.state for state in outcome.states] == [State.OK]
    assert (outcome.transitions, story.states) == ((), {})


@pytest.mark.parametrize("do", [Farewell.HOLD, Farewell.RESOLVE])
def test_a_series_without_a_row_leaves_nothing(do: Farewell) -> None:
    outcome = Story(leaving(do)).judge(absent=(DB,))
    assert (outcome.states, outcome.transitions) == ((), ())


@pytest.mark.parametrize("do", list(Farewell))
def test_a_resource_that_is_gone_ends_its_alert_whatever_its_metrics_say(do: Farewell) -> None:
    story = Story(leaving(do)).feed("85")
    outcome = story.judge(Observation(DB, ((START, 99.0),)), gone=(DB,), absent=(DB,))
    assert story.told == ["1: OK -> ALARM P3", "1: ALARM -> OK"]
    assert outcome.transitions[0].reason == "target gone"
    assert (outcome.evaluated, story.states) == (0, {})


def test_a_resource_that_is_gone_and_was_well_is_no_news() -> None:
    outcome = Story(leaving(Farewell.FIRE)).judge(gone=(DB,), absent=(DB,))
    assert (outcome.states, outcome.transitions) == ((), ())


def test_a_waiting_row_of_a_resource_that_is_gone_goes_unsaid() -> None:
    story = Story(leaving(Farewell.HOLD)).feed("_")
    assert story.judge(gone=(DB,)).transitions == ()
    assert story.states == {}


def test_the_end_forgets_a_flapping_history() -> None:
    story = Story(leaving(Farewell.RESOLVE)).feed("85")
    assert story.state is not None
    assert story.state.memory.changes
    story.judge(absent=(DB,))
    assert story.states == {}


def test_breaching_silence_of_a_resource_that_is_gone_is_no_alarm() -> None:
    story = Story(rule(level("P2", "no_data", "2 of 2")))
    story.ticks = 5
    assert story.judge(Observation(DB), gone=(DB,)).transitions == ()
    assert story.judge(Observation(DB)).transitions[0].priority is Priority.P2
