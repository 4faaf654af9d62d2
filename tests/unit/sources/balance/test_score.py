from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest

from watchtower.sources.balance.score import VALUES, Value, score


def one(value: Value, *loads: float, k: float = 10.0) -> float:
    return float(score(np.array([loads]), value, k)[0])


def test_the_published_readers_score_what_the_reference_says() -> None:
    """15.57 % against 4.99 % of CPU: 10.58 above its peer, over 4.99 and ten points."""
    assert one("excess", 15.57, 4.99) == pytest.approx(10.58 / 14.99)


def test_excess_compares_the_busiest_with_the_mean_of_the_others() -> None:
    assert one("excess", 70, 15, 15, k=20) == pytest.approx(55 / 35)
    assert one("excess", 3, 0, 0, k=20) == pytest.approx(0.15)


def test_idle_is_the_part_of_the_mean_that_the_least_busy_lacks() -> None:
    assert one("idle", 39, 39, 3, k=20) == pytest.approx(1 - 3 / 27)
    assert one("idle", 40, 0, k=20) == 1


def test_nobody_is_idle_where_there_is_little_to_do() -> None:
    assert one("idle", 39, 0, k=20) == 0


def test_the_textbook_measures() -> None:
    assert one("max_over_mean", 6, 2, 1) == 2
    assert one("cv", 6, 2) == pytest.approx(0.5)
    assert one("jain", 6, 2) == pytest.approx(64 / 80)
    assert one("jain", 5, 0, 0, 0, 0) == pytest.approx(0.2)


@pytest.mark.parametrize(("value", "even"), [("excess", 0), ("idle", 0), ("max_over_mean", 1), ("cv", 0), ("jain", 1)])
def test_equal_loads_are_even_whatever_they_are(value: Value, even: float) -> None:
    for load in (0.0, 0.3, 5000.0):
        assert one(value, load, load, load) == pytest.approx(even, abs=1e-6)


@pytest.mark.parametrize("value", VALUES)
def test_a_peer_that_does_not_count_is_as_if_it_were_not_there(value: Value) -> None:
    assert one(value, 30, nan, 12) == one(value, 30, 12)


@pytest.mark.parametrize("value", VALUES)
def test_one_peer_alone_and_nobody_have_no_score(value: Value) -> None:
    assert isnan(one(value, 30, nan))
    assert isnan(one(value, nan, nan))
    assert isnan(one(value))


def test_each_slot_is_scored_for_itself() -> None:
    found = score(np.array([[30.0, 10.0], [nan, 5.0], [10.0, 10.0]]), "excess", 10.0)
    assert found[0] == 1
    assert isnan(found[1])
    assert found[2] == 0


def test_a_load_that_cancels_out_has_no_score_instead_of_an_infinite_one() -> None:
    assert isnan(one("excess", 5, -10))
