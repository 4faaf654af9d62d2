from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchtower.config import Config, worst_case_seconds
from watchtower.rulebook.loader import load_rules

if TYPE_CHECKING:
    from pathlib import Path

    from watchtower.rulebook.rule import Rule

ROUTES = [
    {"name": "db", "match": ['service="db"'], "channels": ["ops"], "group_wait": "10s"},
    {"name": "tenant", "match": ['tenant="shop"'], "channels": ["ops"], "group_wait": "5m"},
    {"name": "rest", "channels": ["ops"], "group_wait": "30s"},
]


def config(**aws: object) -> Config:
    return Config.model_validate({"routes": ROUTES, "aws": aws})


def rule(directory: Path, *, period: str = "1m", when: str = '{P3: "> 80"}', more: str = "") -> Rule:
    query = f"{{namespace: AWS/EC2, metric: CPUUtilization, statistic: Average, period: {period}}}"
    path = directory / "rules.yaml"
    path.write_text(f"rules:\n- alert: A\n  cloudwatch: {query}\n  when: {when}\n{more}")
    load = load_rules([path], label_tags=["tenant"])
    assert load.faults == ()
    return load.rules[0]


def test_a_metric_needs_its_periods_one_more_to_align_the_delay_and_the_routes_wait(tmp_path: Path) -> None:
    assert worst_case_seconds(rule(tmp_path), config()) == 60 * (1 + 1) + 120 + 30
    three = rule(tmp_path, more="  datapoints: 2 of 3\n")
    assert worst_case_seconds(three, config()) == 60 * (3 + 1) + 120 + 30


def test_longer_periods_are_published_later_unless_the_configuration_says_otherwise(tmp_path: Path) -> None:
    slow = rule(tmp_path, period="5m")
    assert worst_case_seconds(slow, config()) == 300 * 2 + 300 + 30
    assert worst_case_seconds(slow, config(publication_delay="0s")) == 300 * 2 + 30


def test_balance_waits_for_its_metrics_and_topology_for_the_inventory(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        'rules:\n- alert: A\n  rds_balance: {}\n  when: {P1: ">= 0.7"}\n  datapoints: 10 of 15\n'
        '- alert: B\n  rds_topology: {}\n  when: {P1: "> 0"}\n'
    )
    balance, topology = load_rules([path]).rules
    assert worst_case_seconds(balance, config()) == 60 * 16 + 120
    assert worst_case_seconds(topology, config(discovery_interval="10m")) == 300 * 2 + 600


@pytest.mark.parametrize(
    ("source", "seconds"),
    [
        ("asg: {}", 60 * 2 + 600),
        ("asg: {grace: 15m, period: 5m}", 300 * 2 + 900),
        ("ecs: {}", 60 * 2),
        ("ecs: {value: missing}", 60 * 2 + 600),
        ("ec2_events: {}", 300 * 2),
        ("quota: {services: [ec2]}", 300 * 2 + 300),
    ],
)
def test_a_resource_has_its_grace_and_a_quota_the_delay_of_its_metric(
    tmp_path: Path, source: str, seconds: float
) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(f'rules:\n- alert: A\n  {source}\n  when: {{P1: "> 0"}}\n')
    [found] = load_rules([path]).rules
    assert worst_case_seconds(found, config()) == seconds


@pytest.mark.parametrize("priority", ["P1", "P2"])
def test_an_urgent_priority_does_not_wait_for_its_group(tmp_path: Path, priority: str) -> None:
    urgent = rule(tmp_path, when=f'{{{priority}: "> 90", P3: "> 80"}}')
    assert worst_case_seconds(urgent, config()) == 60 * 2 + 120


def test_the_route_that_takes_the_alert_says_how_long_its_group_waits(tmp_path: Path) -> None:
    database = rule(tmp_path, more="  labels: {service: db}\n")
    assert worst_case_seconds(database, config()) == 60 * 2 + 120 + 10


def test_a_label_that_is_not_known_yet_could_lead_to_the_slowest_route(tmp_path: Path) -> None:
    tagged = rule(tmp_path)
    assert worst_case_seconds(tagged, config(label_tags=["tenant"])) == 60 * 2 + 120 + 300


def test_a_probe_needs_its_failures_and_the_last_ones_timeout(tmp_path: Path) -> None:
    path = tmp_path / "probe.yaml"
    probe = '{http: {url: "https://example.com/"}, interval: 30s, timeout: 5s}'
    path.write_text(f"rules:\n- alert: A\n  probe: {probe}\n  when: {{P1: down}}\n  datapoints: 2 of 3\n")
    [site] = load_rules([path]).rules
    assert worst_case_seconds(site, config()) == 30 * 2 + 5


def test_a_target_of_inhibition_waits_for_its_sources_however_urgent_it_is(tmp_path: Path) -> None:
    inhibit = [
        {"source": ["alert=B"], "target": ["alert=A"], "wait": "2m"},
        {"source": ["alert=B"], "target": ["alert=C"], "wait": "9m"},
    ]
    held = Config.model_validate({"routes": ROUTES, "inhibit": inhibit})
    assert worst_case_seconds(rule(tmp_path, when='{P1: "> 80"}'), held) == 60 * (1 + 1) + 120 + 120
    assert worst_case_seconds(rule(tmp_path), held) == 60 * (1 + 1) + 120 + 120, "its group waits meanwhile"


def test_a_composite_takes_as_long_as_the_slowest_rule_it_names_and_its_suppressors_wait(tmp_path: Path) -> None:
    slow = "{namespace: AWS/EC2, metric: CPUUtilization, statistic: Average, period: 5m}"
    site = '{http: {url: "https://example.com/"}, interval: 30s, timeout: 5s}'
    path = tmp_path / "rules.yaml"
    path.write_text(f"""rules:
- {{alert: Slow, cloudwatch: {slow}, when: {{P4: "> 80", P3: {{when: "> 90", datapoints: 3 of 3}}}}}}
- {{alert: Site, probe: {site}, when: {{P4: down}}}}
- {{alert: Low, composite: ALARM(Slow) OR ALARM(Site), suppressor: {{alert: Site, wait: 1h}}, when: {{P4: ALARM}}}}
- {{alert: Top, composite: NOT OK(Low), suppressor: {{alert: Slow, wait: 2m, extension: 1d}}, when: {{P1: ALARM}}}}
- {{alert: Fast, composite: ALARM(Site) AND ALARM(WatchtowerTickLate), when: {{P3: ALARM}}}}
""")
    rules = load_rules([path]).rules
    slowest = 300 * (3 + 1) + 300
    found = {one.name: worst_case_seconds(one, config(), rules) for one in rules}
    assert (found["Low"], found["Top"], found["Fast"]) == (slowest + 3600 + 30, slowest + 120, 30 + 5 + 30)


def test_of_overrides_the_slowest_counts_for_the_rule_and_for_composites_of_it(tmp_path: Path) -> None:
    more = """\
  overrides:
  - {match: [InstanceId=i-1], datapoints: 30 of 30}
  - {match: [InstanceId=i-2], when: {P3: "> 9"}}
"""
    path = tmp_path / "rules.yaml"
    query = '{namespace: AWS/EC2, metric: CPUUtilization, statistic: Average, dimensions: {InstanceId: "*"}}'
    path.write_text(
        f'rules:\n- alert: A\n  cloudwatch: {query}\n  when: {{P3: "> 80"}}\n{more}'
        "- {alert: Both, composite: ALARM(A), when: {P1: ALARM}}\n"
    )
    one, both = load_rules([path]).rules
    assert worst_case_seconds(one, config()) == 60 * (30 + 1) + 120 + 30
    assert worst_case_seconds(both, config(), [one, both]) == 60 * (30 + 1) + 120
