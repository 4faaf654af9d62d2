"""What the series of a test must be called, by the rule that answers with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchtower.rulebook.loader import load_rules
from watchtower.ruletest.labels import series_labels

if TYPE_CHECKING:
    from pathlib import Path

    from watchtower.rulebook.rule import Rule

NODES = "balance: {namespace: Shop, metric: Load, statistic: Sum, dimensions: {Cluster: web, Node: '*'}, by: [Cluster]}"


def rule(directory: Path, source: str) -> Rule:
    path = directory / "rules.yaml"
    path.write_text(f"rules:\n- alert: A\n  {source}\n  when: {{P3: '> 1'}}\n")
    [found] = load_rules([path]).rules
    return found


@pytest.mark.parametrize("source", ["rds_balance", "rds_topology"])
def test_a_series_of_a_cluster_names_one_that_the_rule_asks_for(tmp_path: Path, source: str) -> None:
    asked = rule(tmp_path, f"{source}: {{clusters: 'prod-*'}}")
    identity, context = series_labels(asked, {"cluster": "prod-a", "hottest": "r-1"}, "test", "eu-west-1")
    assert dict(identity) == {"account": "test", "region": "eu-west-1", "cluster": "prod-a"}
    assert dict(context) == {"hottest": "r-1"}
    with pytest.raises(ValueError, match="takes no series whose `cluster` is `dev`; it asks for prod-\\*"):
        series_labels(asked, {"cluster": "dev"}, "test", "eu-west-1")
    with pytest.raises(ValueError, match="has the label `cluster`; give it here"):
        series_labels(asked, {}, "test", "eu-west-1")


def test_a_resource_is_named_by_the_test_and_must_be_one_that_the_rule_asks_for(tmp_path: Path) -> None:
    groups = rule(tmp_path, "asg: {groups: 'web-*'}")
    identity, context = series_labels(groups, {"resource": "web-1", "tenant": "acme"}, "test", "eu-west-1")
    assert (identity["resource"], dict(context)) == ("web-1", {"tenant": "acme"})
    with pytest.raises(ValueError, match="takes no series whose `resource` is `db`; it asks for web-\\*"):
        series_labels(groups, {"resource": "db"}, "test", "eu-west-1")
    with pytest.raises(ValueError, match="has the label `resource`; give it here"):
        series_labels(groups, {}, "test", "eu-west-1")


def test_the_one_resource_of_a_source_need_not_be_named(tmp_path: Path) -> None:
    assert series_labels(rule(tmp_path, "ses: {}"), {}, "test", "eu-west-1")[0]["resource"] == "account"


def test_a_group_of_peers_has_the_labels_in_by_and_those_with_one_value_are_known(tmp_path: Path) -> None:
    identity, _ = series_labels(rule(tmp_path, NODES), {}, "test", "eu-west-1")
    assert dict(identity) == {"account": "test", "region": "eu-west-1", "Cluster": "web"}


def test_a_log_group_is_known_where_the_rule_names_it_and_must_fit_where_it_has_a_glob(tmp_path: Path) -> None:
    named = rule(tmp_path, "logs: {log_group: /app, pattern: ERROR}")
    assert series_labels(named, {}, "test", "eu-west-1")[0]["log_group"] == "/app"
    asked = rule(tmp_path, "logs: {log_group: '/ecs/*', pattern: ERROR}")
    with pytest.raises(ValueError, match="takes no series whose `log_group` is `/app`"):
        series_labels(asked, {"log_group": "/app"}, "test", "eu-west-1")
    with pytest.raises(ValueError, match="has the label `log_group`; give it here"):
        series_labels(asked, {}, "test", "eu-west-1")


def test_a_repository_is_known_where_the_rule_names_it_and_a_tag_only_where_it_asks_for_tags(tmp_path: Path) -> None:
    named = rule(tmp_path, "ecr: {repositories: akai/web}")
    identity, context = series_labels(named, {"tag": "1.0"}, "test", "eu-west-1")
    assert (identity["repository"], dict(context)) == ("akai/web", {"tag": "1.0"})
    tagged = rule(tmp_path, "ecr: {repositories: 'akai/*', images: {tags: ['v*']}}")
    with pytest.raises(ValueError, match="takes no series whose `tag` is `latest`"):
        series_labels(tagged, {"repository": "akai/web", "tag": "latest"}, "test", "eu-west-1")
    with pytest.raises(ValueError, match="has the label `tag`; give it here"):
        series_labels(tagged, {"repository": "akai/web"}, "test", "eu-west-1")


def test_a_resource_is_of_a_kind_that_the_rule_asks_for(tmp_path: Path) -> None:
    asked = rule(tmp_path, "inspector: {resources: [AWS_EC2_INSTANCE]}")
    assert series_labels(asked, {"resource": "i-1"}, "test", "eu-west-1")[0]["resource_type"] == "AWS_EC2_INSTANCE"
    with pytest.raises(ValueError, match="takes no series whose `resource_type` is `AWS_LAMBDA_FUNCTION`"):
        series_labels(asked, {"resource": "f", "resource_type": "AWS_LAMBDA_FUNCTION"}, "test", "eu-west-1")
