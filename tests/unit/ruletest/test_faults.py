"""What is wrong in a rule test file is told at its place, all at once, before anything runs."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.unit.ruletest.suites import CONFIG, GROUPS, faults, write
from watchtower.errors import Unreadable
from watchtower.ruletest.load import load_suite

if TYPE_CHECKING:
    from pathlib import Path

#: The line of the first test in a file that :func:`write` makes, without a configuration.
FIRST = GROUPS.count("\n") + 2


def test_all_faults_of_all_tests_are_told_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """\
        - name: one
          rule: CpuHihg
          series: [{labels: {Id: a}, values: "50 85y2"}]
          expect: [{at: 5m, state: ALRM}]
        - name: two
          rule: CpuHihg
          serie: []
        - name: three
          rule: CpuHihg
          period: 1m
          series: [{rule: DiskFull, labels: {Id: a}, values: "1"}, {labels: {Id: a}, values: 1}]
          expect: [{at: 5m, state: OK, labels: {Id: 1}}]
        - name: four
          rule: CpuHigh
          period: 1m
          series:
          - {labels: {id: a}, values: up}
          - {labels: {Id: a}, values: "1"}
          - {labels: {Id: a, account: test}, values: "1"}
          expect: [{at: 5m, rule: DiskFull, state: OK}]
          notifications: []
        """,
    )
    line = FIRST
    not_a_value = (
        "'85y2' is not a value; write a number, `_` (missing), `!` (the poll failed), `85x3` (three times) or "
        "`10+5x3` (10 15 20), for probes also up and down"
    )
    assert [fault.removeprefix("rule_tests.yaml:") for fault in faults(path)] == [
        f"{line + 2}:38: {not_a_value}",
        f"{line + 3}:28: `state` must be one of OK, ALARM, INSUFFICIENT_DATA, not `ALRM` (did you mean `ALARM`?)",
        f"{line + 4}:3: `series` is missing in an item of `tests`",
        f"{line + 6}:3: unknown key `serie` (did you mean `series`?)",
        f"{line + 11}:45: `Id` must be text, not `1`",
        f"{line + 14}:11: the period is the rule's own, and CpuHigh has 5m; leave it out",
        f"{line + 16}:14: a series of CpuHigh has the label `Id`; give it here (not `id`)",
        f"{line + 16}:31: `up` and `down` are said of success; CpuHigh asks for a number",
        f'{line + 18}:5: CpuHigh{{Id="a", account="test", region="us-east-1"}} is given twice',
        f"{line + 19}:12: no series of the test belongs to DiskFull, so it has no alert",
        f"{line + 20}:3: who is told stands in a configuration: name it with `config:`",
    ]


@pytest.mark.parametrize(
    ("tests", "fault"),
    [
        ("- {name: t, rule: CpuHihg, series: [], expect: []}", "the test expects nothing: give `expect`, or"),
        (
            "- {name: t, rule: CpuHihg, series: [{values: 1}], expect: [{at: 0s, state: OK}]}",
            "no rule is called `CpuHihg` (did you mean `CpuHigh`?)",
        ),
        (
            "- {name: t, series: [{values: 1}], expect: [{at: 0s, state: OK}]}",
            "whose series is this? give `rule`, here or for the whole test",
        ),
        (
            "- {name: t, rule: CpuHigh, series: [], expect: [{at: 0s, rule: CpuHigh, state: OK}]}",
            "`series` is empty: without a series there is no alert",
        ),
        (
            "- {name: t, rule: SiteDown, series: [{values: up}], expect: [{at: 0s, state: OK}]}",
            "a series of SiteDown has the label `target`; give it here",
        ),
        (
            "- {name: t, rule: CpuHigh, series: [{labels: {Id: a}, values: 1}], expect: [{at: 5, state: OK}]}",
            "5 is not a duration; write it with a unit, like 30s, 5m or 1h30m",
        ),
        (
            "- {name: t, rule: SiteDown, series: [{labels: {target: a}, values: up}], expect: [{at: 900d, state: OK}]}",
            "the test runs 2592001 evaluations; 100000 is the most",
        ),
        (
            "- {name: t, rule: CpuHigh, series: [{labels: {Id: a}, values: [1]}], expect: [{at: 5m, state: OK}]}",
            'values are text, like "50 85x2 _ ! 60"',
        ),
        (
            "- {name: t, rule: CpuHigh, silences: [{at: 5m, until: 5m, matchers: [a=b]}], series: [], expect: []}",
            "a silence's until lies after its at",
        ),
        (
            "- {name: t, rule: CpuHigh, silences: [{until: 5m, matchers: [a]}], series: [], notifications: []}",
            "'a' has none of =, !=, =~ and !~ after the label's name",
        ),
        (
            "- {name: t, rule: Narrow, series: [{labels: {Id: b-1}, values: 1}], expect: [{at: 5m, state: OK}]}",
            "Narrow takes no series whose `Id` is `b-1`; it asks for a-* or c, not a-2",
        ),
        (
            "- {name: t, rule: Both, series: [{values: 1}], expect: [{at: 5m, state: OK}]}",
            "Both is a composite: give series of the rules it names",
        ),
        ("- just text", "a test is a mapping that begins with `- name: what it shows`"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(tmp_path: Path, tests: str, fault: str) -> None:
    found = faults(write(tmp_path, tests))
    assert any(fault in one for one in found), found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("tests: [{name: t}]", "1:1: which rules are tested? give `rules: [PATH]`, or rules of the test's own under"),
        ("rulse: [a.yaml]\ntests: []", "1:1: unknown key `rulse` (did you mean `rules`?)"),
        ("rules: [absent.yaml]\ntests: [{name: t}]", "1:9: there is no file or directory absent.yaml"),
        ("rules: [empty]\ntests: [{name: t}]", "1:9: the directory empty holds no *.yaml file"),
        ("rules: absent.yaml\ntests: [{name: t}]", "1:8: `rules` must be a list, not `absent.yaml`"),
        ("groups: [text]\ntests: [{name: t}]", "1:10: a group is a mapping with group, labels and rules"),
        ("groups: [{rules: []}]", "1:1: `tests` is missing in the file"),
        ("groups: [{rules: []}]\ntests: []", "2:1: `tests` is empty"),
        ("config: absent.yaml\ntests: [{name: t}]", "1:9: the configuration absent.yaml cannot be read"),
        ("groups: [{rules: []}]\nstart: 2026-01-05T00:00:00\ntests: []", "2:8: `start` must be a time with its zone"),
        ("groups: [{rules: []}]\nstart: 2026-01-05T00:00:00.5Z\ntests: []", "2:8: start is a whole second"),
        ("groups: [{rules: []}]\ntests: [{name: a\n", "a bracket opened at line"),
        ("- a", "1:1: the file must be a mapping"),
    ],
)
def test_a_file_that_cannot_be_run_says_why(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "empty").mkdir()
    path = tmp_path / "rule_tests.yaml"
    path.write_text(text)
    found = faults(path)
    assert any(fault in one for one in found), found


def test_a_file_that_cannot_be_opened_is_not_the_same_as_a_faulty_one(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        load_suite(tmp_path / "absent.yaml")


def test_faults_of_the_rules_are_told_where_they_stand_and_no_test_is_blamed_for_them(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules:\n- alert: A\n  when: {P1: '> 1'}\n")
    path = tmp_path / "rule_tests.yaml"
    path.write_text(
        dedent("""\
        rules: [rules.yaml]
        groups:
        - rules:
          - alert: B
            cloudwatch: {namespace: A, metric: M, statistic: Sum, periodd: 1m}
            when: {P1: "> 1"}
        tests:
        - {name: t, rule: A, series: [{values: 1}], expect: [{at: 0s, state: OK}]}
        - {name: t, rule: B, series: [{values: 1}], expect: [{at: 0s, state: OK}]}
        """)
    )
    assert [fault.split(";")[0] for fault in faults(path)] == [
        "rule_tests.yaml:5:59: unknown key `periodd` (did you mean `period`?)",
        "rules.yaml:2:3: the rule has no source",
    ]


def test_the_configuration_need_not_be_able_to_run_here(tmp_path: Path) -> None:
    """Secrets, the rules it names and its accounts may all be elsewhere: only what it says of alerts counts."""
    bare = "channels: {ops: {type: pagerduty, routing_key: {env: WT_NOT_SET}}}\nroutes: [{channels: [ops]}]\n"
    tests = """
    - name: t
      rule: DiskFull
      series: [{labels: {Id: a}, values: 99}]
      expect: [{at: 0s, labels: {account: test, region: us-east-1}, state: ALARM}]
      notifications: [{at: 0s, channel: ops, event: trigger}]
    """
    assert faults(write(tmp_path, tests, config=bare)) == []
    assert faults(write(tmp_path, tests, config=CONFIG)) == []


def test_faults_of_the_configuration_are_told_where_they_stand(tmp_path: Path) -> None:
    config = CONFIG.replace("channels: [ops], group_wait", "channels: [opps], group_wait")
    tests = """
    - name: t
      rule: DiskFull
      series: [{labels: {Id: a}, values: 99}]
      notifications: [{at: 0s, channel: opps, event: trigger}]
    """
    assert [fault.split(":", 3)[::3] for fault in faults(write(tmp_path, tests, config=config))] == [
        ["rule_tests.yaml", " there is no channel `opps` (did you mean `ops`?)"],
        ["watchtower.yaml", " there is no channel `opps` (did you mean `ops`?)"],
    ]


def test_without_rules_of_its_own_a_file_tests_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(dedent(GROUPS.split("- group: shop\n")[1]))
    (tmp_path / "watchtower.yaml").write_text(CONFIG.replace("/nowhere/rules/", "rules.yaml"))
    path = tmp_path / "rule_tests.yaml"
    path.write_text(
        "config: watchtower.yaml\ntests:\n"
        "- {name: t, rule: DiskFull, series: [{labels: {Id: a}, values: 1}], expect: [{at: 0s, state: OK}]}\n"
    )
    assert faults(path) == []
