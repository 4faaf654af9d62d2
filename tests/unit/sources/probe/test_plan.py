"""Which unit probes what, and which rules share a probe."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from watchtower.clock import SystemClock
from watchtower.model import Labels, Priority
from watchtower.sources.base import Ask
from watchtower.sources.probe.kinds.http.job import HttpJob
from watchtower.sources.probe.plan import bucket_of, units_of, wishes_of
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.probe.shares import share_units
from watchtower.sources.probe.source import ProbeSource
from watchtower.sources.probe.where import Where
from watchtower.sources.table import SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.sources.base import Unit


def ask(rule: str, targets: Sequence[Any], *, url: str = "https://{{ target }}/", **probe: Any) -> Ask:
    query = ProbeQuery.model_validate({"http": {"url": url}, "targets": list(targets), **probe})
    return Ask(rule, query, query.period, 3, Priority.P1)


def names(count: int) -> list[str]:
    return [f"site-{number}.example" for number in range(count)]


def test_a_target_is_in_a_unit_without_a_place() -> None:
    [unit] = units_of([ask("SiteDown", names(1), interval="30s")])

    assert (unit.source, unit.account, unit.region) == ("probe", "", "")
    assert (unit.period, unit.delay) == (30, 0)


def test_many_targets_are_cut_into_units_of_about_twenty_and_none_is_lost() -> None:
    units = units_of([ask("SiteDown", names(400))])
    sizes = [len(unit.asks[0].query.targets) for unit in units]
    probed = Counter(target.target for unit in units for target in unit.asks[0].query.targets)

    assert len(units) == 30
    assert max(sizes) < 30
    assert probed == Counter(names(400))


def test_each_interval_has_units_of_its_own() -> None:
    units = units_of([ask("Fast", ["a"], interval="10s"), ask("Slow", ["a"], interval="1h")])

    assert [(unit.id.rpartition("/")[0], unit.period) for unit in units] == [("probe/10", 10), ("probe/3600", 3600)]


def due(units: Sequence[Unit]) -> dict[str, int]:
    """When in their interval targets are probed."""
    return {target.target: unit.offset for unit in units for target in unit.asks[0].query.targets}


def test_targets_are_spread_over_their_interval_the_same_way_after_every_restart() -> None:
    there = due(units_of([ask("SiteDown", names(400))]))

    assert set(there.values()) == set(range(0, 60, 2))
    assert due(units_of([ask("SiteDown", names(400)[::-1])])) == there


def test_few_targets_are_spread_too() -> None:
    there = Counter(due(units_of([ask("SiteDown", names(18), interval="20s")])).values())

    assert len(there) >= 7
    assert max(there.values()) <= 6


def test_many_targets_are_spread_evenly() -> None:
    there = Counter(due(units_of([ask("SiteDown", names(3_000))])).values())

    assert set(there) == set(range(0, 60, 2))
    assert max(there.values()) < 150


def test_one_more_unit_moves_no_other_in_time() -> None:
    before, after = (due(units_of([ask("SiteDown", names(count))])) for count in (640, 641))

    assert sum(after[name] != at for name, at in before.items()) < 40


@pytest.mark.parametrize(("interval", "step"), [("10s", 2), ("1m", 2), ("5m", 10), ("1h", 120)])
def test_shares_of_what_is_not_known_yet_are_spread_over_the_whole_interval(interval: str, step: int) -> None:
    one = ask("SiteDown", ["a"], interval=interval)
    following = one.query.model_copy(update={"targets": Where.model_validate({"from": "route53"})})
    units = share_units([replace(one, query=following)], elsewhere=False)

    assert {unit.offset for unit in units} == set(range(0, one.period, step))


def test_a_probe_every_second_has_no_second_to_be_spread_over() -> None:
    [unit] = units_of([ask("Fast", ["a"], interval="1s", timeout="500ms")])

    assert unit.offset == 0


def test_one_more_bucket_moves_only_its_own_share() -> None:
    moved = [name for name in names(1000) if bucket_of(name, 50) != bucket_of(name, 51)]

    assert {bucket_of(name, 51) for name in moved} == {50}
    assert len(moved) < 40


def test_rules_on_the_same_targets_meet_in_the_same_unit() -> None:
    down, slow = ask("SiteDown", names(60)), ask("SiteSlow", names(60), value="duration")

    for unit in units_of([down, slow]):
        mine = [[target.target for target in asked.query.targets] for asked in unit.asks]
        assert [asked.rule for asked in unit.asks] == ["SiteDown", "SiteSlow"]
        assert mine[0] == mine[1]


def test_a_unit_carries_no_ask_that_has_no_target_there() -> None:
    units = units_of([ask("Many", names(60)), ask("One", names(1))])

    assert sum("One" in [asked.rule for asked in unit.asks] for unit in units) == 1


def test_the_fingerprint_changes_with_the_asks_and_with_nothing_else() -> None:
    [unit] = units_of([ask("SiteDown", names(1))])
    [same] = units_of([ask("SiteDown", names(1))])
    [edited] = units_of([ask("SiteDown", names(1), timeout="4s")])

    assert unit.fingerprint == same.fingerprint
    assert unit.fingerprint != edited.fingerprint


def test_equal_probes_have_one_key_whatever_value_a_rule_reads() -> None:
    [down] = wishes_of(ask("SiteDown", ["a"]).query)
    [slow] = wishes_of(ask("SiteSlow", [{"target": "a", "labels": {"tenant": "x"}}], value="duration").query)

    assert down.probe.key == slow.probe.key


@pytest.mark.parametrize(
    "other",
    [
        ask("X", ["a"], timeout="4s"),
        ask("X", ["a"], url="https://{{ target }}/health"),
        ask("X", [{"target": "a", "expect": {"status": 401}}]),
        ask("X", ["b"]),
    ],
    ids=["timeout", "url", "expect", "target"],
)
def test_probes_that_differ_in_anything_run_apart(other: Ask) -> None:
    [wish] = wishes_of(ask("SiteDown", ["a"]).query)

    assert wish.probe.key != wishes_of(other.query)[0].probe.key


def test_a_targets_own_expectation_stands_instead_of_the_rules() -> None:
    query = ProbeQuery.model_validate(
        {
            "http": {"url": "https://{{ target }}/", "expect": {"contains": "Welcome"}},
            "targets": ["a", {"target": "b", "expect": {"status": 401}}],
        }
    )
    plain, own = (wish.probe.job for wish in wishes_of(query))

    assert isinstance(plain, HttpJob)
    assert isinstance(own, HttpJob)
    assert (plain.expect.contains, own.expect.contains) == ("Welcome", None)


def test_both_families_are_two_series_of_one_target_and_one_family_is_no_label() -> None:
    both, one = ask("Both", ["a"], family="both"), ask("One", ["a"], family="ipv6")

    assert [(wish.identity, wish.probe.family) for wish in wishes_of(both.query)] == [
        (Labels({"target": "a", "kind": "http", "family": "ipv4"}), "ipv4"),
        (Labels({"target": "a", "kind": "http", "family": "ipv6"}), "ipv6"),
    ]
    assert [wish.identity for wish in wishes_of(one.query)] == [Labels({"target": "a", "kind": "http"})]
    assert SOURCES["probe"].identity_of(both.query) == {"target", "kind", "family"}
    assert SOURCES["probe"].identity_of(one.query) == {"target", "kind"}


async def test_a_unit_does_not_own_what_was_probed_in_another_way_before() -> None:
    source = ProbeSource(SystemClock())
    [unit] = source.plan([ask("SiteDown", ["a"], family="both")], [])

    assert source.owns(unit, "SiteDown", Labels({"target": "a", "kind": "http", "family": "ipv6"}))
    assert not source.owns(unit, "SiteDown", Labels({"target": "a", "kind": "http"}))
    assert not source.owns(unit, "SiteDown", Labels({"target": "a", "kind": "tcp", "family": "ipv6"}))
    await source.close()


async def test_a_unit_owns_the_targets_of_its_asks_and_no_others() -> None:
    source = ProbeSource(SystemClock())
    units = source.plan([ask("SiteDown", names(60)), ask("One", names(1))], [])
    owners = [
        unit for unit in units if source.owns(unit, "SiteDown", Labels({"target": "site-7.example", "kind": "http"}))
    ]

    assert len(owners) == 1
    assert not any(source.owns(unit, "One", Labels({"target": "site-7.example", "kind": "http"})) for unit in units)
    assert not any(source.owns(unit, "SiteDown", Labels({"target": "gone.example", "kind": "http"})) for unit in units)
    await source.close()
