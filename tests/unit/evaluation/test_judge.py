"""Judgement: what a story of datapoints tells, what it writes, and what it never does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.evaluation.making import DB, MINUTE, START, Story, level, recover, rule
from watchtower.batch import SeriesBatch
from watchtower.clock import from_epoch
from watchtower.model import Labels, Observation, Priority, Stage, State, Truth
from watchtower.rulebook.rule import Missing, Rule

HOT = level("P3", "> 80")
HOT_TWICE = level("P3", "> 80", "2 of 2")
WORSE = level("P2", "> 95", "2 of 2")
SILENT = level("P4", "no_data", "3 of 3")

SCENARIOS: dict[str, tuple[Rule, str, list[str]]] = {
    "one breach pages, one healthy datapoint ends it": (
        rule(HOT),
        "50 85 60",
        ["2: OK -> ALARM P3", "3: ALARM -> OK"],
    ),
    "two of two waits for the second": (
        rule(HOT_TWICE),
        "50 85 60 85 86 60",
        ["5: OK -> ALARM P3", "6: ALARM -> OK"],
    ),
    "a healthy series says nothing": (rule(HOT), "50 60 70 80", []),
    "zero is a value": (
        rule(level("P1", "< 1")),
        "5 0 0.0 1",
        ["2: OK -> ALARM P1", "4: ALARM -> OK"],
    ),
    "infinities and NaN are missing": (rule(HOT), "inf -inf nan inf", []),
    "a rise is told at once": (
        rule(WORSE, HOT_TWICE),
        "50 85 85 96 97 60 60",
        ["3: OK -> ALARM P3", "5: ALARM -> ALARM P2", "6: ALARM -> OK"],
    ),
    "the most urgent of several levels speaks first": (rule(WORSE, HOT_TWICE), "50 99 99", ["3: OK -> ALARM P2"]),
    "a priority never falls within an episode": (
        rule(WORSE, HOT_TWICE),
        "50 97 97 85 85 85 50 85 85",
        ["3: OK -> ALARM P2", "7: ALARM -> OK", "9: OK -> ALARM P3"],
    ),
    "a failed poll neither ends nor begins anything": (
        rule(HOT),
        "85 ! ! ! ! 85 60",
        ["1: OK -> ALARM P3", "7: ALARM -> OK"],
    ),
    "silence keeps a firing alert open until OK": (
        rule(HOT),
        "85 _ _ _ _ 60",
        ["1: OK -> ALARM P3", "4: ALARM -> INSUFFICIENT_DATA P3", "6: INSUFFICIENT_DATA -> OK"],
    ),
    "a breach after silence goes on with the same alert": (
        rule(HOT),
        "85 _ _ _ 90 60",
        [
            "1: OK -> ALARM P3",
            "4: ALARM -> INSUFFICIENT_DATA P3",
            "5: INSUFFICIENT_DATA -> ALARM P3",
            "6: ALARM -> OK",
        ],
    ),
    "a series without data that never fired says nothing": (rule(HOT_TWICE), "_ _ _ 50 _ _ _ _ _ 50", []),
    "missing ones taken as breaching alarm": (
        rule(HOT_TWICE, missing=Missing.BREACHING),
        "50 50 _ _ _ _ 50 50",
        ["6: OK -> ALARM P3", "7: ALARM -> OK"],
    ),
    "missing ones taken as healthy end it": (
        rule(HOT, missing=Missing.NOT_BREACHING),
        "85 _ _ _ _",
        ["1: OK -> ALARM P3", "4: ALARM -> OK"],
    ),
    "missing ones ignored keep the alert as it is": (
        rule(HOT, missing=Missing.IGNORE),
        "85 _ _ _ _ _ _ 60 _ _ _ _",
        ["1: OK -> ALARM P3", "8: ALARM -> OK"],
    ),
    "recovery waits for its own datapoints": (
        rule(HOT, recovery=recover("4 of 4")),
        "85 50 50 50 50 50",
        ["1: OK -> ALARM P3", "5: ALARM -> OK"],
    ),
    "a breach while recovering goes on with the same alert": (
        rule(HOT, recovery=recover("3 of 3")),
        "85 50 50 85 50 50 50",
        ["1: OK -> ALARM P3", "7: ALARM -> OK"],
    ),
    "a rise while recovering is told": (
        rule(level("P1", "> 95"), HOT, recovery=recover("2 of 2")),
        "85 50 99 50 50",
        ["1: OK -> ALARM P3", "3: ALARM -> ALARM P1", "5: ALARM -> OK"],
    ),
    "between the two thresholds it goes on": (
        rule(HOT, recovery=recover("2 of 2", "< 75")),
        "85 78 78 78 74 74",
        ["1: OK -> ALARM P3", "6: ALARM -> OK"],
    ),
    "silence alone is no recovery": (
        rule(HOT_TWICE, recovery=recover("2 of 2"), slots=5),
        "50 85 85 50 _ 50",
        ["3: OK -> ALARM P3", "6: ALARM -> OK"],
    ),
    "silence taken as healthy is one": (
        rule(HOT, recovery=recover("2 of 2"), missing=Missing.NOT_BREACHING, slots=3),
        "85 _ _ _",
        ["1: OK -> ALARM P3", "4: ALARM -> OK"],
    ),
    "too few datapoints to decide come before the first alarm": (
        rule(HOT_TWICE),
        "85 85 60",
        ["2: INSUFFICIENT_DATA -> ALARM P3", "3: ALARM -> OK"],
    ),
    "no data is an alert of its own, and data ends it": (
        rule(SILENT),
        "1 _ _ _ _ 1",
        ["4: OK -> ALARM P4", "6: ALARM -> OK"],
    ),
    "no data beside a threshold": (
        rule(HOT_TWICE, SILENT),
        "50 85 85 _ _ _ 60",
        ["3: OK -> ALARM P3", "7: ALARM -> OK"],
    ),
    "no data recovers only when datapoints come": (
        rule(SILENT, recovery=recover("2 of 2")),
        "1 1 _ _ _ 1 _ 1 1",
        ["5: OK -> ALARM P4", "9: ALARM -> OK"],
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_story_of_datapoints_tells_what_it_should(name: str) -> None:
    told_by, story, expected = SCENARIOS[name]
    assert Story(told_by).feed(story).told == expected


def test_a_series_that_is_ok_and_stays_so_is_neither_a_row_nor_an_object() -> None:
    outcome = Story(rule(HOT)).outcome("50")
    assert (outcome.states, outcome.transitions) == ((), ())
    assert (outcome.evaluated, outcome.alarms, outcome.insufficient) == (1, 0, 0)


def test_an_alert_remembers_who_it_is_and_since_when() -> None:
    state = Story(rule(HOT)).feed("50 91.26").state
    assert state is not None
    assert (state.state, state.firing, state.priority, state.value) == (State.ALARM, True, Priority.P3, 91.26)
    assert state.since == from_epoch(START + 2 * MINUTE)
    assert state.updated_at == from_epoch(START + 2 * MINUTE + 5)
    assert (state.seq, state.no_data_since, state.recovering) == (1, None, False)
    assert state.key.identity == DB


def test_the_beginning_of_an_alarm_stands_while_its_value_moves() -> None:
    story = Story(rule(HOT)).feed("85")
    outcome = story.outcome("87")
    assert outcome.transitions == ()
    assert [state.value for state in outcome.states] == [87.0]
    assert outcome.states[0].since == from_epoch(START + MINUTE)


def test_a_firing_alert_whose_value_stands_still_is_not_written_again() -> None:
    story = Story(rule(HOT)).feed("85")
    assert story.outcome("85").states == ()
    assert story.last is not None
    assert story.last.alarms == 1


def test_recovering_is_alarm_with_a_mark() -> None:
    story = Story(rule(HOT, recovery=recover("2 of 2"))).feed("85 50")
    assert story.state is not None
    assert (story.state.state, story.state.firing, story.state.recovering) == (State.ALARM, True, True)
    assert story.feed("85").state is not None
    assert not story.state.recovering


def test_an_alert_that_ended_is_written_once_as_ok() -> None:
    story = Story(rule(HOT)).feed("85")
    (ended,) = story.outcome("50").states
    assert (ended.state, ended.firing, ended.priority) == (State.OK, False, None)
    assert ended.since == from_epoch(START + 2 * MINUTE)
    assert story.outcome("50").states == ()


def test_a_firing_alert_without_data_says_since_when_the_data_ended() -> None:
    story = Story(rule(HOT)).feed("50 85 _ _ _ _")
    assert story.state is not None
    assert (story.state.state, story.state.firing) == (State.INSUFFICIENT_DATA, True)
    assert story.state.priority is Priority.P3
    assert story.state.no_data_since == from_epoch(START + 2 * MINUTE)
    assert story.feed("85").state is not None
    assert story.state.no_data_since is None


def test_data_that_stopped_longer_ago_than_the_range_stopped_at_least_since_the_range_began() -> None:
    story = Story(rule(HOT)).feed("85 ! ! ! ! ! _")
    assert story.state is not None
    assert story.state.no_data_since == from_epoch(story.tick - 3 * MINUTE)


def test_a_series_without_data_is_remembered_but_told_to_nobody() -> None:
    story = Story(rule(HOT))
    (waiting,) = story.outcome("_").states
    assert (waiting.state, waiting.firing, waiting.priority) == (State.INSUFFICIENT_DATA, False, None)
    assert story.outcome("_").states == ()
    assert story.last is not None
    assert story.last.insufficient == 1
    (well,) = story.outcome("50").states
    assert (well.state, well.firing) == (State.OK, False)
    assert story.told == []


def test_episodes_are_counted_as_long_as_the_alert_is_remembered() -> None:
    story = Story(rule(HOT)).feed("_ 85 _ _ _ 85")
    assert story.state is not None
    assert story.state.seq == 1


@pytest.mark.parametrize("truth", [Truth.NOT_FETCHED, Truth.FORBIDDEN, Truth.IMMATURE])
@pytest.mark.parametrize("before", ["85", "85 _ _ _", "_", "85 50", "50"])
def test_a_series_that_was_not_seen_changes_nothing(truth: Truth, before: str) -> None:
    story = Story(rule(HOT, recovery=recover("2 of 2"))).feed(before)
    remembered = dict(story.states)
    outcome = story.judge(Observation(DB, ((START, 99.0),), truth))
    assert (outcome.states, outcome.transitions) == ((), ())
    assert (outcome.evaluated, outcome.held) == (0, 1)
    assert story.states == remembered


@pytest.mark.parametrize("complete", [True, False])
def test_a_series_that_is_absent_from_the_answer_is_held(complete: bool) -> None:
    story = Story(rule(HOT)).feed("85")
    other = Observation(DB.merged({"DBInstanceIdentifier": "db-2"}), ((story.tick - MINUTE, 50.0),))
    outcome = story.judge(other, complete=complete)
    assert (outcome.states, outcome.transitions) == ((), ())
    assert story.state is not None
    assert story.state.firing


def test_an_empty_answer_changes_nothing() -> None:
    story = Story(rule(HOT, recovery=recover("1 of 1"))).feed("85")
    outcome = story.judge()
    assert (outcome.states, outcome.transitions, outcome.evaluated) == ((), (), 0)


def test_series_of_one_answer_are_judged_each_by_itself() -> None:
    story = Story(rule(HOT))
    names = ["db-1", "db-2", "db-3", "db-4"]
    values = {"db-1": (90.0,), "db-2": (50.0,), "db-3": (), "db-4": (99.0,)}
    seen = [
        Observation(DB.merged({"DBInstanceIdentifier": name}), tuple((START - MINUTE, value) for value in values[name]))
        for name in names
    ]
    outcome = story.judge(*seen)
    changed = {state.key.identity["DBInstanceIdentifier"]: state.state for state in outcome.states}
    assert changed == {"db-1": State.ALARM, "db-3": State.INSUFFICIENT_DATA, "db-4": State.ALARM}
    assert (outcome.evaluated, outcome.alarms, outcome.insufficient) == (4, 2, 1)


def test_judging_the_same_tick_again_tells_nothing_twice() -> None:
    story = Story(rule(HOT)).feed("85")
    again = story.judge(Observation(DB, ((story.tick - MINUTE, 85.0),)))
    assert (again.states, again.transitions) == ((), ())


def test_a_probe_says_why_it_is_down() -> None:
    site = Labels({"target": "www.example.com", "kind": "http"})
    down = rule(level("P1", "down", "2 of 2"), source="probe")
    story = Story(down, site, reason="connection refused").feed("1 0 0")
    assert story.transitions[0].reason == (
        "2 of the last 2 datapoints were down (newest at 00:02 UTC): connection refused"
    )


TOKENS = st.sampled_from(["50", "85", "97", "0", "_", "!", "nan", "inf"])
RULES = st.builds(
    rule,
    st.just(WORSE),
    st.sampled_from([HOT, HOT_TWICE]),
    missing=st.sampled_from(list(Missing)),
    recovery=st.sampled_from([None, recover("1 of 1"), recover("2 of 3"), recover("2 of 2", "< 75")]),
    slots=st.integers(2, 6),
)


@given(RULES, st.lists(TOKENS, max_size=30))
def test_every_episode_begins_once_and_ends_at_most_once(told_by: Rule, tokens: list[str]) -> None:
    story, firing, tier, seq = Story(told_by), False, None, 0
    for token in tokens:
        held = dict(story.states)
        outcome = story.outcome(token)
        if token == "!":
            assert (outcome.states, outcome.transitions) == ((), ())
            assert story.states == held
        for each in outcome.transitions:
            before = held.get(story.key)
            assert each.from_state == (before.state if before else State.OK)
            assert firing or each.to_state is State.ALARM
            assert each.firing is (each.to_state is not State.OK)
            if firing and each.priority is not None:
                assert tier is not None
                assert each.priority <= tier
            firing, tier = each.firing, each.priority
        assert firing is (story.state is not None and story.state.firing)
        if story.state is not None:
            assert story.state.seq in (seq, seq + 1)
        seq = story.state.seq if story.state else 0


@given(st.lists(st.sampled_from(["50", "0", "_", "!", "nan", "inf"]), max_size=30), st.sampled_from(list(Missing)))
def test_without_a_breach_there_is_nothing_to_tell(tokens: list[str], missing: Missing) -> None:
    story = Story(rule(HOT_TWICE, missing=missing))
    story.feed(" ".join(tokens))
    if missing is not Missing.BREACHING:
        assert story.told == []


def test_a_batch_has_a_row_for_each_series_and_a_column_for_each_slot() -> None:
    one = Observation(DB, ((START - 120, 1.0), (START - 60, 0.0)))
    other = Observation(DB, ((START - 180, float("inf")), (START, 9.0), (START - 300, 9.0)))
    batch = SeriesBatch.of([one, Observation(DB), other], end=START, period=60, slots=3)
    assert batch.times.tolist() == [START - 180, START - 120, START - 60]
    shown = [["-" if value != value else value for value in row] for row in batch.values.tolist()]
    assert shown == [["-", 1.0, 0.0], ["-", "-", "-"], ["-", "-", "-"]]


def test_a_datapoint_that_starts_inside_a_slot_belongs_to_it_and_the_later_one_counts() -> None:
    late = Observation(DB, ((START - 60, 1.0), (START - 31, 2.0), (START - 1, 3.0)))
    batch = SeriesBatch.of([late], end=START, period=30, slots=2)
    assert batch.values.tolist() == [[2.0, 3.0]]


def test_where_an_alert_stands_in_the_words_people_use() -> None:
    story = Story(rule(HOT, recovery=recover("2 of 2")))
    stages = [state.stage for token in ["_", "85", "50", "85", "50", "50"] for state in story.outcome(token).states]
    assert stages == [
        Stage.INACTIVE,
        Stage.FIRING,
        Stage.RECOVERING,
        Stage.FIRING,
        Stage.RECOVERING,
        Stage.RESOLVED,
    ]


def test_breaches_that_are_too_few_are_pending_and_no_row() -> None:
    outcome = Story(rule(level("P3", "> 80", "2 of 3"))).feed("50 50").outcome("85")
    assert (outcome.pending, outcome.alarms, outcome.states) == (1, 0, ())
    assert Story(rule(HOT)).outcome("85").pending == 0
