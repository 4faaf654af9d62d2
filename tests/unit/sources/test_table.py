from __future__ import annotations

import pytest

from watchtower.rulebook.schema import RuleModel
from watchtower.sources.balance.query import BalanceQuery
from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.table import SOURCES


def metric(**dimensions: str) -> dict[str, object]:
    return {"namespace": "AWS/EC2", "metric": "CPUUtilization", "statistic": "Average", "dimensions": dimensions}


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_is_a_key_of_the_grammar_with_its_own_query(name: str) -> None:
    spec = SOURCES[name]
    assert spec.name == spec.query.source == name
    assert spec.query in RuleModel.model_fields[name].annotation.__args__  # type: ignore[union-attr]


def test_a_metric_is_identified_by_its_place_and_dimensions() -> None:
    spec, query = SOURCES["cloudwatch"], CloudWatchQuery.model_validate(metric(InstanceId="*") | {"period": "5m"})
    assert spec.period_of(query) == 300
    assert spec.identity_of(query) == {"account", "region", "InstanceId"}
    assert spec.context_of(query) == {"account_id"}


def test_a_dimension_that_an_expressions_metrics_fix_differently_identifies_nothing() -> None:
    query = CloudWatchQuery.model_validate(
        {"expression": "a - b", "metrics": {"a": metric(Host="*", Disk="x"), "b": metric(Host="*", Disk="y")}}
    )
    assert SOURCES["cloudwatch"].identity_of(query) == {"account", "region", "Host"}


def test_a_heartbeat_is_identified_by_its_target() -> None:
    assert SOURCES["heartbeat"].identity_of(None) == {"target"}


def test_a_probe_is_identified_by_its_target_and_carries_the_labels_of_any_target() -> None:
    targets = [{"target": "a.example.com", "labels": {"tenant": "a"}}, "b.example.com"]
    query = ProbeQuery.model_validate({"http": {"url": "https://{{ target }}/"}, "targets": targets, "interval": "30s"})
    spec = SOURCES["probe"]
    assert spec.period_of(query) == 30
    assert spec.identity_of(query) == {"target", "kind"}
    assert spec.context_of(query) == {"phase", "address", "tenant"}


def test_clusters_and_groups_of_peers_carry_who_is_busiest() -> None:
    for name in ("rds_balance", "rds_topology"):
        assert SOURCES[name].identity_of(None) == {"account", "region", "cluster"}
    nodes = metric(CacheClusterId="*", CacheNodeId="*") | {"namespace": "AWS/ElastiCache", "by": ["CacheClusterId"]}
    query = BalanceQuery.model_validate(nodes)
    spec = SOURCES["balance"]
    assert spec.identity_of(query) == {"account", "region", "CacheClusterId"}
    assert spec.context_of(query) == {"hottest", "idlest", "account_id"}
