"""Series laid out for numpy: the same whether they come in step or each with gaps of its own."""

from __future__ import annotations

from math import inf, isinf, nan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from watchtower.batch import SeriesBatch
from watchtower.model import Labels, Observation

END, PERIOD, SLOTS = 1_767_571_200, 60, 4

MOMENTS = st.integers(-7 * PERIOD, PERIOD).map(lambda before: END + before)
VALUES = st.sampled_from([0.0, 1.5, -2.0, nan, inf, -inf])
POINTS = st.lists(st.tuples(MOMENTS, VALUES), max_size=7).map(lambda points: tuple(sorted(points, key=lambda p: p[0])))
TIMES = st.lists(MOMENTS, min_size=1, max_size=5).map(sorted)


def observed(*series: tuple[tuple[int, float], ...]) -> list[Observation]:
    return [Observation(Labels({"n": str(number)}), points) for number, points in enumerate(series)]


def laid_out(*series: tuple[tuple[int, float], ...]) -> list[list[float]]:
    batch = SeriesBatch.of(observed(*series), end=END, period=PERIOD, slots=SLOTS)
    rows: list[list[float]] = batch.values.tolist()
    return rows


def one_by_one(points: tuple[tuple[int, float], ...]) -> list[float]:
    row = [nan] * SLOTS
    for at, value in points:
        slot = SLOTS + (at - END) // PERIOD
        if 0 <= slot < SLOTS:
            row[slot] = nan if isinf(value) else value
    return row


@given(st.lists(POINTS, max_size=6))
def test_series_with_gaps_of_their_own_stand_in_their_slots(series: list[tuple[tuple[int, float], ...]]) -> None:
    np.testing.assert_array_equal(np.array(laid_out(*series)), np.array([one_by_one(each) for each in series]))


@given(TIMES, st.integers(1, 5), st.data())
def test_series_in_step_stand_in_their_slots(times: list[int], count: int, data: st.DataObject) -> None:
    series = [tuple((at, data.draw(VALUES)) for at in times) for _ in range(count)]
    np.testing.assert_array_equal(np.array(laid_out(*series)), np.array([one_by_one(each) for each in series]))


def test_many_series_are_laid_out_in_several_steps() -> None:
    hot = [((END - PERIOD, float(number)),) for number in range(5000)]
    odd = ((END - 2 * PERIOD, 1.0), (END - PERIOD, 2.0))
    found = laid_out(*hot, odd)
    assert [row[-1] for row in found[:5000]] == [float(number) for number in range(5000)]
    assert found[-1][-2:] == [1.0, 2.0]
