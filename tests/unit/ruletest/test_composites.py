"""Composites in rule tests: which take part, and what a failure says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.ruletest.suites import CONFIG, failures, faults, write

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = """\
groups:
- rules:
  - &rule
    alert: A
    cloudwatch: {namespace: N, metric: M, statistic: Sum, dimensions: {Id: "*", App: "*"}}
    when: {P3: "> 80"}
  - {<<: *rule, alert: B}
  - {alert: Either, composite: ALARM(A) OR ALARM(B), when: {P2: ALARM}}
  - {alert: Both, composite: ALARM(A) AND ALARM(B), by: [App], when: {P1: ALARM}, enabled: true}
  - {alert: Onward, composite: ALARM(Either) AND OK(Both), when: {P4: ALARM}}
  - {alert: Off, composite: ALARM(A), when: {P1: ALARM}, enabled: false}
"""


def test_a_failure_of_a_composite_says_which_operands_made_it_so(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: Both
      series:
      - {rule: A, labels: {Id: a, App: x}, values: 99}
      - {rule: B, labels: {Id: b, App: x}, values: 1}
      - {rule: B, labels: {Id: b, App: y}, values: 99}
      expect:
      - {at: 0s, labels: {App: x}, state: ALARM}
    """
    [told] = failures(tmp_path, tests, groups=GROUPS)
    assert told.splitlines()[1:] == [
        '  at 0s Both{App="x"} (t.yaml:21)',
        "    expected ALARM",
        "    got      OK",
        "    reason: NOT ALARM(B): it is OK",
    ]


def test_a_composite_takes_part_when_it_is_named_or_all_its_operands_have_series(tmp_path: Path) -> None:
    tests = """
    - name: named, though B has no series
      series: [{rule: A, labels: {Id: a, App: x}, values: 99}]
      expect: [{at: 0s, rule: Either, state: ALARM, priority: P2}]
    - name: what a named one reads takes part too
      series: [{rule: A, labels: {Id: a, App: x}, values: 99}]
      expect: [{at: 0s, rule: Onward, state: ALARM, priority: P4}]
    - name: all operands have series
      series: [{rule: A, labels: {Id: a, App: x}, values: 99}, {rule: B, labels: {Id: b, App: x}, values: 99}]
      expect: [{at: 0s, labels: {alert: Both, App: x}, state: ALARM, priority: P1}]
    """
    assert failures(tmp_path, tests, groups=GROUPS) == []


def test_an_expectation_that_names_no_rule_speaks_of_alerts_with_series(tmp_path: Path) -> None:
    tests = """
    - name: t
      series: [{rule: A, labels: {Id: a, App: x}, values: 99}, {rule: B, labels: {Id: b, App: x}, values: 99}]
      expect: [{at: 0s, labels: {App: x}, state: ALARM, priority: P3}]
    """
    assert failures(tmp_path, tests, groups=GROUPS) == []


def test_a_disabled_composite_has_no_alert(tmp_path: Path) -> None:
    tests = """
    - name: t
      series: [{rule: A, labels: {Id: a, App: x}, values: 99}]
      expect: [{at: 0s, rule: Off, state: ALARM}]
    """
    [fault] = faults(write(tmp_path, tests, groups=GROUPS))
    assert fault.endswith("no series of the test belongs to Off, so it has no alert")


def test_composites_tell_the_channels_of_their_routes(tmp_path: Path) -> None:
    groups = GROUPS.replace('when: {P3: "> 80"}', 'when: {P3: "> 80"}\n    notify: false')
    groups = groups.replace("when: {P4: ALARM}", "when: {P4: ALARM}, notify: false")
    tests = """
    - name: t
      series: [{rule: A, labels: {Id: a, App: x}, values: 99 1}, {rule: B, labels: {Id: b, App: y}, values: 1}]
      notifications:
      - {at: 0s, channel: oncall, event: trigger}
      - {at: 0s, channel: ops, event: trigger}
      - {at: 1m, channel: oncall, event: resolve}
      - {at: 1m, channel: ops, event: resolve}
    """
    assert failures(tmp_path, tests, config=CONFIG, groups=groups) == []
