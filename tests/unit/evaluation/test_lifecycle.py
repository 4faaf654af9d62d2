"""The life of one alert, phase by phase."""

from __future__ import annotations

import pytest

from watchtower.evaluation.lifecycle import IDLE, Phase, advance, begins, tells
from watchtower.evaluation.missing_data import Code
from watchtower.model import Priority, State

P1, P3 = Priority.P1, Priority.P3
SILENT = Phase(State.INSUFFICIENT_DATA)
FIRING = Phase(State.ALARM, True, P3)
URGENT = Phase(State.ALARM, True, P1)
RECOVERING = Phase(State.ALARM, True, P3, recovering=True)
DARK = Phase(State.INSUFFICIENT_DATA, True, P3)

STEPS = [
    # before, code, reached, recovered, after, told
    (IDLE, Code.OK, None, True, IDLE, False),
    (IDLE, Code.ALARM, P3, True, FIRING, True),
    (IDLE, Code.INSUFFICIENT_DATA, None, True, SILENT, False),
    (IDLE, Code.RETAIN, None, True, IDLE, False),
    (SILENT, Code.OK, None, True, IDLE, False),
    (SILENT, Code.ALARM, P3, True, FIRING, True),
    (SILENT, Code.RETAIN, None, True, SILENT, False),
    (FIRING, Code.ALARM, P3, True, FIRING, False),
    (FIRING, Code.ALARM, P1, True, URGENT, True),
    (URGENT, Code.ALARM, P3, True, URGENT, False),
    (FIRING, Code.OK, None, True, IDLE, True),
    (FIRING, Code.OK, None, False, RECOVERING, False),
    (FIRING, Code.INSUFFICIENT_DATA, None, True, DARK, True),
    (FIRING, Code.RETAIN, None, True, FIRING, False),
    (RECOVERING, Code.ALARM, P3, True, FIRING, False),
    (RECOVERING, Code.ALARM, P1, True, URGENT, True),
    (RECOVERING, Code.OK, None, True, IDLE, True),
    (RECOVERING, Code.OK, None, False, RECOVERING, False),
    (RECOVERING, Code.INSUFFICIENT_DATA, None, True, DARK, True),
    (RECOVERING, Code.RETAIN, None, True, RECOVERING, False),
    (DARK, Code.INSUFFICIENT_DATA, None, True, DARK, False),
    (DARK, Code.ALARM, P3, True, FIRING, True),
    (DARK, Code.OK, None, True, IDLE, True),
    (DARK, Code.OK, None, False, RECOVERING, True),
]


@pytest.mark.parametrize(("before", "code", "reached", "recovered", "after", "told"), STEPS)
def test_each_step_of_a_life(
    before: Phase, code: Code, reached: Priority | None, recovered: bool, after: Phase, told: bool
) -> None:
    assert advance(before, code, reached, recovered=recovered) == after
    assert tells(before, after) is told


def test_an_episode_begins_when_an_alert_that_does_not_fire_comes_into_alarm() -> None:
    assert begins(IDLE, FIRING)
    assert begins(SILENT, FIRING)
    assert not begins(DARK, FIRING)
    assert not begins(FIRING, IDLE)
