"""Hysteresis: which datapoints say that it is over."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.evaluation.making import level, recover
from watchtower.evaluation.recovery import recovery
from watchtower.rulebook.rule import Level, Missing, Recover

NAN = float("nan")
HOT = [level("P1", "> 95"), level("P3", "> 80")]
SILENT = [level("P3", "> 80"), level("P4", "no_data")]


@pytest.mark.parametrize(
    ("levels", "asked", "row", "missing", "holds", "good"),
    [
        pytest.param(HOT, recover("2 of 2"), [90.0, 50.0, 50.0], Missing.MISSING, True, 2, id="two healthy ones"),
        pytest.param(HOT, recover("2 of 2"), [50.0, 90.0, 50.0], Missing.MISSING, False, 1, id="one is not enough"),
        pytest.param(HOT, recover("2 of 3"), [50.0, 90.0, 50.0], Missing.MISSING, True, 2, id="two of three"),
        pytest.param(HOT, recover("2 of 2"), [50.0, NAN, 50.0], Missing.MISSING, True, 2, id="gaps are skipped"),
        pytest.param(HOT, recover("2 of 2"), [NAN, NAN, 50.0], Missing.MISSING, False, 1, id="silence is no recovery"),
        pytest.param(HOT, recover("2 of 2"), [NAN, NAN, 50.0], Missing.IGNORE, False, 1, id="ignored silence neither"),
        pytest.param(HOT, recover("2 of 2"), [NAN, NAN, 50.0], Missing.BREACHING, False, 1, id="breaching silence"),
        pytest.param(HOT, recover("2 of 2"), [NAN, NAN, 50.0], Missing.NOT_BREACHING, True, 2, id="healthy silence"),
        pytest.param(HOT, recover("1 of 1", "< 75"), [50.0, 50.0, 78.0], Missing.MISSING, False, 0, id="between"),
        pytest.param(HOT, recover("1 of 1", "< 75"), [90.0, 90.0, 74.0], Missing.MISSING, True, 1, id="below"),
        pytest.param(HOT, recover("1 of 1", "< 75"), [90.0, 90.0, 0.0], Missing.MISSING, True, 1, id="zero is a value"),
        pytest.param(SILENT, recover("2 of 2"), [50.0, NAN, 50.0], Missing.MISSING, False, 1, id="a gap is a breach"),
        pytest.param(SILENT, recover("2 of 2"), [NAN, 50.0, 50.0], Missing.MISSING, True, 2, id="data came back"),
    ],
)
def test_recovery_counts_the_newest_datapoints_that_are_good(
    levels: list[Level], asked: Recover, row: list[float], missing: Missing, holds: bool, good: int
) -> None:
    found = recovery(asked, levels, np.array([row]), missing)
    assert (found.holds.tolist(), found.good.tolist()) == ([holds], [good])


def test_no_level_may_breach_not_only_the_most_urgent() -> None:
    found = recovery(recover("1 of 1"), HOT, np.array([[90.0]]), Missing.MISSING)
    assert found.holds.tolist() == [False]
