"""What is wrong with how a cluster is built."""

from __future__ import annotations

from dataclasses import replace

from watchtower.inventory.databases import DbMember, Pending
from watchtower.sources.rds.clusters import Cluster
from watchtower.sources.rds.topology import faults

WRITER = DbMember("shop", "shop-1", writer=True, zone="eu-west-1a", instance_class="db.r6g.large")
FIRST = replace(WRITER, id="shop-2", writer=False, zone="eu-west-1b")
SECOND = replace(FIRST, id="shop-3", zone="eu-west-1c")


def found(*members: DbMember, pending: tuple[Pending, ...] = ()) -> tuple[str, ...]:
    return faults(Cluster("shop", members), pending)


def test_equal_members_in_three_zones_have_no_fault() -> None:
    assert found(WRITER, FIRST, SECOND) == ()


def test_a_cluster_of_one_has_nothing_to_differ_from() -> None:
    assert found(WRITER) == ()


def test_two_zones_are_enough() -> None:
    assert found(WRITER, FIRST, replace(SECOND, zone="eu-west-1a")) == ()


def test_all_members_in_one_zone_go_down_together() -> None:
    assert found(WRITER, replace(FIRST, zone="eu-west-1a")) == ("all 2 members are in eu-west-1a",)


def test_classes_that_differ_are_named_with_their_members() -> None:
    assert found(WRITER, FIRST, replace(SECOND, instance_class="db.r7g.large")) == (
        "instance classes differ: db.r6g.large (shop-1, shop-2); db.r7g.large (shop-3)",
    )


def test_a_failover_to_a_smaller_instance_is_a_fault_of_its_own() -> None:
    small = replace(FIRST, instance_class="db.t4g.medium", tier=0)
    assert found(WRITER, small, SECOND)[0] == (
        "a failover would promote shop-2 (db.t4g.medium, tier 0), smaller than the writer shop-1 (db.r6g.large)"
    )
    assert len(found(WRITER, small, SECOND)) == 2


def test_within_a_tier_the_largest_is_promoted() -> None:
    small = replace(FIRST, instance_class="db.t4g.medium")
    assert [text for text in found(WRITER, small, SECOND) if "promote" in text] == []


def test_of_serverless_members_no_size_is_known() -> None:
    serverless = [replace(member, instance_class="db.serverless") for member in (FIRST, SECOND)]
    assert [text for text in found(WRITER, *serverless) if "promote" in text] == []


def test_maintenance_of_the_cluster_and_its_members_is_pending_and_that_of_others_is_not_its_own() -> None:
    pending = (
        Pending("shop-2", "system-update", "2026-12-01"),
        Pending("shop", "db-upgrade"),
        Pending("other-1", "system-update"),
    )
    assert found(WRITER, FIRST, pending=pending) == (
        "maintenance of shop is pending: db-upgrade",
        "maintenance of shop-2 is pending: system-update by 2026-12-01",
    )
