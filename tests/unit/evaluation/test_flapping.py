"""Flapping: Nagios's weights, one notice, and an incident that stays open until it is calm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.evaluation.making import MINUTE, START, Story, level, recover, rule
from watchtower.evaluation.flapping import Grid, percentage
from watchtower.model import Priority, Stage, State
from watchtower.rulebook.rule import Flapping, Missing, Rule

HOT = level("P3", "> 80")
WORSE = level("P1", "> 95")
NOW = Grid(START, MINUTE)


def ago(*evaluations: int) -> list[int]:
    return [START - MINUTE * each for each in evaluations]


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        pytest.param(ago(0), 6.25, id="only the newest change"),
        pytest.param(ago(19), 3.75, id="only the oldest change"),
        pytest.param(ago(*range(20)), 100.0, id="all twenty"),
        pytest.param([], 0.0, id="none"),
        pytest.param(ago(20, 21, 500), 0.0, id="those that no longer count"),
        pytest.param([-each for each in ago(0, 19)], 10.0, id="ends weigh as much as beginnings"),
    ],
)
def test_the_published_weights(changes: list[int], share: float) -> None:
    assert percentage(changes, NOW) == pytest.approx(share)


@given(st.sets(st.integers(0, 40)))
def test_the_weights_are_those_of_a_plain_reading_of_nagios(ages: set[int]) -> None:
    """Change x, 1 the oldest of 20, weighs 0.75 + (x - 1) * 0.5 / 19."""
    expected = sum(0.75 + (20 - age - 1) * 0.5 / 19 for age in ages if age < 20) * 100 / 20
    assert percentage(ago(*ages), NOW) == pytest.approx(expected)


def flapping_rule(high: float = 30, low: float = 20, **more: object) -> Rule:
    return rule(HOT, slots=1, flapping=Flapping(high, low), **more)  # type: ignore[arg-type]


#: 85 and 50 in turn: the sixth change reaches 30 %.
RESTLESS = "50 85 50 85 50 85 50"


def test_an_alert_that_flaps_is_told_once_and_its_incident_stays_open() -> None:
    story = Story(flapping_rule()).feed(RESTLESS)
    assert story.told[-1] == "7: ALARM -> ALARM P3"
    assert story.transitions[-1].reason.startswith("flapping: 6 changes in the last 20m (35.5 %)")
    assert "before it is down to 20 %" in story.transitions[-1].reason
    story.feed("85 50 85 50 85 50 85 50")
    assert len(story.told) == 6, "neither ends nor beginnings are told"
    assert story.state is not None
    assert (story.state.state, story.state.firing, story.state.seq) == (State.ALARM, True, 3)
    assert story.state.memory.flapping


def test_an_alert_that_begins_to_flap_as_it_fires_is_told_by_that() -> None:
    story = Story(flapping_rule(high=29)).feed("50 85 50 85 50 85")
    assert story.told[-1] == "6: OK -> ALARM P3"
    assert story.transitions[-1].reason.startswith("flapping: 5 changes")
    assert story.feed("50 85").told == story.told[:5]


def test_below_the_threshold_every_change_is_told() -> None:
    story = Story(flapping_rule()).feed("50 85 50 85 50 85 85")
    assert [told.split(": ")[1] for told in story.told] == ["OK -> ALARM P3", "ALARM -> OK"] * 2 + ["OK -> ALARM P3"]


def test_when_it_is_calm_and_well_the_end_is_told() -> None:
    story = Story(flapping_rule()).feed(RESTLESS).feed("50 " * 15)
    assert story.told[-1] == "7: ALARM -> ALARM P3", "20.07 % is not calm"
    assert story.feed("50").told[-1] == "23: ALARM -> OK"
    assert story.transitions[-1].reason.startswith("no longer flapping; the last datapoint was not > 80")
    assert story.transitions[-1].firing is False


def test_when_it_is_calm_and_still_bad_that_is_told() -> None:
    story = Story(flapping_rule()).feed(RESTLESS).feed("85 " * 17)
    assert story.told[-1] == "24: ALARM -> ALARM P3"
    assert story.transitions[-1].reason.startswith("no longer flapping; the last datapoint was > 80")
    assert story.state is not None
    assert (story.state.firing, story.state.memory.flapping) == (True, False)


def test_a_rise_is_told_while_it_flaps() -> None:
    restless = rule(WORSE, HOT, slots=1, flapping=Flapping())
    story = Story(restless).feed(RESTLESS).feed("85 50 99 50 85")
    assert story.told[5:] == ["7: ALARM -> ALARM P3", "10: ALARM -> ALARM P1"]
    assert story.state is not None
    assert story.state.priority is Priority.P1


def test_an_alert_that_is_well_while_it_flaps_is_shown_as_recovering() -> None:
    story = Story(flapping_rule()).feed(RESTLESS)
    assert story.state is not None
    assert (story.state.stage, story.state.reason[:8]) == (Stage.RECOVERING, "flapping")
    assert story.feed("85").state is not None
    assert story.state.stage is Stage.FIRING


def test_silence_while_it_flaps_neither_ends_it_nor_counts_as_a_change() -> None:
    story = Story(flapping_rule()).feed(RESTLESS).feed("_ _")
    assert story.told[-1] == "8: ALARM -> INSUFFICIENT_DATA P3"
    assert story.state is not None
    assert (story.state.firing, len(story.state.memory.changes)) == (True, 6)


def test_a_poll_that_failed_is_an_evaluation_without_a_change() -> None:
    story = Story(flapping_rule()).feed(RESTLESS).feed("! " * 15).feed("50")
    assert story.told[-1] == "23: ALARM -> OK"


def test_only_an_alert_that_has_fired_has_a_history_and_it_goes_with_time() -> None:
    story = Story(flapping_rule()).feed("50 50 50")
    assert story.states == {}
    story.feed("85 50")
    assert story.state is not None
    assert story.state.state is State.OK
    assert story.feed("50 " * 18).state is not None
    assert story.feed("50 50").states == {}


def test_a_history_is_written_when_it_changes_and_when_it_ends() -> None:
    story = Story(flapping_rule()).feed("85 50")
    written = [len(story.outcome("50").states) for _ in range(25)]
    assert sum(written) == 1


def test_judging_a_tick_again_counts_its_change_once() -> None:
    story = Story(flapping_rule()).feed("50 85")
    assert story.state is not None
    changes = story.state.memory.changes
    story.ticks -= 1
    story.feed("85")
    assert story.state.memory.changes == changes
    story.ticks -= 1
    story.feed("50")
    assert story.state is None


def test_hysteresis_counts_as_one_alert_that_goes_on() -> None:
    calm = flapping_rule(recovery=recover("2 of 2"), missing=Missing.MISSING)
    story = Story(calm).feed("85 50 85 50 85 50 85 50 85 50 85 50")
    assert story.told == ["1: OK -> ALARM P3"]
    assert story.state is not None
    assert len(story.state.memory.changes) == 1


def test_without_the_key_nothing_is_remembered() -> None:
    story = Story(rule(HOT, slots=1)).feed(RESTLESS)
    assert len(story.told) == 6
    assert story.states == {}


def test_an_end_that_was_withheld_comes_true_when_flapping_is_switched_off() -> None:
    story = Story(flapping_rule()).feed(RESTLESS)
    story.rule = rule(HOT, slots=1)
    assert story.feed("50").told[-1] == "8: ALARM -> OK"
    assert story.states == {}


TOKENS = st.lists(st.sampled_from(["50", "85", "97", "_", "!"]), max_size=80)


@given(TOKENS, st.sampled_from([None, recover("2 of 2")]), st.sampled_from([(30.0, 20.0), (10.0, 5.0), (6.25, 6.0)]))
def test_what_is_told_always_begins_and_ends_in_turn(
    tokens: list[str], recovery: object, limits: tuple[float, float]
) -> None:
    story = Story(rule(WORSE, HOT, slots=2, recovery=recovery, flapping=Flapping(*limits)))  # type: ignore[arg-type]
    firing = False
    for token in tokens:
        for each in story.outcome(token).transitions:
            assert each.firing or firing, "an end without a beginning"
            firing = each.firing
        assert firing is (story.state is not None and story.state.firing)
    for _ in range(60):
        story.outcome("50")
    assert story.states == {}, "calm and well, nothing is left of it"
