"""A clock one hour into the story, for every test of the simulated AWS."""

from __future__ import annotations

import pytest

from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    clock = ManualClock()
    clock.advance(3600)
    return clock
