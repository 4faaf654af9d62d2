"""What a graph shows is decided before it is drawn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.graphs.drawing import BEGAN, NOW, SINCE, above, below, member, minutes, shown, spec
from watchtower.graphs.figure import figure
from watchtower.graphs.series import AROUND, Past, window
from watchtower.graphspec import GraphLimit
from watchtower.model import Priority

P1, P2, P3, P4, P5 = Priority


def test_a_missing_datapoint_is_a_gap_and_no_line_is_drawn_through_it() -> None:
    drawn = shown(minutes(1, 2, None, 4, 5), above(P2, 3))
    assert [[value for _, value in line] for line in drawn.lines] == [[1, 2], [4, 5]]


def test_what_breaches_the_priority_that_was_reached_is_marked_and_nothing_else() -> None:
    drawn = shown(minutes(79, 80, 81, 96), above(P3, 80), above(P1, 95), priority=P3)
    assert [value for _, value in drawn.breaches] == [81, 96]


def test_every_limit_is_a_line_with_its_priority_and_condition() -> None:
    drawn = shown(minutes(50, 96), above(P3, 80), above(P2, 95))
    told = [(limit.text, round(limit.value), limit.beyond) for limit in drawn.limits]
    assert told == [("P3 > 80", 80, 0), ("P2 > 95", 95, 0)]


def test_a_limit_far_away_stands_at_the_edge_so_that_the_data_are_not_flat() -> None:
    drawn = shown(minutes(1, 3, 25), above(P2, 10), above(P1, 5000))
    assert [(limit.text, limit.beyond) for limit in drawn.limits] == [("P2 > 10", 0), ("P1 > 5000", 1)]
    assert drawn.high < 50


def test_the_limit_that_was_reached_is_always_within_the_picture() -> None:
    drawn = shown(minutes(9_000_000, 9_000_001), above(P2, 10))
    assert [limit.beyond for limit in drawn.limits] == [0]
    assert drawn.low <= 10 < drawn.high


@pytest.mark.parametrize(("values", "low"), [((1, 40, 90), 0), ((80, 82, 84), 70), ((-5, 5, 9), -7)])
def test_zero_is_the_ground_of_what_is_never_negative_and_comes_near_it(values: tuple[float, ...], low: float) -> None:
    drawn = shown(minutes(*values), above(P2, 79 if low == 70 else 5))
    assert drawn.low == 0 if low == 0 else low <= drawn.low < min(values)
    assert drawn.high > max(values)


def test_a_flat_line_has_room_above_and_below() -> None:
    drawn = shown(minutes(13, 13, 13), above(P2, 13))
    assert drawn.low < 13 < drawn.high


def test_per_cent_end_at_a_hundred() -> None:
    drawn = shown(minutes(40, 97, 99.6), above(P2, 95, "> 95%"), unit="%")
    assert [said for _, said in drawn.value_marks][-1] == "100%"
    assert 100 <= drawn.high < 105


def test_the_zone_is_where_the_priority_holds() -> None:
    drawn = shown(minutes(5, 1), below(P2, 2), below(P3, 4))
    assert [(bottom, round(top)) for bottom, top in drawn.zones] == [(drawn.low, 2)]


def test_outside_two_limits_there_are_two_lines_and_two_zones() -> None:
    both = GraphLimit(P2, "outside -5..5", ((None, -5.001), (5.001, None)))
    drawn = shown(minutes(-6, 0, 6), both)
    assert (len(drawn.limits), len(drawn.zones)) == (2, 2)
    assert [value for _, value in drawn.breaches] == [-6, 6]


def test_a_band_is_an_area_and_a_breach_is_what_lies_outside_of_it() -> None:
    values = minutes(100, 100, 20)
    past = Past(values.points, tuple((at, 80.0, 120.0) for at, _ in values.points))
    drawn = shown(past, GraphLimit(P2, "below band", ((None, -1e-9),), of_band=True))
    assert [value for _, value in drawn.breaches] == [20]
    assert [len(run) for run in drawn.bands] == [3]
    assert (drawn.expected, drawn.limits, drawn.zones) == ("P2 below band", (), ())


def test_one_point_is_drawn_and_time_goes_on_for_a_while() -> None:
    drawn = shown(minutes(3), above(P2, 0))
    assert drawn.start < drawn.lines[0][0][0] < drawn.end


def test_nothing_is_drawn_without_a_number() -> None:
    drawn = spec(above(P2, 0))
    assert figure(drawn, member(), Past(()), window(drawn, SINCE, NOW)) is None


def test_the_past_of_three_hours_is_shown_and_the_marks_are_round_times_of_utc() -> None:
    drawn = shown(minutes(*[1.0] * 180), above(P2, 0))
    assert drawn.end - drawn.start >= AROUND
    assert {said[-2:] for _, said in drawn.time_marks} <= {"00", "30"}
    assert drawn.day == f"{SINCE:%d %b %Y}"


def test_a_series_that_fell_silent_ends_in_emptiness_and_a_short_window_does_not() -> None:
    silent = Past(tuple((at, 1.0) for at in range(BEGAN - AROUND, BEGAN - 1200, 60)))
    assert shown(silent, above(P2, 0)).end >= BEGAN
    probed = Past(tuple((BEGAN - 180 + 30 * n, 0.5) for n in range(4)))
    assert shown(probed, above(P2, 0), period=30).end <= BEGAN


def test_what_the_font_cannot_write_is_left_out_and_long_words_are_cut() -> None:
    drawn = shown(minutes(1), above(P2, 0), title="größe 日本\n" + "x" * 500)
    assert drawn.title.startswith("groe x")
    assert len(drawn.title) <= 110


@pytest.mark.parametrize(("period", "slots"), [(1, 720), (60, 180), (300, 36), (86_400, 12)])
def test_the_window_is_three_hours_but_never_too_few_or_too_many_datapoints(period: int, slots: int) -> None:
    within = window(spec(above(P2, 0), period=period), SINCE, NOW + timedelta(days=30))
    assert (BEGAN - within.start) // period == pytest.approx(slots, abs=1)
    assert within.end - within.start == pytest.approx(2 * slots * period, abs=2 * period)
