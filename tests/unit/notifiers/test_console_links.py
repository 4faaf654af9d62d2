from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchtower.notifiers.console_links import console_link, insights_link

HERE = {"region": "eu-west-1", "source": "cloudwatch"}


def test_an_alert_on_a_metric_leads_to_its_metrics_by_their_dimensions() -> None:
    assert console_link({**HERE, "DBInstanceIdentifier": "db-1", "service": "database"}, {}) == (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
        "#metricsV2?graph=~(region~'eu-west-1)&query=~'DBInstanceIdentifier*3d*22db-1*22"
    )


def test_a_namespace_that_a_rule_names_narrows_the_search() -> None:
    found = console_link({**HERE, "LoadBalancer": "app/shop/1"}, {"namespace": "AWS/ApplicationELB"})
    assert found is not None
    assert found.endswith("query=~'AWS*2fApplicationELB*20LoadBalancer*3d*22app*2fshop*2f1*22")


LOGS = {"region": "eu-west-1", "source": "logs", "log_group": "/ecs/shop/pms"}


def test_an_alert_on_a_log_group_leads_to_the_log_group() -> None:
    found = console_link(LOGS, {})
    assert found is not None
    assert found.endswith("#logsV2:log-groups/log-group/$252Fecs$252Fshop$252Fpms")


def test_an_alert_on_a_log_group_can_be_asked_of_logs_insights_around_its_beginning() -> None:
    begun = datetime(2026, 1, 5, 14, 0, tzinfo=UTC)
    assert insights_link(LOGS, begun) == (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:logs-insights?queryDetail="
        "~(end~'2026-01-05T14*3a30*3a00.000Z~start~'2026-01-05T13*3a30*3a00.000Z~timeType~'ABSOLUTE~tz~'UTC"
        "~editorString~'fields*20*40timestamp*2c*20*40message*20*7c*20sort*20*40timestamp*20desc*20*7c*20limit*20200"
        "~source~(~'*2fecs*2fshop*2fpms))"
    )


@pytest.mark.parametrize("labels", [{}, HERE, {**LOGS, "region": "evil.example/?"}, {**LOGS, "log_group": ""}])
def test_logs_insights_is_for_log_groups(labels: dict[str, str]) -> None:
    assert insights_link(labels, datetime(2026, 1, 5, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("us-east-1", "us-east-1.console.aws.amazon.com"),
    ],
)
def test_each_partition_has_a_console_of_its_own(region: str, host: str) -> None:
    found = console_link({"region": region, "source": "cloudwatch", "A": "b"}, {})
    assert found is not None
    assert found.startswith(f"https://{host}/")


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"source": "cloudwatch", "A": "b"},
        {**HERE, "region": "evil.example/?", "A": "b"},
        {**HERE, "service": "database"},
        {**HERE, "source": "probe", "A": "b"},
        {**HERE, "A": ""},
        {**HERE, "A": 'say "no"'},
    ],
)
def test_what_has_no_metric_has_no_link(labels: dict[str, str]) -> None:
    assert console_link(labels, {}) is None


@given(st.text(max_size=50))
def test_whatever_a_dimension_holds_stays_inside_its_quotes(value: str) -> None:
    found = console_link({**HERE, "Dimension": value}, {"namespace": value})
    if found is not None:
        assert set(found.partition("query=~'")[2]) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.*"
        )
