"""The band that a test states for a rule that asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.ruletest.suites import failures, faults, write
from watchtower.ruletest.band import Band

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = """\
groups:
- group: shop
  rules:
  - alert: Orders
    cloudwatch: {namespace: Shop, metric: Orders, statistic: Sum, period: 5m, band: 3}
    when: {P3: outside band}
    datapoints: 2 of 2
  - alert: Plain
    cloudwatch: {namespace: Shop, metric: Orders, statistic: Sum, period: 5m}
    when: {P3: "> 1"}
"""


def test_bands_are_read_as_they_are_written() -> None:
    assert Band.parse("80..120x2 _ -1.5...5 -2e3..-1").ends == (
        (80, 120),
        (80, 120),
        None,
        (-1.5, 0.5),
        (-2000, -1),
    )


def test_the_last_band_stays_and_before_the_test_there_is_none() -> None:
    band = Band.parse("1..2 3..4")
    assert [band.at(slot) for slot in (-1, 0, 1, 2, 99)] == [None, (1, 2), (3, 4), (3, 4), (3, 4)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("80", "'80' is not a band"),
        ("120..80", "begins above its end"),
        ("1..1e999", "beyond what a number can be"),
        ("1..2x0", "no value at all"),
        ("1..2x100000 _", "more than 100000 bands"),
        (" ", "is empty"),
    ],
)
def test_what_is_no_band_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Band.parse(text)


def test_a_value_is_held_against_the_band_of_its_own_period(tmp_path: Path) -> None:
    tests = """
    - name: above, inside on the edge, below, and inside once the band has moved
      rule: Orders
      series: [{values: "130 130 120 80 79 79 79 79", band: "80..120x6 70..120"}]
      expect:
      - {at: 0s, state: INSUFFICIENT_DATA}
      - {at: 5m, state: ALARM, priority: P3}
      - {at: 10m, state: OK}
      - {at: 20m, state: OK}
      - {at: 25m, state: ALARM}
      - {at: 35m, state: OK}
    """
    assert failures(tmp_path, tests, groups=GROUPS) == []


def test_a_value_without_a_band_is_no_datapoint(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: Orders
      series: [{values: 500x5, band: _}]
      expect: [{at: 20m, state: INSUFFICIENT_DATA}]
    """
    assert failures(tmp_path, tests, groups=GROUPS) == []


def test_a_failure_says_what_was_expected_of_the_value(tmp_path: Path) -> None:
    tests = """
    - name: t
      rule: Orders
      series: [{values: 130x2, band: 80..120}]
      expect: [{at: 5m, state: OK}]
    """
    [told] = failures(tmp_path, tests, groups=GROUPS)
    assert "80 to 120 is expected" in told


def test_a_band_stands_where_the_rule_asks_for_one_and_nowhere_else(tmp_path: Path) -> None:
    tests = """
    - {name: a, rule: Orders, series: [{values: 1}], expect: [{at: 0s, state: OK}]}
    - {name: b, rule: Plain, series: [{values: 1, band: 1..2}], expect: [{at: 0s, state: OK}]}
    - {name: c, rule: Orders, series: [{values: 1, band: 80}], expect: [{at: 0s, state: OK}]}
    """
    missing, needless, number = faults(write(tmp_path, tests, groups=GROUPS))
    assert "Orders asks for a band: say what is expected, as `band: 80..120`" in missing
    assert "Plain asks for no band" in needless
    assert "a band is text, like 80..120" in number
