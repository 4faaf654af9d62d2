"""Levels: each priority is its own alarm over one batch, and the most urgent in ALARM speaks."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.evaluation.making import level
from watchtower.evaluation.levels import rule_on
from watchtower.evaluation.missing_data import Code
from watchtower.rulebook.rule import Missing

NAN = float("nan")
PAGE = level("P1", "> 95", "3 of 3")
WARN = level("P3", "> 80", "1 of 3")
SILENT = level("P4", "no_data", "2 of 2")


@pytest.mark.parametrize(
    ("row", "code", "spoken"),
    [
        ([50.0, 50.0, 50.0], Code.OK, WARN),
        ([50.0, 50.0, 90.0], Code.ALARM, WARN),
        ([97.0, 98.0, 99.0], Code.ALARM, PAGE),
        ([97.0, NAN, 99.0], Code.ALARM, PAGE),
        ([NAN, NAN, 97.0], Code.ALARM, WARN),
        ([NAN, NAN, NAN], Code.INSUFFICIENT_DATA, WARN),
        ([NAN, NAN, 50.0], Code.OK, WARN),
    ],
)
def test_the_most_urgent_level_in_alarm_speaks(row: list[float], code: Code, spoken: object) -> None:
    ruling = rule_on([PAGE, WARN], np.array([row]), Missing.MISSING)
    assert ruling.codes.tolist() == [code]
    assert [PAGE, WARN][ruling.level[0]] is spoken


def test_one_level_that_cannot_decide_is_enough_not_to_be_ok() -> None:
    """3 of 3 above 95 cannot be told from one datapoint; that it is not below 10 can."""
    low = level("P3", "< 10", "1 of 1")
    ruling = rule_on([PAGE, low], np.array([[NAN, NAN, 97.0]]), Missing.MISSING)
    assert ruling.codes.tolist() == [Code.INSUFFICIENT_DATA]


def test_ignored_gaps_keep_the_state_unless_a_level_alarms() -> None:
    values = np.array([[NAN, NAN, NAN], [NAN, NAN, 97.0], [NAN, NAN, 50.0]])
    assert rule_on([PAGE], values, Missing.IGNORE).codes.tolist() == [Code.RETAIN, Code.RETAIN, Code.OK]
    assert rule_on([PAGE, WARN], values, Missing.IGNORE).codes.tolist() == [Code.RETAIN, Code.ALARM, Code.OK]


@pytest.mark.parametrize("missing", list(Missing))
def test_an_empty_slot_breaches_no_data_whatever_missing_means_otherwise(missing: Missing) -> None:
    values = np.array([[50.0, NAN, NAN], [NAN, NAN, 0.0], [NAN, NAN, NAN]])
    assert rule_on([SILENT], values, missing).codes.tolist() == [Code.ALARM, Code.OK, Code.ALARM]


def test_no_data_alarms_where_the_other_levels_can_say_nothing() -> None:
    ruling = rule_on([PAGE, SILENT], np.array([[NAN, NAN, NAN]]), Missing.MISSING)
    assert ruling.codes.tolist() == [Code.ALARM]
    assert ruling.level.tolist() == [1]
