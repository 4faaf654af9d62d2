"""Durations as people write and read them."""

from __future__ import annotations

import pytest

from watchtower.durations import exact_duration, parse_duration


@pytest.mark.parametrize("text", ["1.5s", "2s", "300ms", "2.25s", "1m30s", "1h30m"])
def test_a_duration_that_somebody_wrote_is_told_as_it_was_written(text: str) -> None:
    assert exact_duration(parse_duration(text)) == text
