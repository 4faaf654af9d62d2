"""Members become one observation of their group."""

from __future__ import annotations

import pytest

from watchtower.model import Labels, Truth
from watchtower.sources.balance.peers import SHARE, Group, Member, Scale, weigh

SHOP = Labels({"account": "prod", "region": "eu-west-1", "cluster": "shop"})
CPU = Scale("excess", 10.0, "CPUUtilization")


def group(*members: Member, too_few: str = "") -> Group:
    return Group(SHOP, members, Labels({"tenant": "a"}), too_few)


def test_a_group_is_scored_slot_by_slot_and_names_its_extremes_of_the_newest() -> None:
    seen = weigh(group(Member("b", {0: 50.0, 60: 15.57}), Member("a", {60: 4.99})), CPU)
    [(slot, value)] = seen.observation.points
    assert slot == 60
    assert value == pytest.approx(0.7058, abs=1e-4)
    assert seen.observation.identity == SHOP
    assert dict(seen.observation.context) == {"tenant": "a", "hottest": "b", "idlest": "a"}
    assert seen.observation.reason == "CPUUtilization: b 76 % (15.57), a 24 % (4.99)"


def test_the_score_and_each_members_share_are_scraped() -> None:
    seen = weigh(group(Member("a", {60: 30.0}), Member("b", {60: 10.0})), CPU)
    samples = {(one.name, one.labels.get("member")): one.value for one in seen.samples("Imbalance")}
    assert samples == {("watchtower_rule_value", None): 1.0, (SHARE, "a"): 0.75, (SHARE, "b"): 0.25}
    assert {one.labels["alert"] for one in seen.samples("Imbalance")} == {"Imbalance"}


def test_of_no_load_nobody_has_a_share() -> None:
    seen = weigh(group(Member("a", {60: 0.0}), Member("b", {60: 0.0})), CPU)
    assert seen.observation.points == ((60, 0.0),)
    assert seen.observation.reason == "no CPUUtilization on any of 2 members"
    assert [one.name for one in seen.samples("R")] == ["watchtower_rule_value"]


def test_one_member_that_was_not_seen_leaves_the_whole_group_unseen() -> None:
    """Half of the readers would be another group, and its score another story."""
    hidden = Member("b", {}, Truth.FORBIDDEN, "GetMetricData: forbidden")
    seen = weigh(group(Member("a", {60: 90.0}), Member("c", {60: 1.0}), hidden), CPU)
    assert (seen.observation.truth, seen.observation.points) == (Truth.FORBIDDEN, ())
    assert seen.observation.reason == "b: GetMetricData: forbidden"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ((), "no members: nothing to compare"),
        ((Member("a", {60: 1.0}),), "1 member: nothing to compare"),
        ((Member("a", {60: 1.0}), Member("b", {})), "of 2 members 1 have data: nothing to compare"),
    ],
)
def test_fewer_than_two_members_say_so_instead_of_scoring(members: tuple[Member, ...], said: str) -> None:
    seen = weigh(group(*members), CPU).observation
    assert (seen.truth, seen.reason) == (Truth.NO_DATA, said)
    assert weigh(group(*members, too_few="because"), CPU).observation.reason == "because"


def test_of_many_members_the_busiest_are_named() -> None:
    seen = weigh(group(*(Member(f"m{n}", {60: float(n)}) for n in range(1, 9))), CPU)
    assert seen.observation.reason.startswith("CPUUtilization: m8 22 % (8), m7")
    assert seen.observation.reason.endswith("and 3 more")
