"""Rule test files for tests: the text of a file in, the outcome of its tests out."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from watchtower.clock import SystemClock
from watchtower.errors import ConfigError
from watchtower.ruletest.load import load_suite
from watchtower.ruletest.report import failure_lines
from watchtower.ruletest.run import run_test

if TYPE_CHECKING:
    from pathlib import Path

CLOCK = SystemClock()

#: A rule of each kind, under ``groups:``.
GROUPS = """\
groups:
- group: shop
  labels: {service: shop}
  rules:
  - alert: CpuHigh
    cloudwatch: {namespace: AWS/EC2, metric: CPUUtilization, statistic: Average, period: 5m, dimensions: {Id: "*"}}
    when: {P3: "> 80", P2: "> 95"}
    datapoints: 2 of 2
    recover: {when: "< 70"}
    summary: "{{ labels.Id }} at {{ value }}"
  - alert: DiskFull
    cloudwatch: {namespace: AWS/EC2, metric: Disk, statistic: Maximum, period: 1m, dimensions: {Id: "*"}}
    when: {P1: "> 90"}
    missing: ignore
    labels: {team: "{{ labels.Id }}-team"}
  - alert: Narrow
    cloudwatch:
      namespace: AWS/EC2
      metric: CPUUtilization
      statistic: Average
      dimensions: {Id: {like: [a-*, c], not: a-2}, Kind: web}
    when: {P3: "> 80"}
  - {alert: Both, composite: ALARM(CpuHigh) AND ALARM(DiskFull), when: {P2: ALARM}}
  - alert: SiteDown
    probe:
      http: {url: "https://{{ target }}/"}
      interval: 30s
      targets: [www.example.com, {target: shop.example.com, labels: {tenant: shop}}]
    when: {P1: down}
    datapoints: 2 of 2
"""

#: A configuration that tells chat and pager; secrets that nobody has.
CONFIG = """\
environment: staging
rules: [/nowhere/rules/]
store: sqlite:////nowhere/watchtower.db
aws:
  accounts:
  - name: prod
    regions: [eu-west-1, us-east-1]
    role_arn: "arn:aws:iam::111122223333:role/w"
    external_id: {env: WT_NOT_SET}
channels:
  oncall: {type: pagerduty, routing_key: {env: WT_NOT_SET}}
  ops: {type: slack, token: {file: /nowhere/token}, channel: "#ops"}
  hook: {type: slack, webhook_url: {env: WT_NOT_SET}}
  audit: {type: sns, topic_arn: "arn:aws:sns:eu-west-1:111122223333:alerts"}
routes:
- {name: urgent, match: ['priority=~"P1|P2"'], channels: [oncall, ops]}
- {name: rest, channels: [ops], group_wait: 30s}
"""


def write(directory: Path, tests: str, *, config: str | None = None, groups: str = GROUPS) -> Path:
    """A rule test file with the rules of this module; ``tests`` is what stands under ``tests:``."""
    head = ""
    if config is not None:
        (directory / "watchtower.yaml").write_text(config)
        head = "config: watchtower.yaml\n"
    path = directory / "rule_tests.yaml"
    path.write_text(head + groups + "tests:\n" + dedent(tests))
    return path


def failures(directory: Path, tests: str, *, config: str | None = None, groups: str = GROUPS) -> list[str]:
    """What a person would be told of the tests that fail, one text a test; empty when all pass."""
    suite = load_suite(write(directory, tests, config=config, groups=groups))
    outcomes = [run_test(suite.setting, test) for test in suite.tests]
    return ["\n".join(failure_lines("t.yaml", outcome)) for outcome in outcomes if not outcome.passed]


def faults(path: Path) -> list[str]:
    """The faults of a file, without the directory."""
    try:
        load_suite(path)
    except ConfigError as error:
        return [str(fault).replace(f"{path.parent}/", "") for fault in error.faults]
    return []
