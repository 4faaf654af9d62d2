"""What a transition says: summary, annotations, runbook, evidence, and never nothing."""

from __future__ import annotations

from tests.unit.evaluation.making import DB, MINUTE, START, Story, level, recover, rule
from watchtower.clock import from_epoch
from watchtower.model import Labels, Observation, Priority, State
from watchtower.rulebook.rule import Missing

HOT = level("P3", "> 80", "2 of 2")


def test_a_transition_carries_what_people_and_routes_need() -> None:
    story = Story(
        rule(
            HOT,
            labels={"service": "database"},
            annotations={"hint": "{{ labels.service }} at {{ value }}"},
            summary="{{ labels.DBInstanceIdentifier }}: CPU at {{ value | round(1) }} %, {{ priority }} {{ state }}",
            runbook="https://runbooks.example.com/{{ labels.service }}",
        )
    ).feed("50 90 91.26")
    (told,) = story.transitions
    assert told.summary == "db-1: CPU at 91.3 %, P3 ALARM"
    assert told.annotations == Labels({"hint": "database at 91.26"})
    assert told.runbook == "https://runbooks.example.com/database"
    assert (told.rule_file, told.rule_line, told.notify) == ("rules/rds.yaml", 4, True)
    assert (told.from_state, told.to_state) == (State.OK, State.ALARM)
    assert (told.from_priority, told.priority, told.firing) == (None, Priority.P3, True)
    assert told.labels["service"] == "database"
    assert told.at == from_epoch(START + 3 * MINUTE + 5)
    assert (told.value, told.seq) == (91.26, 0)


def test_the_evaluated_window_goes_with_it_gaps_included() -> None:
    (told,) = Story(rule(HOT)).feed("50 90 _ 91").transitions
    assert told.datapoints == tuple(
        (START + slot * MINUTE, value) for slot, value in enumerate([50.0, 90.0, None, 91.0])
    )


def test_evidence_of_the_source_goes_with_it() -> None:
    story = Story(rule(level("P3", "> 0")))
    seen = Observation(DB, ((START - MINUTE, 3.0),), evidence=("line one", "line two"))
    assert story.judge(seen).transitions[0].evidence == ("line one", "line two")


def test_an_end_says_which_priority_ended_and_keeps_the_labels_it_was_told_with() -> None:
    story = Story(rule(level("P3", "> 80")), context=Labels({"hottest": "a"})).feed("85")
    story.context = Labels({"hottest": "b"})
    story.feed("60")
    begun, ended = story.transitions
    assert (ended.from_priority, ended.priority, ended.firing) == (Priority.P3, None, False)
    assert ended.labels == begun.labels
    assert ended.summary == "RdsCpuHigh: OK at 60, db-1"


def test_a_summary_gives_the_sources_own_reason_where_there_is_one() -> None:
    """ "is down: status 503" is what wakes somebody; the counted datapoints stand beside it."""
    told_by = rule(level("P1", "down"), source="probe", summary="{{ labels.DBInstanceIdentifier }}: {{ reason }}")
    (told,) = Story(told_by, reason="status 503").feed("0").transitions
    assert told.summary == "db-1: status 503"
    assert told.reason.endswith(": status 503")


def test_a_summary_gives_the_evaluations_reason_where_the_source_gave_none() -> None:
    (told,) = Story(rule(level("P3", "> 80"), summary="{{ reason }}")).feed("85").transitions
    assert told.summary == told.reason


def test_a_rise_reads_the_labels_anew() -> None:
    told_by = rule(level("P1", "> 95", labels={"team": "oncall"}), level("P3", "> 80", labels={"team": "database"}))
    begun, risen = Story(told_by).feed("85 97").transitions
    assert (begun.labels["priority"], begun.labels["team"]) == ("P3", "database")
    assert (risen.labels["priority"], risen.labels["team"]) == ("P1", "oncall")


def test_a_summary_that_cannot_be_rendered_sends_the_labels_instead() -> None:
    story = Story(rule(level("P3", "> 80"), summary="{{ labels.Nowhere }}"))
    outcome = story.outcome("85")
    assert outcome.transitions[0].summary == (
        'RdsCpuHigh{DBInstanceIdentifier="db-1", account="test", region="eu-west-1"}'
    )
    assert any("the summary shows the labels instead" in note for note in outcome.notes)


def test_a_value_that_is_none_costs_a_template_but_never_a_page() -> None:
    story = Story(rule(level("P3", "no_data"), summary="at {{ value | round(1) }}"))
    assert story.feed("_").transitions[0].summary.startswith("RdsCpuHigh{")


def test_a_broken_annotation_or_runbook_is_left_out_and_noted() -> None:
    story = Story(rule(level("P3", "> 80"), annotations={"hint": "{{ labels.x }}"}, runbook="https://{{ labels.x }}"))
    outcome = story.outcome("85")
    assert outcome.transitions[0].annotations == Labels({"hint": ""})
    assert outcome.transitions[0].runbook is None
    assert len(outcome.notes) == 2


def test_a_rule_that_is_not_to_notify_says_so() -> None:
    assert not Story(rule(level("P3", "> 80"), notify=False)).feed("85").transitions[0].notify


def test_a_rule_without_summary_gets_a_sentence_with_the_figures() -> None:
    assert Story(rule(HOT)).feed("50 90 91.26").transitions[0].summary == (
        "RdsCpuHigh: 91.3 > 80 for 2 of 2 datapoints, db-1"
    )
    assert Story(rule(level("P3", "no_data"))).feed("_").transitions[0].summary == (
        "RdsCpuHigh: no data in 1 of 1 periods, db-1"
    )


def reason(story: Story) -> str:
    assert story.state is not None
    return story.state.reason


def test_the_reason_of_an_alarm_counts_its_datapoints() -> None:
    assert reason(Story(rule(HOT)).feed("50 90 91.26")) == (
        "2 of the last 2 datapoints were > 80 (newest 91.3 at 00:02 UTC)"
    )
    assert reason(Story(rule(level("P3", "> 80"))).feed("91.26")) == (
        "the last datapoint was > 80 (newest 91.3 at 00:00 UTC)"
    )


def test_the_reason_says_what_missing_datapoints_were_taken_for() -> None:
    breaching = rule(HOT, missing=Missing.BREACHING)
    assert reason(Story(breaching).feed("85")) == (
        "the last datapoint was > 80, 1 missing, which is taken as breaching (newest 85 at 00:00 UTC)"
    )
    assert reason(Story(breaching).feed("_")) == ("no datapoints in the last 4 periods, which is taken as breaching")


def test_the_reason_of_silence_says_how_long() -> None:
    assert reason(Story(rule(HOT)).feed("_")) == "no datapoints in the last 4 periods"
    assert reason(Story(rule(HOT)).feed("85")) == "1 of the last 4 periods had a datapoint, too few to decide"


def test_the_reason_of_no_data_counts_periods() -> None:
    assert reason(Story(rule(level("P4", "no_data", "3 of 3"))).feed("1 _ _ _")) == (
        "3 of the last 3 periods had no datapoint"
    )


def test_the_reason_of_a_recovery_says_how_far_it_is() -> None:
    story = Story(rule(level("P3", "> 80"), recovery=recover("4 of 4"))).feed("85 85 85 85 50")
    assert reason(story) == ("recovering: 1 of the last 4 datapoints was fine, 4 needed (newest 50 at 00:04 UTC)")
    story = Story(rule(level("P3", "> 80"), recovery=recover("2 of 2", "< 75"))).feed("85 74 73")
    assert story.transitions[-1].reason == "2 of the last 2 datapoints were < 75 (newest 73 at 00:02 UTC)"


def test_the_reason_of_a_kept_state_says_that_it_was_kept() -> None:
    story = Story(rule(level("P3", "> 80"), missing=Missing.IGNORE)).feed("85 _ _ _")
    assert reason(story) == "no datapoints in the last 3 periods, state kept"
