"""What the packs' metric math gives for what AWS publishes and for what it does not publish."""

from __future__ import annotations

import pytest

from tests.support.nights import calculated, rule_named
from tests.support.nights import values as told


def test_errors_are_a_share_of_requests_only_where_there_are_fifty() -> None:
    share = calculated(rule_named("AlbErrors"), r="1000 1000 49 50 40", t="_ 100 49 _ 10", e="_ 50 _ 5 60")
    assert share == [0, pytest.approx(100 * 150 / 1050), None, pytest.approx(100 * 5 / 55), 70]


def test_a_balancer_without_any_target_fails_every_request_though_no_request_is_counted() -> None:
    assert calculated(rule_named("AlbErrors"), r="_x2", t="_x2", e="400 49") == [100, None]


def test_an_outage_is_judged_only_while_requests_arrive() -> None:
    """The idle group of a blue/green deployment is all unhealthy for minutes, and nobody feels it."""
    rule = rule_named("AlbNoHealthyHosts")
    assert calculated(rule, requests="_ 0 12 300", healthy="0 0 0 4") == [None, None, 0, 4]


def test_a_group_without_health_checks_is_no_outage() -> None:
    assert calculated(rule_named("AlbNoHealthyHosts"), requests="300x3", healthy="_x3") == [None] * 3


def test_health_that_is_published_later_than_requests_is_no_outage() -> None:
    assert calculated(rule_named("AlbNoHealthyHosts"), requests="300x3", healthy="4 4 _") == [4, 4, None]


def test_unhealthy_targets_are_a_share_and_an_empty_group_has_none() -> None:
    rule = rule_named("AlbUnhealthyHosts")
    assert calculated(rule, bad="0 1 4 0", good="4 3 0 0") == [0, 25, 100, None]


@pytest.mark.parametrize(("name", "sparse"), [("ElbSurgeQueue", "queued"), ("ElbSpillover", "rejected")])
def test_a_classic_balancer_that_publishes_no_trouble_has_none(name: str, sparse: str) -> None:
    rule = rule_named(name)
    assert calculated(rule, **{"hosts": "2x4", sparse: "_ 7 _ 0"}) == [0, 7, 0, 0]
    assert calculated(rule, **{"hosts": "2x4", sparse: "_x4"}) == [0] * 4
    assert calculated(rule, **{"hosts": "_x2 2x2", sparse: "_x4"}) == [None, None, 0, 0]


def test_a_balancer_whose_instances_are_all_unhealthy_still_queues() -> None:
    assert calculated(rule_named("ElbSurgeQueue"), hosts="0x2", queued="1024 900") == told("1024 900")


def test_free_is_what_is_not_used() -> None:
    assert calculated(rule_named("Ec2DiskLow"), used="41.5 _ 96 100") == [58.5, None, 4, 0]


def test_connections_count_only_while_the_cpu_is_low() -> None:
    found = calculated(rule_named("RdsConnectionsBlockScaling"), connections="950 950 950", cpu="12 40 _")
    assert found == [950, 0, None]
