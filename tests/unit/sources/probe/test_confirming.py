"""How results that are closer than a slot become datapoints."""

from __future__ import annotations

import pytest

from watchtower.sources.probe.confirming import points_of
from watchtower.sources.probe.memory import Entry


def placed(*at: int, slot: int, period: int = 60) -> list[int]:
    """The slots of entries at these times; each entry's value is its time."""
    points = points_of((Entry(one, float(one), None, None) for one in at), "success", slot, period)
    assert [value for _, value in points] == [float(one) for one in at]
    return [place for place, _ in points]


@pytest.mark.parametrize(
    ("at", "slots"),
    [
        ((0, 60, 120), [0, 60, 120]),
        ((0, 120), [0, 120]),
        ((0, 60, 120, 150), [-60, 0, 60, 120]),
        ((0, 60, 120, 150, 180), [-60, 0, 60, 120, 180]),
        ((0, 30, 60, 90), [-120, -60, 0, 60]),
        ((0, 180, 210), [0, 120, 180]),
    ],
    ids=["on the grid", "one is missing", "a second look", "after it", "two of them", "a gap takes it in"],
)
def test_each_result_takes_its_slot_or_the_last_that_is_free(at: tuple[int, ...], slots: list[int]) -> None:
    assert placed(*at, slot=at[-1] - at[-1] % 60) == slots


def test_the_grid_is_the_units_own() -> None:
    assert placed(7, 67, 97, slot=67) == [-53, 7, 67]
