"""Overrides: other thresholds for some series, judged in one go with the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.evaluation.making import DB, START, Story, level, rule
from watchtower.matchers import parse_matchers
from watchtower.model import EMPTY, AlertKey, Labels, Observation
from watchtower.rulebook.rule import Level, Override, Rule

if TYPE_CHECKING:
    from watchtower.evaluation.judge import Outcome

HOT = level("P3", "> 80")


def override(match: str, *levels: Level) -> Override:
    return Override(parse_matchers([match]), levels)


def overridden(*overrides: Override, **more: object) -> Rule:
    return rule(HOT, overrides=overrides, **more)  # type: ignore[arg-type]


def series(name: str, value: float, context: Labels = EMPTY) -> Observation:
    return Observation(DB.merged({"DBInstanceIdentifier": name}), ((START - 60, value),), context=context)


def alarms(outcome: Outcome) -> dict[str, str]:
    return {each.key.identity["DBInstanceIdentifier"]: str(each.priority) for each in outcome.transitions}


def test_a_series_that_matches_has_its_own_threshold_and_the_others_keep_theirs() -> None:
    story = Story(overridden(override('DBInstanceIdentifier=~"big-.*"', level("P2", "> 95"))))
    outcome = story.judge(series("big-1", 90), series("big-2", 96), series("db-1", 90))
    assert alarms(outcome) == {"big-2": "P2", "db-1": "P3"}
    assert (outcome.evaluated, outcome.alarms) == (3, 2)


def test_the_first_override_that_matches_counts() -> None:
    first, second = override('account="test"', level("P4", "> 10")), override('region="eu-west-1"', level("P1", "> 10"))
    assert alarms(Story(overridden(first, second)).judge(series("db-1", 50))) == {"db-1": "P4"}


def test_context_and_labels_of_the_rule_can_be_matched() -> None:
    told_by = overridden(
        override('team="web"', level("P1", "> 10")),
        override('tier="t-db-2"', level("P2", "> 10")),
        labels={"tier": "t-{{ labels.DBInstanceIdentifier }}"},
    )
    outcome = Story(told_by).judge(series("db-1", 50, Labels({"team": "web"})), series("db-2", 50), series("db-3", 50))
    assert alarms(outcome) == {"db-1": "P1", "db-2": "P2"}


def test_what_is_told_names_the_override_s_own_threshold() -> None:
    story = Story(overridden(override('region="eu-west-1"', level("P2", "> 95", "2 of 2"))))
    story.feed("96 97")
    [told] = story.transitions
    assert told.reason.startswith("2 of the last 2 datapoints were > 95")
    assert told.summary == "RdsCpuHigh: 97 > 95 for 2 of 2 datapoints, db-1"


def test_an_alert_that_fires_ends_by_the_threshold_it_has_now() -> None:
    story = Story(rule(HOT)).feed("85")
    story.rule = overridden(override('region="eu-west-1"', level("P3", "> 90")))
    assert story.feed("85").told == ["1: OK -> ALARM P3", "2: ALARM -> OK"]


def test_series_of_all_overrides_remember_each_their_own_alert() -> None:
    story = Story(overridden(override('DBInstanceIdentifier="db-2"', level("P2", "> 10"))))
    story.judge(series("db-1", 85), series("db-2", 85))
    assert set(story.states) == {
        AlertKey("RdsCpuHigh", DB.merged({"DBInstanceIdentifier": name})) for name in ("db-1", "db-2")
    }
    outcome = story.judge(series("db-1", 85), series("db-2", 85))
    assert (outcome.transitions, outcome.alarms) == ((), 2)
