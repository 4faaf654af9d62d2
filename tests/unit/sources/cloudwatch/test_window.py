from __future__ import annotations

import pytest

from watchtower.sources.cloudwatch.fetch import Window


@pytest.mark.parametrize(
    ("at", "slot"),
    [(599.9, None), (600, 600), (659.9, 600), (660, 660), (719, 660), (720, None), (10_000, None)],
)
def test_a_datapoint_belongs_to_the_slot_it_begins_in(at: float, slot: int | None) -> None:
    assert Window(600, 720, 60).slot(at) == slot
