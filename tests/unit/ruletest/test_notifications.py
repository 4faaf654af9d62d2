"""Who is told, in order, on the routes of a configuration."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.unit.ruletest.suites import CONFIG, failures

if TYPE_CHECKING:
    from pathlib import Path

told = partial(failures, config=CONFIG)


def test_deliveries_are_listed_with_group_wait_and_priority_as_the_routes_say(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: CpuHigh
      series: [{labels: {Id: a}, values: "85x3 60"}]
      notifications:
      - {at: 5m30s, channel: ops, event: trigger}
      - {at: 15m, channel: ops, event: resolve}
    """
    assert told(tmp_path, tests) == []


def test_a_rise_onto_another_route_pages_there_and_then_ends_the_old_incident(tmp_path: Path) -> None:
    config = CONFIG.replace("channels: [ops], group_wait: 30s", "channels: [oncall]")
    tests = """
    - name: t
      rule: CpuHigh
      series: [{labels: {Id: a}, values: "85x2 97x2 60"}]
      notifications:
      - {at: 5m, channel: oncall, event: trigger}
      - {at: 15m, channel: oncall, event: trigger}
      - {at: 15m, channel: ops, event: trigger}
      - {at: 15m, channel: oncall, event: resolve}
      - {at: 20m, channel: oncall, event: resolve}
      - {at: 20m, channel: ops, event: resolve}
    """
    assert failures(tmp_path, tests, config=config) == []


def test_channels_that_hear_at_one_moment_have_no_order_between_them(tmp_path: Path) -> None:
    for order in (("oncall", "ops"), ("ops", "oncall")):
        tests = f"""
        - name: t
          rule: DiskFull
          series: [{{labels: {{Id: a}}, values: 99}}]
          notifications:
          - {{at: 0s, channel: {order[0]}, event: trigger}}
          - {{at: 0s, channel: {order[1]}, event: trigger}}
        """
        assert told(tmp_path, tests) == []


def test_an_unexpected_delivery_fails_and_the_ordered_difference_is_shown(tmp_path: Path) -> None:
    tests = """
    - name: only the pager
      rule: DiskFull
      series: [{labels: {Id: a}, values: "10 99 99 10"}]
      notifications:
      - {at: 1m, channel: oncall, event: trigger}
      - {at: 2m, channel: oncall, event: resolve}
    """
    [text] = told(tmp_path, tests)
    title = "P1 DiskFull: 99 > 90 for 1 of 1 datapoints, a"
    assert text.splitlines()[1:] == [
        "  notifications (- expected, + delivered):",
        f"          1m oncall trigger  {title}",
        "  -       2m oncall resolve",
        f"  +       1m ops trigger  {title}",
        f"  +       3m oncall resolve  {title}",
        f"  +       3m ops resolve  {title}",
    ]


def test_nothing_told_is_a_claim_too(tmp_path: Path) -> None:
    tests = """
    - name: calm
      rule: DiskFull
      series: [{labels: {Id: a}, values: "10x5"}]
      notifications: []
    - name: not calm
      rule: DiskFull
      series: [{labels: {Id: a}, values: "10x4 99"}]
      notifications: []
    """
    [text] = told(tmp_path, tests)
    assert text.startswith("FAILED not calm")


def test_a_page_that_waits_for_company_after_the_last_value_is_seen(tmp_path: Path) -> None:
    tests = """
    - {name: t, rule: CpuHigh, series: [{labels: {Id: a}, values: 85x2}], notifications: []}
    """
    [text] = told(tmp_path, tests)
    assert "+    5m30s ops trigger" in text


def test_what_the_next_evaluation_would_lead_to_is_not_seen(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: CpuHigh
      series: [{labels: {Id: a}, values: 85x2}]
      notifications: [{at: 5m30s, channel: ops, event: trigger}]
    - name: t
      rule: CpuHigh
      series: [{labels: {Id: a}, values: 85x2 60}]
      notifications: [{at: 5m30s, channel: ops, event: trigger}, {at: 10m, channel: ops, event: resolve}]
    """
    assert told(tmp_path, tests) == []


def test_updates_count_only_where_one_is_listed(tmp_path: Path) -> None:
    begin = """
    - name: t
      rule: DiskFull
      series:
      - {labels: {Id: a}, values: 99x5}
      - {labels: {Id: b}, values: 10 99x4}
      notifications:
      - {at: 0s, channel: oncall, event: trigger}
      - {at: 0s, channel: ops, event: trigger}
    """
    assert told(tmp_path, begin) == []
    assert told(tmp_path, begin + "  - {at: 1m, channel: ops, event: update}") == []
    [text] = told(tmp_path, begin + "  - {at: 2m, channel: ops, event: update}")
    assert "-       2m ops update" in text


def test_an_alert_that_begins_in_alarm_was_told_before_and_owes_its_resolve(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: DiskFull
      series: [{labels: {Id: a}, values: "99 10", initial_state: ALARM}]
      notifications:
      - {at: 1m, channel: oncall, event: resolve}
      - {at: 1m, channel: ops, event: resolve}
    """
    assert told(tmp_path, tests) == []


def test_alerts_of_one_group_are_one_incident(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: DiskFull
      series:
      - {labels: {Id: a}, values: "99 99 10"}
      - {labels: {Id: b}, values: "99 10 10"}
      - {labels: {Id: c, region: us-east-1}, values: "10 99 10"}
      notifications:
      - {at: 0s, channel: oncall, event: trigger}
      - {at: 0s, channel: ops, event: trigger}
      - {at: 1m, channel: oncall, event: trigger}
      - {at: 1m, channel: ops, event: trigger}
      - {at: 2m, channel: oncall, event: resolve}
      - {at: 2m, channel: oncall, event: resolve}
      - {at: 2m, channel: ops, event: resolve}
      - {at: 2m, channel: ops, event: resolve}
    """
    assert told(tmp_path, tests) == []


def test_a_rule_that_notifies_nobody_tells_nobody(tmp_path: Path) -> None:
    groups = """\
groups:
- rules:
  - alert: Quiet
    cloudwatch: {namespace: A, metric: B, statistic: Sum}
    when: {P1: "> 0"}
    notify: false
"""
    tests = """
    - name: t
      rule: Quiet
      series: [{values: "1"}]
      expect: [{at: 0s, state: ALARM}]
      notifications: []
    """
    assert told(tmp_path, tests, groups=groups) == []
