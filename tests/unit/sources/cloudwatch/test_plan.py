from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sources.cloudwatch.support import EC2, ERRORS, ask
from watchtower.aws.config import AwsConfig
from watchtower.model import Labels
from watchtower.sources.base import Ask, Place, Unit
from watchtower.sources.cloudwatch.plan import plan_units

PLACES = [Place("prod", "eu-west-1"), Place("prod", "us-east-1"), Place("test", "eu-west-1")]


def plan(*asks: Ask, **config: Any) -> list[Unit]:
    return plan_units(asks, PLACES, AwsConfig.model_validate(config))


def test_a_unit_is_an_account_a_region_a_period_and_a_delay() -> None:
    units = plan(ask("Cpu", EC2), ask("Slow", {**EC2, "period": "15m"}))
    assert [unit.id for unit in units] == [
        "cloudwatch/prod/eu-west-1/60/120",
        "cloudwatch/prod/eu-west-1/900/300",
        "cloudwatch/prod/us-east-1/60/120",
        "cloudwatch/prod/us-east-1/900/300",
        "cloudwatch/test/eu-west-1/60/120",
        "cloudwatch/test/eu-west-1/900/300",
    ]
    assert {(unit.source, unit.offset) for unit in units} == {("cloudwatch", 0)}


def test_rules_of_one_period_share_a_unit_in_order_of_their_names() -> None:
    unit, *_ = plan(ask("B", EC2), ask("A", ERRORS))
    assert [found.rule for found in unit.asks] == ["A", "B"]


def test_a_rule_is_polled_only_where_it_wants() -> None:
    units = plan(ask("Cpu", EC2, accounts=("prod",), regions=("us-east-1",)))
    assert [(unit.account, unit.region) for unit in units] == [("prod", "us-east-1")]


def test_daily_storage_waits_for_its_own_publication() -> None:
    storage = {"namespace": "AWS/S3", "metric": "BucketSizeBytes", "statistic": "Average", "period": "1d"}
    assert {unit.delay for unit in plan(ask("Storage", storage))} == {86_400}


def test_the_configured_delay_may_be_nothing() -> None:
    assert {unit.delay for unit in plan(ask("Cpu", EC2), publication_delay="0s")} == {0}


def test_metric_math_waits_for_its_slowest_member() -> None:
    query = {
        "expression": "a + b",
        "metrics": {"a": EC2, "b": {"namespace": "AWS/Billing", "metric": "EstimatedCharges", "statistic": "Maximum"}},
        "period": "1h",
    }
    assert {unit.delay for unit in plan(ask("Mixed", query))} == {21_600}


@pytest.mark.parametrize("change", [{"statistic": "Maximum"}, {"dimensions": {"InstanceId": "i-1"}}])
def test_the_fingerprint_changes_with_what_is_asked_and_the_id_does_not(change: dict[str, Any]) -> None:
    before, *_ = plan(ask("Cpu", EC2))
    same, *_ = plan(ask("Cpu", EC2))
    after, *_ = plan(ask("Cpu", {**EC2, **change}))
    assert before.fingerprint == same.fingerprint
    assert before.fingerprint != after.fingerprint
    assert before.id == after.id


def test_a_unit_owns_the_series_of_its_rules_at_its_place() -> None:
    from watchtower.aws.clients import AwsClients
    from watchtower.sources.cloudwatch.source import CloudWatchSource

    config = AwsConfig()
    source = CloudWatchSource(AwsClients(config), config)
    [unit] = source.plan([ask("Cpu", EC2)], PLACES[:1])
    home = Labels({"account": "prod", "region": "eu-west-1", "InstanceId": "i-1"})
    assert source.owns(unit, "Cpu", home)
    assert not source.owns(unit, "Other", home)
    assert not source.owns(unit, "Cpu", home.merged({"region": "us-east-1"}))
    assert not source.owns(unit, "Cpu", home.merged({"account": "shop"}))
    assert not source.owns(unit, "Cpu", Labels({"target": "www.example.com"}))


def test_windows_that_slide_are_units_of_their_own() -> None:
    units = plan(
        ask("Grid", {**EC2, "period": "5m"}, regions=("us-east-1",), accounts=("prod",)),
        ask("Sliding", {**EC2, "period": "5m"}, regions=("us-east-1",), accounts=("prod",), step=60),
    )
    assert [(unit.id, unit.period, unit.every, unit.asks[0].rule) for unit in units] == [
        ("cloudwatch/prod/us-east-1/300/300/every-60", 300, 60, "Sliding"),
        ("cloudwatch/prod/us-east-1/300/300", 300, 300, "Grid"),
    ]


def test_a_window_that_slides_by_its_period_is_the_grid() -> None:
    [unit, *_] = plan(ask("Grid", EC2), ask("Sliding", EC2, step=60))
    assert ([one.rule for one in unit.asks], unit.id) == (["Grid", "Sliding"], "cloudwatch/prod/eu-west-1/60/120")
    assert unit.step == 0
