"""Alerts of a rule at a moment, found by their labels, and how the work grows with their number."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

import pytest

from tests.unit.ruletest.suites import failures
from watchtower.model import AlertKey, Labels, State
from watchtower.ruletest.standing import Standing, Standings

if TYPE_CHECKING:
    from pathlib import Path


def standing(**labels: str) -> Standing:
    return Standing(AlertKey("Hot", Labels(labels)), Labels(labels), State.OK, None)


A, B, C = standing(id="a", team="x"), standing(id="b", team="x"), standing(id="c", team="y")


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({}, [A, B, C]),
        ({"id": "b"}, [B]),
        ({"team": "x"}, [A, B]),
        ({"team": "x", "id": "a"}, [A]),
        ({"team": "y", "id": "a"}, []),
        ({"team": "x", "other": ""}, []),
        ({"team": "x", "id": "no such"}, []),
    ],
)
def test_alerts_are_found_by_all_of_the_labels(labels: dict[str, str], found: list[Standing]) -> None:
    assert Standings.of([A, B, C]).having(Labels(labels)) == found


@pytest.mark.parametrize(("state", "failing"), [("ALARM", 0), ("OK", 150)])
def test_an_expectation_a_series_costs_no_judgement_of_all_series(tmp_path: Path, state: str, failing: int) -> None:
    """It took a minute to judge all of them for each; 150 take a tenth of a second."""
    every = range(150)
    series = ", ".join(f'{{labels: {{Id: i-{one}}}, values: "50 85 85 50 60"}}' for one in every)
    expect = ", ".join(f"{{at: 10m, labels: {{Id: i-{one}}}, state: {state}}}" for one in every)
    began = process_time()
    told = failures(tmp_path, f"- {{name: t, rule: CpuHigh, series: [{series}], expect: [{expect}]}}\n")
    assert process_time() - began < 10
    assert "".join(told).count("reason: 2 of the last 2 datapoints were > 80 (newest 85 at 00:05 UTC)") == failing


def test_of_many_series_that_lack_the_labels_ten_are_named(tmp_path: Path) -> None:
    series = ", ".join(f"{{labels: {{Id: i-{one}}}, values: 1}}" for one in range(12))
    expect = "{at: 0s, labels: {Id: other}, state: OK}"
    [told] = failures(tmp_path, f"- {{name: t, rule: DiskFull, series: [{series}], expect: [{expect}]}}\n")
    assert told.count("DiskFull{") == 10
    assert "and 2 more" in told
