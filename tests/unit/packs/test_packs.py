"""What all packs promise, and the published alarms that must provably be among them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.nights import PACKS, all_rules, metric_rules, pack_names, rule_named
from tests.unit.packs.published import PUBLISHED, WRITTEN_IN
from watchtower.config import load
from watchtower.model import Priority
from watchtower.rulebook.rule import Level, Missing, Rule

if TYPE_CHECKING:
    from watchtower.sources.cloudwatch.query import CloudWatchQuery

EVERY_RULE = pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)
EVERY_METRIC = pytest.mark.parametrize("rule", metric_rules(), ids=lambda rule: rule.name)

#: What users feel: a request that fails, or a site that nobody can be served from.
FELT = {"AlbErrors", "AlbNoHealthyHosts", "ElbSpillover"}

CONFIG = """\
rules: [{rules}]
aws: {{accounts: [{{name: main, regions: [eu-west-1, us-east-1]}}]}}
channels:
  oncall: {{type: pagerduty, routing_key: {{file: key.txt}}}}
  lead: {{type: pagerduty, routing_key: {{file: other.txt}}}}
routes:
- {{channels: [oncall, lead]}}
"""


def test_a_configuration_with_all_packs_has_neither_faults_nor_warnings(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("0123456789abcdef0123456789abcdef")
    (tmp_path / "other.txt").write_text("fedcba9876543210fedcba9876543210")
    (tmp_path / "watchtower.yaml").write_text(CONFIG.format(rules=PACKS))
    loaded = load(tmp_path / "watchtower.yaml")
    assert [str(warning) for warning in loaded.warnings] == []
    assert len(loaded.rules) == len(all_rules())


def test_there_is_one_file_per_aws_service_and_its_group_has_its_name() -> None:
    assert set(pack_names()) >= {"alb", "ec2", "rds"}
    for rule in all_rules():
        assert rule.group == Path(rule.file).stem
        assert rule.labels["service"].text


@EVERY_RULE
def test_only_what_users_feel_wakes_somebody_as_p1(rule: Rule) -> None:
    assert (rule.levels[0].priority is Priority.P1) == (rule.name in FELT)


@EVERY_RULE
def test_p1_and_p2_rules_say_when_it_is_over(rule: Rule) -> None:
    if rule.levels[0].priority.urgent:
        assert rule.recover is not None
        assert rule.recover.condition is not None


@EVERY_RULE
def test_a_rule_is_on_and_told_and_says_in_its_own_words_what_is_wrong(rule: Rule) -> None:
    assert rule.enabled
    assert rule.notify
    assert rule.summary is not None


@EVERY_METRIC
def test_every_metric_exists_as_aws_publishes_it(rule: Rule) -> None:
    query: CloudWatchQuery = rule.query
    for member in query.members.values():
        known = PUBLISHED[member.namespace, member.metric]
        assert frozenset(member.dimensions) in known.dimensions
        assert "AvailabilityZone" not in member.dimensions, "each zone would page on its own"
        assert member.statistic in known.statistics


@EVERY_METRIC
def test_a_limit_is_written_in_the_unit_of_its_metric(rule: Rule) -> None:
    query: CloudWatchQuery = rule.query
    units = {PUBLISHED[member.namespace, member.metric].unit for member in query.members.values()}
    conditions = [level.condition for level in rule.levels]
    conditions += [rule.recover.condition] if rule.recover and rule.recover.condition else []
    assert {condition.unit for condition in conditions} <= set.union(*(WRITTEN_IN[unit] for unit in units))


@EVERY_METRIC
def test_a_healthy_resource_is_known_to_the_rule(rule: Rule) -> None:
    """A metric that appears only in trouble would leave the rule without series on every good day."""
    query: CloudWatchQuery = rule.query
    assert any(PUBLISHED[member.namespace, member.metric].always for member in query.members.values())


@EVERY_RULE
def test_where_silence_is_ordinary_it_counts_as_healthy(rule: Rule) -> None:
    """Only what is expected to say something keeps its alert open while it does not."""
    waits_for_data = {
        *("RdsCpuHigh", "RdsConnectionsHigh", "RdsStorageLow", "AuroraLocalStorageLow", "RdsConnectionsBlockScaling"),
        *("ReaderImbalance", "ReaderIdle", "RdsTopology", "MemcachedImbalance"),
        *("VulnerableImage", "ImageNotScanned"),
    }
    assert rule.missing is (Missing.MISSING if rule.name in waits_for_data else Missing.NOT_BREACHING)


def shown(level: Level) -> tuple[Priority, str, str]:
    return level.priority, level.condition.text, f"{level.needed} of {level.of}"


def test_the_spam_filter_teams_database_alarm_is_there_as_published() -> None:
    """CPUUtilization, Average, period 900 s, 2 evaluation periods, threshold 80: as a warning."""
    rule = rule_named("RdsCpuHigh")
    query: CloudWatchQuery = rule.query
    assert (query.namespace, query.metric, query.statistic) == ("AWS/RDS", "CPUUtilization", "Average")
    assert (rule.period, rule.missing) == (900, Missing.MISSING)
    assert (Priority.P3, "> 80", "2 of 2") in map(shown, rule.levels)


def test_their_disk_check_is_there_as_published() -> None:
    """Per cent free, warning 10, critical 5, comparison "<", one evaluation period."""
    rule = rule_named("Ec2DiskLow")
    assert rule.query.expression == "100 - used"
    assert rule.query.metrics["used"].metric == "disk_used_percent"
    assert list(map(shown, rule.levels)) == [(Priority.P2, "< 5", "1 of 1"), (Priority.P3, "< 10", "1 of 1")]


def test_the_error_rule_is_the_one_of_the_design() -> None:
    rule = rule_named("AlbErrors")
    query: CloudWatchQuery = rule.query
    assert query.expression == "IF(FILL(r,0)+FILL(e,0) >= 50, 100*(FILL(t,0)+FILL(e,0))/(FILL(r,0)+FILL(e,0)))"
    assert {name: (one.metric, one.statistic, [*one.dimensions]) for name, one in query.metrics.items()} == {
        "r": ("RequestCount", "Sum", ["LoadBalancer"]),
        "t": ("HTTPCode_Target_5XX_Count", "Sum", ["LoadBalancer"]),
        "e": ("HTTPCode_ELB_5XX_Count", "Sum", ["LoadBalancer"]),
    }
    assert list(map(shown, rule.levels)) == [(Priority.P1, "> 20", "2 of 3"), (Priority.P2, "> 5", "3 of 5")]
    assert (rule.period, rule.missing) == (60, Missing.NOT_BREACHING)


@pytest.mark.parametrize("fstype", ["squashfs", "iso9660", "tmpfs", "overlay"])
def test_a_file_system_that_is_full_by_design_is_no_disk(fstype: str) -> None:
    """Every snap package is a squashfs of which nothing is free."""
    disk = rule_named("Ec2DiskLow").query.metrics["used"].dimensions["fstype"]
    assert not disk.matches(fstype)
    assert all(disk.matches(real) for real in ("xfs", "ext4", "btrfs", "nfs4"))
