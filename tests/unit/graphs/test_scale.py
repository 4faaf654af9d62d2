"""Numbers and times at the axes are round, few, and written as people write them."""

from __future__ import annotations

import pytest

from watchtower.graphs.scale import time_marks, value_marks

DAY = 86_400


@pytest.mark.parametrize(
    ("low", "high", "unit", "said"),
    [
        (0, 108, "", ["0", "20", "40", "60", "80", "100"]),
        (0, 1, "", ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 103, "%", ["0%", "20%", "40%", "60%", "80%", "100%"]),
        (0, 10.5 * 2**30, "GiB", ["0 GiB", "2 GiB", "4 GiB", "6 GiB", "8 GiB", "10 GiB"]),
        (0, 2.6, "ms", ["0 ms", "500 ms", "1000 ms", "1500 ms", "2000 ms", "2500 ms"]),
        (1.9e9, 4.1e9, "", ["2.0G", "2.5G", "3.0G", "3.5G", "4.0G"]),
        (-7, 7, "", ["-5", "0", "5"]),
        (0, 5e-5, "", ["0.0e+00", "1.0e-05", "2.0e-05", "3.0e-05", "4.0e-05", "5.0e-05"]),
    ],
)
def test_marks_of_values(low: float, high: float, unit: str, said: list[str]) -> None:
    assert [text for _, text in value_marks(low, high, unit)] == said


def test_marks_stand_where_their_numbers_are() -> None:
    assert [value for value, _ in value_marks(0, 4 * 2**30, "GiB")][1] == 2**30


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1.0, 17.3, 1e6, 1e15, 1e300])
def test_marks_are_few_whatever_the_size(size: float) -> None:
    assert 2 <= len(value_marks(0, size, "")) <= 8


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3 * 3600, "00:30"), (300, "00:01"), (60, "00:00:15"), (3 * DAY, "12:00")],
)
def test_marks_of_time_are_round(seconds: int, said: str) -> None:
    marks = [text for _, text in time_marks(10 * DAY, 10 * DAY + seconds)]
    assert marks[:2] == ["11 Jan", said]
    assert len(marks) <= 9


def test_marks_of_weeks_are_days() -> None:
    assert all(text.endswith("Jan") for _, text in time_marks(0, 20 * DAY))
