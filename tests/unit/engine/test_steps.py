"""Steps of the wall clock, found by looking at two clocks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.clock import START, ManualClock
from watchtower.engine.steps import TOLERANCE, Steps


@pytest.mark.parametrize("step", [3600, -3600, 86_400, TOLERANCE, -TOLERANCE])
def test_a_step_is_seen_once_and_time_that_passes_is_none(step: float) -> None:
    clock = ManualClock()
    steps = Steps(clock)
    clock.advance(50_000)
    assert steps.look() == 0.0
    clock.advance(15)
    clock.step_wall(step)
    clock.advance(15)
    assert steps.look() == pytest.approx(step)
    assert steps.look() == 0.0


def test_a_clock_that_is_corrected_slowly_makes_no_steps() -> None:
    clock = ManualClock()
    steps = Steps(clock)
    for _ in range(100):
        clock.advance(10)
        clock.step_wall(0.5)
        assert steps.look() == 0.0


def test_what_began_before_a_step_forward_is_as_old_as_it_is() -> None:
    clock = ManualClock()
    steps = Steps(clock)
    clock.advance(60)
    began, due = clock.now(), clock.now() + timedelta(seconds=30)
    clock.advance(10)
    clock.step_wall(3600)
    clock.advance(10)
    assert steps.look() == pytest.approx(3600)
    assert clock.now() - steps.lasting(began) == timedelta(seconds=20)
    assert steps.lasting(due) == due + timedelta(hours=1)
    assert steps.lasting(clock.now()) == clock.now()


def test_several_steps_add_up() -> None:
    clock = ManualClock()
    steps = Steps(clock)
    for _ in range(2):
        clock.advance(10)
        clock.step_wall(3600)
        steps.look()
    clock.advance(10)
    assert clock.now() - steps.lasting(START) == timedelta(seconds=30)


def test_a_step_back_forgets_the_steps_before_it() -> None:
    """The clock was wrong for a while: what began before goes by the right one again."""
    clock = ManualClock()
    steps = Steps(clock)
    clock.step_wall(3600)
    steps.look()
    clock.step_wall(-3600)
    steps.look()
    assert steps.lasting(START) == START
