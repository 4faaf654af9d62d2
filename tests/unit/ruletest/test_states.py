"""What an evaluation says at a moment of the virtual clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.ruletest.suites import CONFIG, failures, write
from watchtower.ruletest.load import load_suite
from watchtower.ruletest.run import run_test

if TYPE_CHECKING:
    from pathlib import Path


def test_value_k_stands_at_k_periods_and_is_seen_at_that_moment(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: CpuHigh
      series: [{labels: {Id: a}, values: "50 85 85"}]
      expect:
      - {at: 5m, state: OK}
      - {at: 10m, state: ALARM, priority: P3}
    """
    assert failures(tmp_path, tests) == []


def test_between_two_evaluations_the_earlier_one_stands(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: CpuHigh
      series: [{labels: {Id: a}, values: "50 85 85 50 50"}]
      expect:
      - {at: 9m59s, state: OK}
      - {at: 14m59s, state: ALARM}
      - {at: 15m, state: OK}
    """
    assert failures(tmp_path, tests) == []


def test_after_its_last_value_a_series_is_missing(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: CpuHigh
      series: [{labels: {Id: a}, values: "85 85"}]
      expect:
      - {at: 5m, state: ALARM}
      - {at: 20m, state: ALARM}
      - {at: 25m, state: INSUFFICIENT_DATA, priority: P3}
    """
    assert failures(tmp_path, tests) == []


def test_a_poll_that_failed_holds_the_state_and_leaves_no_datapoint(tmp_path: Path) -> None:
    tests = """
    - name: held, then decided without the value nobody saw
      rule: CpuHigh
      series: [{labels: {Id: a}, values: "85 85 !x9 50"}]
      expect:
      - {at: 50m, state: ALARM, priority: P3}
      - {at: 55m, state: OK}
    - name: a missing value is no failed poll
      rule: CpuHigh
      series: [{labels: {Id: a}, values: "85 85 _x9 50"}]
      expect:
      - {at: 50m, state: INSUFFICIENT_DATA}
    """
    assert failures(tmp_path, tests) == []


@pytest.mark.parametrize("state", ["OK", "ALARM", "INSUFFICIENT_DATA"])
def test_a_series_begins_in_the_state_it_is_given(tmp_path: Path, state: str) -> None:
    tests = f"""
    - name: t
      rule: DiskFull
      series: [{{labels: {{Id: a}}, values: "_", initial_state: {state}}}]
      expect: [{{at: 0s, state: {state}}}]
    """
    assert failures(tmp_path, tests) == []


def test_a_series_begins_without_data_where_nothing_is_said(tmp_path: Path) -> None:
    tests = """
    - {name: t, rule: DiskFull, series: [{labels: {Id: a}, values: _}], expect: [{at: 0s, state: INSUFFICIENT_DATA}]}
    """
    assert failures(tmp_path, tests) == []


def test_an_alert_that_begins_in_alarm_has_the_least_urgent_priority_and_recovers_as_the_rule_says(
    tmp_path: Path,
) -> None:
    tests = """
    - name: t
      rule: CpuHigh
      series: [{labels: {Id: a}, values: "75 75 60", initial_state: ALARM}]
      expect:
      - {at: 5m, state: ALARM, priority: P3}
      - {at: 10m, state: OK}
    """
    assert failures(tmp_path, tests) == []


def test_series_of_several_rules_stand_in_one_test_each_on_its_own_period(tmp_path: Path) -> None:
    tests = """
    - name: t
      series:
      - {rule: CpuHigh, labels: {Id: a}, values: "85 85"}
      - {rule: DiskFull, labels: {Id: a}, values: "50x4 99 50"}
      - {rule: SiteDown, labels: {target: www.example.com}, values: "up downx2 up"}
      expect:
      - {at: 30s, rule: SiteDown, state: OK}
      - {at: 1m, rule: SiteDown, state: ALARM, priority: P1}
      - {at: 90s, rule: SiteDown, state: OK}
      - {at: 4m, labels: {alert: DiskFull}, state: ALARM}
      - {at: 4m59s, rule: DiskFull, state: ALARM}
      - {at: 5m, rule: DiskFull, state: OK}
      - {at: 5m, rule: CpuHigh, state: ALARM}
    """
    assert failures(tmp_path, tests) == []


def test_labels_choose_the_alerts_by_every_label_they_have(tmp_path: Path) -> None:
    """Identity, the rule's own and those of a probe's target; an expectation holds of all that it chooses."""
    tests = """
    - name: t
      series:
      - {rule: DiskFull, labels: {Id: a}, values: 99}
      - {rule: DiskFull, labels: {Id: b, region: eu-west-1}, values: 10}
      - {rule: SiteDown, labels: {target: shop.example.com}, values: up}
      expect:
      - {at: 0s, labels: {Id: a, service: shop, group: shop, team: a-team, priority: P1}, state: ALARM}
      - {at: 0s, labels: {account: test, region: us-east-1}, state: ALARM}
      - {at: 0s, labels: {region: eu-west-1, environment: default}, state: OK}
      - {at: 0s, labels: {tenant: shop, kind: http}, state: OK}
    """
    assert failures(tmp_path, tests) == []


def test_labels_that_no_series_has_fail_the_test_and_name_those_there_are(tmp_path: Path) -> None:
    tests = """
    - {name: t, rule: DiskFull, series: [{labels: {Id: a}, values: 10}], expect: [{at: 0s, labels: {Id: b}, state: OK}]}
    """
    [told] = failures(tmp_path, tests)
    assert 'no series with the labels {Id="b"}; there are DiskFull{Id="a", account="test"' in told


def test_account_and_region_are_the_configurations_first(tmp_path: Path) -> None:

    tests = """
    - name: t
      rule: DiskFull
      series: [{labels: {Id: a}, values: 10}]
      expect: [{at: 0s, labels: {account: prod, region: eu-west-1, environment: staging}, state: OK}]
    """
    assert failures(tmp_path, tests, config=CONFIG) == []


def test_a_failure_tells_what_was_expected_and_got_with_datapoints_and_reason(tmp_path: Path) -> None:
    tests = """
    - name: one hot period is an alert
      rule: CpuHigh
      series: [{labels: {Id: a}, values: "50 85 ! 97x2"}]
      expect:
      - {at: 5m, state: ALARM, priority: P3}
      - {at: 10m, state: ALARM}
      - {at: 20m, state: ALARM, priority: P3}
    """
    [told] = failures(tmp_path, tests)
    alert = 'CpuHigh{Id="a", account="test", region="us-east-1"}'
    assert told.splitlines() == [
        "FAILED one hot period is an alert (t.yaml:33)",
        f"  at 5m {alert} (t.yaml:37)",
        "    expected ALARM P3",
        "    got      OK",
        "    datapoints, newest last: _ _ 50 85",
        "    reason: 1 of the last 2 datapoints was > 80 (newest 85 at 00:00 UTC)",
        f"  at 10m {alert} (t.yaml:38)",
        "    expected ALARM",
        "    got      OK",
        "    datapoints, newest last: _ 50 85 _",
        "    reason: the poll failed: state held",
        f"  at 20m {alert} (t.yaml:39)",
        "    expected ALARM P3",
        "    got      ALARM P2",
        "    datapoints, newest last: 85 _ 97 97",
        "    reason: 2 of the last 2 datapoints were > 95 (newest 97 at 00:15 UTC)",
    ]


def test_the_reason_is_that_of_the_evaluation_even_when_it_changed_nothing(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: CpuHigh
      series: [{labels: {Id: a}, values: "85x2 75 _x6"}]
      expect:
      - {at: 10m, state: OK}
      - {at: 40m, state: OK}
    """
    [told] = failures(tmp_path, tests)
    assert "reason: recovering: the last datapoint was not < 70, 1 needed (newest 75 at 00:05 UTC)" in told
    assert "reason: no datapoints in the last 4 periods" in told


def test_a_second_run_of_a_test_says_the_same(tmp_path: Path) -> None:

    tests = """
    - {name: t, rule: DiskFull, series: [{labels: {Id: a}, values: "99 _ 10"}], expect: [{at: 1m, state: OK}]}
    """
    suite = load_suite(write(tmp_path, tests))
    assert run_test(suite.setting, suite.tests[0]) == run_test(suite.setting, suite.tests[0])


def test_a_series_vanishes_after_its_last_value_where_the_rule_asks_what_then(tmp_path: Path) -> None:
    """``_`` is a series that is still listed; an absent one holds its state until it has been away long enough."""
    groups = """\
groups:
- rules:
  - &rule
    alert: Resolves
    cloudwatch: {namespace: A, metric: M, statistic: Sum, dimensions: {Id: "*"}}
    when: {P3: "> 80"}
    vanished: {after: 2, do: resolve}
  - {<<: *rule, alert: Fires, vanished: {after: 3, do: fire}}
  - {<<: *rule, alert: Holds, vanished: {do: hold}}
"""
    tests = """
    - name: t
      series:
      - {rule: Resolves, labels: {Id: a}, values: "10 99 _"}
      - {rule: Resolves, labels: {Id: b}, values: "10 99 _x9"}
      - {rule: Fires, labels: {Id: a}, values: "10"}
      - {rule: Holds, labels: {Id: a}, values: "10 99"}
      expect:
      - {at: 3m, rule: Resolves, labels: {Id: a}, state: ALARM}
      - {at: 4m, rule: Resolves, labels: {Id: a}, state: OK}
      - {at: 4m, rule: Resolves, labels: {Id: b}, state: INSUFFICIENT_DATA, priority: P3}
      - {at: 2m, rule: Fires, state: OK}
      - {at: 3m, rule: Fires, state: ALARM}
      - {at: 9m, rule: Holds, state: INSUFFICIENT_DATA, priority: P3}
    """
    assert failures(tmp_path, tests, groups=groups) == []
