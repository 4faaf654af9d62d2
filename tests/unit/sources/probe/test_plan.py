"""Which unit probes what, and which rules share a probe."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from watchtower.clock import SystemClock
from watchtower.model import Labels, Priority
from watchtower.sources.base import Ask
from watchtower.sources.probe.plan import bucket_of, units_of, wishes_of
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.probe.source import ProbeSource

if TYPE_CHECKING:
    from collections.abc import Sequence


def ask(rule: str, targets: Sequence[Any], *, url: str = "https://{{ target }}/", **probe: Any) -> Ask:
    query = ProbeQuery.model_validate({"http": {"url": url}, "targets": list(targets), **probe})
    return Ask(rule, query, query.period, 3, Priority.P1)


def names(count: int) -> list[str]:
    return [f"site-{number}.example" for number in range(count)]


def test_a_few_targets_are_one_unit_without_a_place() -> None:
    [unit] = units_of([ask("SiteDown", names(5), interval="30s")])

    assert (unit.id, unit.source, unit.account, unit.region) == ("probe/30/0", "probe", "", "")
    assert (unit.period, unit.delay) == (30, 0)


def test_many_targets_are_cut_into_units_of_about_twenty_and_none_is_lost() -> None:
    units = units_of([ask("SiteDown", names(400))])
    sizes = [len(unit.asks[0].query.targets) for unit in units]
    probed = Counter(target.target for unit in units for target in unit.asks[0].query.targets)

    assert len(units) == 20
    assert max(sizes) < 45
    assert probed == Counter(names(400))


def test_each_interval_has_units_of_its_own() -> None:
    units = units_of([ask("Fast", ["a"], interval="10s"), ask("Slow", ["a"], interval="1h")])

    assert [unit.id for unit in units] == ["probe/10/0", "probe/3600/0"]


def test_units_are_spread_over_their_interval_the_same_way_after_every_restart() -> None:
    units = units_of([ask("SiteDown", names(400))])
    offsets = [unit.offset for unit in units]

    assert all(0 <= offset < 60 for offset in offsets)
    assert len(set(offsets)) > 10
    assert [unit.offset for unit in units_of([ask("SiteDown", names(400)[::-1])])] == offsets


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
    [unit] = units_of([ask("SiteDown", names(3))])
    [same] = units_of([ask("SiteDown", names(3))])
    [edited] = units_of([ask("SiteDown", names(3), timeout="4s")])

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
    plain, own = wishes_of(query)

    assert plain.probe.expect.contains == "Welcome"
    assert own.probe.expect.contains is None


async def test_a_unit_owns_the_targets_of_its_asks_and_no_others() -> None:
    source = ProbeSource(SystemClock())
    units = source.plan([ask("SiteDown", names(60)), ask("One", names(1))], [])
    owners = [
        unit for unit in units if source.owns(unit, "SiteDown", Labels({"target": "site-7.example", "kind": "http"}))
    ]

    assert len(owners) == 1
    assert not any(source.owns(unit, "One", Labels({"target": "site-7.example"})) for unit in units)
    assert not any(source.owns(unit, "SiteDown", Labels({"target": "gone.example"})) for unit in units)
    await source.close()
