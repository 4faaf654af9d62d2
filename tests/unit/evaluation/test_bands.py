"""Bands: what is above, below or outside of what CloudWatch expects."""

from __future__ import annotations

import pytest

from tests.unit.evaluation.making import DB, MINUTE, START, Story, level, recover, rule
from watchtower.model import Observation
from watchtower.rulebook.rule import Missing, Rule

ABOVE, BELOW, OUTSIDE = (level("P3", f"{side} band") for side in ("above", "below", "outside"))
BAND = (10.0, 20.0)


def judged(told_by: Rule, *values: float | None, band: tuple[float, float] | None = BAND) -> Story:
    """One tick for each value, all with the same band."""
    story = Story(told_by)
    points: list[tuple[int, float]] = []
    for value in values:
        if value is not None:
            points.append((story.tick, value))
        story.ticks += 1
        slots = range(story.tick - 5 * MINUTE, story.tick, MINUTE)
        story.judge(
            Observation(
                DB,
                tuple(points),
                band=tuple((at, *band) for at in slots) if band else (),
                reason="10 to 20 is expected",
            )
        )
    return story


@pytest.mark.parametrize(
    ("asked", "value", "fires"),
    [
        (ABOVE, 20.1, True),
        (ABOVE, 20.0, False),
        (ABOVE, 9.0, False),
        (BELOW, 9.9, True),
        (BELOW, 10.0, False),
        (BELOW, 21.0, False),
        (OUTSIDE, 21.0, True),
        (OUTSIDE, 9.0, True),
        (OUTSIDE, 15.0, False),
        (BELOW, 0.0, True),
    ],
)
def test_a_value_is_compared_with_the_band_of_its_own_slot(asked: object, value: float, fires: bool) -> None:
    assert bool(judged(rule(asked), value).told) is fires  # type: ignore[arg-type]


def test_what_is_told_shows_the_value_and_what_was_expected() -> None:
    [told] = judged(rule(ABOVE), 15.0, 25.0).transitions
    assert told.reason == "the last datapoint was above band (newest 25 at 00:01 UTC): 10 to 20 is expected"
    assert told.summary == "RdsCpuHigh: 25 above band for 1 of 1 datapoints, db-1"
    assert told.value == 25.0


def test_without_a_band_nothing_can_be_said() -> None:
    story = judged(rule(ABOVE), 25.0, 25.0, 25.0, band=None)
    assert story.told == []
    assert story.state is not None
    assert story.state.state == "INSUFFICIENT_DATA"


def test_a_threshold_beside_a_band_looks_at_the_value() -> None:
    both = rule(level("P1", "> 90"), ABOVE)
    assert judged(both, 15.0, 25.0, 95.0).told == ["2: OK -> ALARM P3", "3: ALARM -> ALARM P1"]
    assert judged(both, 95.0, band=None).told == ["1: OK -> ALARM P1"]


def test_recovery_may_ask_for_the_band_or_for_a_value() -> None:
    assert judged(rule(ABOVE, recovery=recover("2 of 2")), 25, 15, 15).told[-1] == "3: ALARM -> OK"
    assert len(judged(rule(ABOVE, recovery=recover("1 of 1", "< 12")), 25, 15, 15).told) == 1
    story = judged(rule(level("P3", "> 90"), recovery=recover("1 of 1", "below band")), 95, 15, 9)
    assert story.told == ["1: OK -> ALARM P3", "3: ALARM -> OK"]


def test_a_gap_in_the_values_is_missing_data_as_ever() -> None:
    told_by = rule(level("P3", "above band", "2 of 2"), missing=Missing.NOT_BREACHING)
    assert judged(told_by, 25, None, None, None).told == []
    assert judged(told_by, 25, None, 25).told == ["3: OK -> ALARM P3"]


def test_a_late_breach_of_a_band_is_as_old_as_it_is() -> None:
    story = Story(rule(level("P3", "above band", "1 of 5"), slots=10, max_page_age=120))
    story.ticks = 5
    points = {START + MINUTE * each: 15.0 for each in range(5)} | {START + MINUTE: 25.0}
    band = tuple((at, *BAND) for at in points)
    story.judge(Observation(DB, tuple(sorted(points.items())), band=band))
    assert [each.notify for each in story.transitions] == [False]
