"""Late datapoints correct the state; what breached too long ago wakes nobody."""

from __future__ import annotations

import pytest

from tests.unit.evaluation.making import MINUTE, START, Story, level, rule
from watchtower.model import Labels, Observation, Priority, State
from watchtower.rulebook.rule import Missing, Rule

DB = Labels({"account": "test", "region": "eu-west-1", "DBInstanceIdentifier": "db-1"})
HOT = level("P3", "> 80", "1 of 5")
WORSE = level("P1", "> 95", "1 of 5")


def late(*levels: object, age: float = 120, **more: object) -> Story:
    """Alarms look at ten minutes; what breached more than ``age`` seconds ago does not page."""
    return Story(rule(*levels, slots=10, max_page_age=age, **more), DB)  # type: ignore[arg-type]


def come_late(story: Story, minutes_ago: int, value: float) -> list[str]:
    """Judge the tick once more with a datapoint that was missing until now."""
    told = len(story.told)
    points = {START + MINUTE * each: 50.0 for each in range(story.ticks)}
    points[story.tick - MINUTE * minutes_ago] = value
    story.judge(Observation(DB, tuple(sorted(points.items()))))
    return story.told[told:]


def test_a_breach_that_comes_late_but_not_too_late_pages() -> None:
    story = late(HOT).feed("50 50 50 50")
    assert come_late(story, 3, 85) == ["4: OK -> ALARM P3"]
    assert story.transitions[-1].notify


def test_a_breach_that_comes_too_late_is_recorded_and_pages_nobody() -> None:
    story = late(HOT).feed("50 50 50 50 50")
    assert come_late(story, 4, 85) == ["5: OK -> ALARM P3"]
    [told] = story.transitions
    assert (told.notify, told.firing) == (False, True)
    assert told.unsent == (
        "too old to page: the newest breaching datapoint ended at 2026-01-05 00:02 UTC, 3m before; max_page_age is 2m"
    )
    assert told.reason.endswith(told.unsent)
    assert story.state is not None
    assert (story.state.state, story.state.priority) == (State.ALARM, Priority.P3)


def test_it_is_recorded_once_however_long_it_stays_too_old() -> None:
    story = late(HOT).feed("50 50 50 50 50")
    come_late(story, 4, 85)
    assert come_late(story, 4, 85) == []


def test_the_end_of_what_was_too_old_is_told_to_nobody_and_says_why() -> None:
    story = late(HOT).feed("50 50 50 50 50")
    come_late(story, 4, 85)
    story.feed("50 50 50 50 50 50 50 50 50 50")
    end = story.transitions[-1]
    assert (end.to_state, end.notify) == (State.OK, False)
    assert end.unsent == "nobody was told of its beginning, which was too old to page"


def test_the_end_of_what_was_told_after_all_is_told() -> None:
    story = late(HOT).feed("50 50 50 50 50")
    come_late(story, 4, 85)
    come_late(story, 1, 86)
    story.feed("50 50 50 50 50 50 50 50 50 50 50 50")
    assert (story.transitions[-1].to_state, story.transitions[-1].notify) == (State.OK, True)


def test_a_fresh_breach_that_follows_pages() -> None:
    story = late(HOT).feed("50 50 50 50 50")
    come_late(story, 4, 85)
    assert come_late(story, 1, 86) == ["5: ALARM -> ALARM P3"]
    assert story.transitions[-1].notify
    assert story.state is not None
    assert (story.state.seq, story.state.memory.untold) == (1, False)
    assert come_late(story, 1, 86) == []


def test_the_page_that_follows_has_the_priority_of_what_is_fresh() -> None:
    story = late(WORSE, HOT).feed("50 50 50 50 50")
    assert come_late(story, 4, 99) == ["5: OK -> ALARM P1"]
    assert come_late(story, 1, 85) == ["5: ALARM -> ALARM P3"]
    assert story.transitions[-1].notify
    assert story.transitions[-1].labels["priority"] == "P3"


def test_a_rise_that_is_too_old_is_held_back_and_the_incident_goes_on_as_it_was_told() -> None:
    story = late(WORSE, HOT)
    points = {START + MINUTE * each: 50.0 for each in range(5)} | {START + 4 * MINUTE: 85.0}
    story.ticks = 5
    story.judge(Observation(DB, tuple(sorted(points.items()))))
    points[START + MINUTE] = 99.0
    story.judge(Observation(DB, tuple(sorted(points.items()))))
    assert story.told == ["5: OK -> ALARM P3", "5: ALARM -> ALARM P1"]
    assert [each.notify for each in story.transitions] == [True, False]
    assert story.state is not None
    assert (story.state.memory.untold, story.state.memory.told) == (True, Priority.P3)
    points[START + 4 * MINUTE] = 99.0
    story.judge(Observation(DB, tuple(sorted(points.items()))))
    assert story.told[-1] == "5: ALARM -> ALARM P1"
    assert story.transitions[-1].notify


def test_the_end_of_what_was_never_told_is_still_handed_on() -> None:
    """Whoever was told, by whatever way, hears of the end; the flush knows that nobody was."""
    story = late(HOT).feed("50 50 50 50 50")
    come_late(story, 4, 85)
    story.judge(Observation(DB, tuple((START + MINUTE * each, 50.0) for each in range(5))))
    assert story.told[-1] == "5: ALARM -> OK"
    assert story.states == {}


def test_silence_after_what_was_never_told_does_not_make_it_told() -> None:
    story = late(HOT).feed("50 50 50 50 50")
    come_late(story, 4, 85)
    story.judge(Observation(DB))
    assert story.state is not None
    assert (story.state.state, story.state.memory.untold) == (State.INSUFFICIENT_DATA, True)
    assert come_late(story, 1, 85)[-1] == "5: INSUFFICIENT_DATA -> ALARM P3"
    assert story.transitions[-1].notify


def test_a_state_that_is_kept_without_data_stays_untold() -> None:
    story = late(level("P3", "> 80", "2 of 5"), missing=Missing.IGNORE)
    story.ticks = 10
    story.judge(Observation(DB, ((START, 85.0), (START + MINUTE, 85.0))))
    assert [each.notify for each in story.transitions] == [False]
    story.judge(Observation(DB))
    assert story.state is not None
    assert story.state.memory.untold


@pytest.mark.parametrize(
    "told_by",
    [
        pytest.param(rule(level("P3", "no_data", "2 of 2"), slots=10, max_page_age=60), id="no_data"),
        pytest.param(rule(HOT, slots=10, max_page_age=60, missing=Missing.BREACHING), id="breaching"),
    ],
)
def test_silence_that_breaches_is_as_fresh_as_the_newest_empty_slot(told_by: Rule) -> None:
    story = Story(told_by, DB).feed("50 50 50 50 50 50 50 50 50 50 _ _ _ _ _ _ _ _ _")
    assert story.transitions[-1].to_state is State.ALARM
    assert all(each.notify for each in story.transitions)


def test_a_rule_that_never_pages_says_so_and_not_that_it_is_too_old() -> None:
    story = late(HOT, notify=False).feed("50 50 50 50 50")
    come_late(story, 4, 85)
    assert story.transitions[-1].unsent == "rule has notify: false"
