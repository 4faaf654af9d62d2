from __future__ import annotations

import pytest

from watchtower.ruletest.values import Values


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("", []),
        ("50 85x2 _ 60", [50, 85, 85, None, 60]),
        ("10+5x3", [10, 15, 20]),
        ("10-5x4", [10, 5, 0, -5]),
        ("-5 -1x2 -3+2x3 +4", [-5, -1, -1, -3, -1, 1, 4]),
        ("0 0.0 .5 1e3 2.5e-1x2", [0, 0, 0.5, 1000, 0.25, 0.25]),
        ("1e3+1e2x2 1e-2-1e-2x2", [1000, 1100, 0.01, 0]),
        ("_x2 0x3", [None, None, 0, 0, 0]),
        ("up down upx2 downx2", [1, 0, 1, 1, 0, 0]),
        ("  1\n 2\t3 ", [1, 2, 3]),
    ],
)
def test_values_are_read_as_they_are_written(text: str, points: list[float | None]) -> None:
    assert Values.parse(text).points == tuple(points)


def test_a_failed_poll_is_no_value_and_its_place_is_known() -> None:
    values = Values.parse("50 ! 60 !x2 _")
    assert values == Values((50, None, 60, None, None, None), frozenset({1, 3, 4}))


def test_words_of_probes_are_told_apart_from_numbers() -> None:
    assert Values.parse("1 0 down").words
    assert not Values.parse("1 0 _ !").words


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("50 85y2", "'85y2' is not a value; write a number, `_`"),
        ("50,85", "'50,85' is not a value"),
        ("5x", "'5x' is not a value"),
        ("5+2", "'5+2' is not a value"),
        ("_+1x2", "is not a value"),
        ("Up", "for probes also up and down"),
        ("nan", "is not a value"),
        ("5x0", "'5x0' is no value at all"),
        ("5x100001", "more than 100000 values"),
        ("5x99999 5x2", "more than 100000 values"),
        ("5x9999999999999", "more than 100000 values"),
        ("1e999", "beyond what a number can be"),
        ("1e308+1e308x3", "beyond what a number can be"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_word(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        Values.parse(text)
    assert sentence in str(caught.value)
