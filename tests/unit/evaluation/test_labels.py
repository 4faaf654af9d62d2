"""Labels of an alert: whose win, and what a template that fails costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.evaluation.making import DB, level, rule
from watchtower.evaluation.labels import labels_of
from watchtower.model import EMPTY, Labels, Observation, Priority

if TYPE_CHECKING:
    from watchtower.rulebook.rule import Rule

HOT = level("P3", "> 80")


def labels(told_by: Rule, context: Labels = EMPTY, priority: Priority | None = Priority.P3) -> dict[str, str]:
    return dict(labels_of(told_by, Observation(DB, context=context), "production", priority, 91.0)[0])


def test_an_alert_carries_its_automatic_labels_and_its_identity() -> None:
    assert labels(rule(HOT)) == {
        "alert": "RdsCpuHigh",
        "group": "rds",
        "source": "cloudwatch",
        "environment": "production",
        "priority": "P3",
        **DB,
    }


def test_an_alert_that_reached_no_priority_has_no_such_label() -> None:
    assert "priority" not in labels(rule(HOT), priority=None)


def test_labels_of_the_rule_may_speak_of_the_series() -> None:
    told_by = rule(HOT, labels={"tenant": "{{ labels.DBInstanceIdentifier }}-{{ labels.team }}", "service": "database"})
    found = labels(told_by, Labels({"team": "core"}))
    assert (found["tenant"], found["service"], found["team"]) == ("db-1-core", "database", "core")


def test_identity_wins_over_context_and_context_over_the_rule() -> None:
    told_by = rule(HOT, labels={"team": "rule", "region": "rule", "environment": "staging"})
    found = labels(told_by, Labels({"team": "tag", "region": "tag"}))
    assert (found["team"], found["region"], found["environment"]) == ("tag", "eu-west-1", "staging")


def test_the_labels_of_a_level_are_those_of_its_priority_only() -> None:
    told_by = rule(level("P1", "> 95", labels={"team": "oncall"}), HOT, labels={"team": "database"})
    assert labels(told_by, priority=Priority.P1)["team"] == "oncall"
    assert labels(told_by, priority=Priority.P3)["team"] == "database"


def test_a_template_that_fails_leaves_its_label_empty_and_says_so() -> None:
    told_by = rule(HOT, labels={"tenant": "{{ labels.Nowhere }}", "service": "database"})
    found, notes = labels_of(told_by, Observation(DB), "production", Priority.P3)
    assert (found["tenant"], found["service"]) == ("", "database")
    assert len(notes) == 1
    assert "`tenant` is left empty" in notes[0]
