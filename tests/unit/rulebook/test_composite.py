"""Composites as they are written, and what is wrong between them and the rules they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchtower.faults import Misread
from watchtower.model import State
from watchtower.rulebook.composite import in_order
from watchtower.rulebook.loader import load_rules
from watchtower.sources.composite import DEEPEST, LONGEST, All, Constant, Expression, Is, Node, Not, Some, Suppressor

if TYPE_CHECKING:
    from pathlib import Path

    from watchtower.rulebook.loader import RuleLoad

A, B, C = (Is(State.ALARM, name) for name in "ABC")
METRIC = "cloudwatch: {namespace: AWS/EC2, metric: CPUUtilization, statistic: Average, dimensions: {InstanceId: '*'}}"


def root(text: str) -> Node:
    return Expression.parse(text).root


def load(tmp_path: Path, *rules: str) -> RuleLoad:
    file = tmp_path / "rules.yaml"
    file.write_text("rules:\n" + "".join(rules))
    return load_rules([file])


def metric(name: str, more: str = "") -> str:
    return f'- alert: {name}\n  {METRIC}\n  when: {{P3: "> 80"}}\n{more}'


def composite(name: str, text: str, more: str = "") -> str:
    return f"- alert: {name}\n  composite: {text}\n  when: {{P1: ALARM}}\n{more}"


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("ALARM(A)", A),
        ("OK(A)", Is(State.OK, "A")),
        ("INSUFFICIENT_DATA(A)", Is(State.INSUFFICIENT_DATA, "A")),
        ('ALARM("A")', A),
        (' ALARM ( "A" ) ', A),
        ("ALARM(a.b:c-d_1)", Is(State.ALARM, "a.b:c-d_1")),
        ("ALARM(OR)", Is(State.ALARM, "OR")),
        ("TRUE", Constant(True)),
        ("FALSE", Constant(False)),
        ("NOT ALARM(A)", Not(A)),
        ("NOT NOT ALARM(A)", Not(Not(A))),
        ("ALARM(A) AND ALARM(B) AND ALARM(C)", All((A, B, C))),
        ("ALARM(A) OR ALARM(B) AND ALARM(C)", Some((A, All((B, C))))),
        ("ALARM(A) AND ALARM(B) OR ALARM(C)", Some((All((A, B)), C))),
        ("NOT ALARM(A) AND ALARM(B)", All((Not(A), B))),
        ("NOT (ALARM(A) AND ALARM(B))", Not(All((A, B)))),
        ("(ALARM(A) OR ALARM(B)) AND ALARM(C)", All((Some((A, B)), C))),
        ("ALARM(A)AND(NOT(ALARM(B)))", All((A, Not(B)))),
    ],
)
def test_not_binds_closer_than_and_and_closer_than_or(text: str, means: Node) -> None:
    assert root(text) == means


def test_an_operand_knows_where_its_name_stands() -> None:
    text = 'ALARM(A) AND NOT OK("B")'
    assert [text[one.offset] for one in Expression.parse(text).operands()] == ["A", "B"]


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("ALARM(A) OR", 11),
        ("ALARM(A)) OR", 8),
        ("ALARM(A) ALARM(B)", 9),
        ("ALARM(A B)", 8),
        ('"AND" OR ALARM(A)', 1),
        ('ALARM(A) AND ALARM("B)', 19),
        ("NOT", 3),
        ("ALARM", 0),
    ],
)
def test_what_cannot_be_read_is_told_at_its_place(text: str, offset: int) -> None:
    with pytest.raises(Misread) as told:
        root(text)
    assert told.value.offset == offset


def test_what_nobody_could_have_meant_is_refused_before_it_costs_anything() -> None:
    assert root("(" * (DEEPEST - 1) + "ALARM(A)" + ")" * (DEEPEST - 1)) == A
    for text in ("(" * 5000, "NOT " * 2000 + "TRUE"):
        with pytest.raises(Misread, match="nested more than 50 deep"):
            root(text)
    with pytest.raises(Misread, match="10240 is the most"):
        root(" " * LONGEST + "TRUE")


def test_a_composite_becomes_a_rule(tmp_path: Path) -> None:
    more = "  by: [account, region]\n  suppressor: {alert: Calm, wait: 2m, extension: 3m}\n  labels: {team: shop}\n"
    loaded = load(tmp_path, metric("Hot"), metric("Calm"), composite("Broken", "ALARM(Hot)", more))

    assert loaded.faults == ()
    rule = loaded.rules[2]
    assert (rule.source, rule.period, rule.query.by) == ("composite", 60, ("account", "region"))
    assert rule.query.suppressor == Suppressor.model_validate({"alert": "Calm", "wait": "2m", "extension": "3m"})
    assert rule.query.suppressor.wait == 120
    assert rule.query.operands == {"Hot"}
    assert rule.query.reads == {"Hot", "Calm"}


def test_yaml_says_true_as_cloudwatch_does(tmp_path: Path) -> None:
    loaded = load(tmp_path, composite("Always", "TRUE"), composite("Never", "false"))
    assert [rule.query.expression.root for rule in loaded.rules] == [Constant(True), Constant(False)]


def test_watchtowers_own_alerts_may_be_named(tmp_path: Path) -> None:
    assert load(tmp_path, composite("Blind", "ALARM(WatchtowerSourceFailing)", "  by: [account]\n")).faults == ()


def test_a_composite_that_is_disabled_may_name_a_rule_that_is(tmp_path: Path) -> None:
    off = "  enabled: false\n"
    assert load(tmp_path, metric("Hot", off), composite("Broken", "ALARM(Hot)", off)).faults == ()


def test_a_label_of_the_whole_file_may_group(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    grouped = composite("Broken", "ALARM(Hot)", "  by: [tenant]\n")
    file.write_text("labels: {tenant: shop}\nrules:\n" + metric("Hot") + grouped)
    assert load_rules([file]).faults == ()


def test_a_suppressor_needs_none_of_the_labels_that_group(tmp_path: Path) -> None:
    probe = "- {alert: Deploying, probe: {http: {url: 'https://ci.example.com/'}}, when: {P5: down}}\n"
    more = "  by: [InstanceId]\n  suppressor: {alert: Deploying}\n"
    assert load(tmp_path, metric("Hot"), probe, composite("Broken", "ALARM(Hot)", more)).faults == ()


def test_rules_of_other_files_can_be_named(tmp_path: Path) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text("rules:\n" + composite("Broken", "ALARM(Hot)"))
    other.write_text("rules:\n" + metric("Hot"))
    assert load_rules([one, other]).faults == ()
    assert [fault.message for fault in load_rules([one]).faults] == ["no rule is called `Hot`"]


def test_a_circle_through_a_suppressor_is_told_once_at_its_first_composite(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        composite("Outside", "ALARM(One)"),
        composite("One", "TRUE AND ALARM(Two)"),
        composite("Two", "TRUE", "  suppressor: {alert: One}\n"),
    )
    [fault] = loaded.faults
    assert (fault.line, fault.column) == (6, 29)
    assert fault.message == "a composite cannot wait for itself: One -> Two -> One"


def test_composites_are_judged_after_those_they_read(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        composite("Top", "ALARM(Middle) OR ALARM(Hot)", "  suppressor: {alert: Low}\n"),
        composite("Middle", "ALARM(Low)"),
        composite("Low", "ALARM(Hot)"),
        metric("Hot"),
    )
    assert [rule.name for rule in in_order(loaded.rules)] == ["Low", "Middle", "Top"]
