"""Which time a tick of a probe books, and as what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.make import rule
from watchtower.evaluation.uptime import Stretch, accounted, spent
from watchtower.model import Answer, Labels, Observation, Priority, Truth
from watchtower.sources.uptime.ledger import FINE, HOUR, Watched
from watchtower.sources.uptime.query import SloModel

RULE = replace(rule("SiteDown", Priority.P1), source="probe")
UP, DOWN = ((940, 1.0),), ((880, 1.0), (940, 0.0))


def booked(
    *points: tuple[int, float],
    truth: Truth = Truth.VALUE,
    last_tick: int | None = 940,
    failing_since: float | None = None,
    planned: bool = False,
) -> list[tuple[Watched, int, int]]:
    """What the tick at 1000 books, of a unit with a period of a minute."""
    stretch = Stretch.of(1_000, 60, last_tick, failing_since)
    answer = Answer("SiteDown", (Observation(Labels({"target": "a"}), points, truth),))
    return [(one.state, one.start, one.end) for one in spent(RULE, answer, stretch, lambda *_: planned)]


def test_a_result_stands_for_the_time_since_the_last() -> None:
    assert booked(*UP) == [(Watched.UP, 940, 1_000)]
    assert booked(*DOWN) == [(Watched.DOWN, 940, 1_000)]


def test_a_first_result_stands_for_its_own_period() -> None:
    assert booked(*UP, last_tick=None) == [(Watched.UP, 940, 1_000)]


def test_time_in_which_nobody_looked_is_not_booked() -> None:
    assert booked(*UP, last_tick=400) == [(Watched.UP, 940, 1_000)]


def test_time_in_which_polls_failed_is_unknown() -> None:
    assert booked(*UP, last_tick=400, failing_since=460.5) == [(Watched.UNKNOWN, 460, 940), (Watched.UP, 940, 1_000)]


def test_what_could_not_be_seen_is_neither_up_nor_down() -> None:
    assert booked(truth=Truth.NOT_FETCHED) == [(Watched.UNKNOWN, 940, 1_000)]


def test_a_slot_without_its_datapoint_is_nobodys() -> None:
    assert booked((880, 1.0)) == []
    assert booked(truth=Truth.NO_DATA) == []


def test_maintenance_is_maintenance_whatever_is_seen() -> None:
    assert booked(*DOWN, planned=True) == [(Watched.MAINTENANCE, 940, 1_000)]


def test_a_clock_that_was_set_back_books_no_time_twice() -> None:
    assert booked(*UP, last_tick=2_000) == []


def test_rows_are_fine_where_an_objective_needs_them() -> None:
    answer = Answer("SiteDown", (Observation(Labels({"target": "a"}), UP),))
    stretch = Stretch.of(1_000, 60, None, None)
    for slo, width in ((None, HOUR), (SloModel(objective=99.9), FINE)):
        [one] = spent(replace(RULE, slo=slo), answer, stretch, lambda *_: False)
        assert one.width == width


@pytest.mark.parametrize(("source", "counts"), [("probe", True), ("heartbeat", True), ("cloudwatch", False)])
def test_only_what_is_up_or_down_has_uptime(source: str, counts: bool) -> None:
    assert accounted(replace(RULE, source=source)) is counts
