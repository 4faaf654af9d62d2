"""Since when a reader counts."""

from __future__ import annotations

from dataclasses import replace

from watchtower.inventory.databases import DbMember
from watchtower.model import Labels
from watchtower.sources.rds.clusters import Cluster, Standing, clusters_of, standing
from watchtower.sources.rds.memory import Memory, decode, encode

NOW = 1_767_571_200
WRITER = DbMember("shop", "shop-1", writer=True, created=100)
FIRST = DbMember("shop", "shop-2", writer=False, created=200)
SECOND = DbMember("shop", "shop-3", writer=False, created=300)


def shop(*members: DbMember) -> Cluster:
    return clusters_of(members)["shop"]


def test_readers_of_a_cluster_never_seen_are_as_old_as_the_inventory_says() -> None:
    assert standing(None, shop(WRITER, FIRST, SECOND), NOW) == Standing("shop-1", {"shop-2": 200, "shop-3": 300})


def test_a_reader_that_joins_begins_now_and_the_others_keep_their_age() -> None:
    before = Standing("shop-1", {"shop-2": 200})
    assert standing(before, shop(WRITER, FIRST, SECOND), NOW).since == {"shop-2": 200, "shop-3": NOW}


def test_after_a_failover_every_reader_begins_anew() -> None:
    before = Standing("shop-1", {"shop-2": 200, "shop-3": 300})
    swapped = shop(replace(WRITER, writer=False), replace(FIRST, writer=True), SECOND)
    assert standing(before, swapped, NOW) == Standing("shop-2", {"shop-1": NOW, "shop-3": NOW})


def test_a_moment_without_a_writer_is_not_yet_a_failover() -> None:
    before = Standing("shop-1", {"shop-2": 200})
    headless = standing(before, shop(FIRST), NOW)
    assert headless == before
    assert standing(headless, shop(WRITER, FIRST), NOW) == before


def test_a_reader_that_reboots_is_none_meanwhile_and_begins_anew() -> None:
    before = Standing("shop-1", {"shop-2": 200, "shop-3": 300})
    away = standing(before, shop(WRITER, FIRST, replace(SECOND, status="rebooting")), NOW)
    assert away.since == {"shop-2": 200}
    assert standing(away, shop(WRITER, FIRST, SECOND), NOW + 60).since == {"shop-2": 200, "shop-3": NOW + 60}


def test_a_memory_comes_back_as_it_was() -> None:
    tagged = replace(FIRST, tags=Labels({"tenant": "a"}), insights=True, zone="eu-west-1b", tier=3)
    memory = Memory(
        frozenset({WRITER, tagged}),
        {"shop": Standing("shop-1", {"shop-2": 200})},
        {"shop": ((NOW, 1.0), (NOW + 60, 0.0))},
    )
    assert decode(encode(memory)) == memory


def test_a_memory_that_cannot_be_read_is_none() -> None:
    assert decode(None) == decode(b"x") == Memory()


def test_sizes_are_ranked_and_their_processors_known() -> None:
    classes = ["db.t4g.medium", "db.r6g.large", "db.r6g.xlarge", "db.r6g.16xlarge", "db.serverless"]
    members = [replace(FIRST, instance_class=name) for name in classes]
    assert [member.size for member in members] == [0.5, 1.0, 2.0, 32.0, None]
    assert [member.vcpus for member in members] == [2, 2, 4, 64, None]
