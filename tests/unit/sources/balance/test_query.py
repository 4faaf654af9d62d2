from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from watchtower.sources.balance.query import BalanceQuery
from watchtower.sources.rds.query import RdsBalanceQuery, RdsTopologyQuery

NODES = {
    "namespace": "AWS/ElastiCache",
    "metric": "CurrConnections",
    "statistic": "Average",
    "dimensions": {"CacheClusterId": "*", "CacheNodeId": "*"},
    "by": ["CacheClusterId"],
}


def refused(**changed: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        BalanceQuery.model_validate(NODES | changed)
    return "; ".join(error["msg"] for error in caught.value.errors())


def test_peers_are_told_apart_by_what_is_open_and_not_in_by() -> None:
    query = BalanceQuery.model_validate(NODES)
    assert query.member_names == ("CacheNodeId",)
    assert query.damping == 20
    assert query.metric_query.members["m"].open_names == ("CacheClusterId", "CacheNodeId")


def test_a_percentage_is_damped_by_ten_points_and_k_says_otherwise() -> None:
    assert BalanceQuery.model_validate(NODES | {"metric": "CPUUtilization"}).damping == 10
    assert BalanceQuery.model_validate(NODES | {"metric": "mem_used_percent", "k": 3}).damping == 3


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"metric": None}, "`metric` is missing"),
        ({"dimensions": {}}, "`dimensions` is missing"),
        ({"by": ["CacheCluster"]}, "is no dimension of this metric (did you mean `CacheClusterId`?)"),
        ({"dimensions": {"CacheClusterId": "*", "CacheNodeId": "0001"}}, "nothing tells the members apart"),
        ({"by": ["CacheClusterId", "CacheNodeId"]}, "nothing tells the members apart"),
        ({"member": "CacheClusterId"}, "does not tell members apart"),
        ({"value": "gini"}, "excess"),
        ({"k": 0}, "greater than 0"),
        ({"namespace": "Shop", "tags": {"env": "production"}}, "`tags` cannot be used with Shop"),
    ],
)
def test_a_query_that_could_compare_nothing_is_refused(changed: dict[str, Any], said: str) -> None:
    assert said in refused(**changed)


def test_rds_queries_have_a_default_for_everything() -> None:
    query = RdsBalanceQuery.model_validate({})
    assert (query.measure, query.value, query.period, query.grace) == ("CPUUtilization", "excess", 60, 600)
    assert query.clusters.matches("any")
    assert RdsTopologyQuery.model_validate({}).period == 300


@pytest.mark.parametrize("period", ["30s", "90s", "2d"])
def test_rds_publishes_whole_minutes(period: str) -> None:
    with pytest.raises(ValidationError, match="whole minutes"):
        RdsBalanceQuery.model_validate({"period": period})
