"""Conditions: what they hold on, what is refused, and how two of them compare."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from watchtower.rulebook.conditions import Condition, Kind, contradicts, implies

NAN = float("nan")


def holds(text: str, *values: float) -> list[bool]:
    answer: list[bool] = Condition.parse(text).breaches(np.array(values)).tolist()
    return answer


@pytest.mark.parametrize(
    ("text", "below", "at", "above"),
    [
        ("> 80", False, False, True),
        (">= 80", False, True, True),
        ("< 80", True, False, False),
        ("<= 80", True, True, False),
        ("== 80", False, True, False),
        ("!= 80", True, False, True),
    ],
)
def test_a_comparison_holds_on_its_side_of_the_limit(text: str, below: bool, at: bool, above: bool) -> None:
    assert holds(text, 79.999, 80.0, 80.001) == [below, at, above]


def test_outside_holds_beyond_either_limit_but_not_on_them() -> None:
    assert holds("outside -5..20", -5.1, -5.0, 0.0, 20.0, 20.1) == [True, False, False, False, True]


def test_down_is_less_than_complete_success() -> None:
    assert holds("down", 0.0, 0.99, 1.0) == [True, True, False]


@pytest.mark.parametrize("text", ["> 80", ">= 80", "< 80", "<= 80", "== 80", "!= 80", "outside 1..2", "down"])
def test_a_missing_datapoint_never_breaches(text: str) -> None:
    assert holds(text, NAN) == [False]


def test_no_data_holds_exactly_on_missing_datapoints() -> None:
    assert holds("no_data", NAN, 0.0, 7.0) == [True, False, False]


def test_a_batch_keeps_its_shape() -> None:
    values = np.array([[1.0, 90.0], [NAN, 81.0]])
    assert Condition.parse("> 80").breaches(values).tolist() == [[False, True], [False, True]]


def test_alarm_is_read_but_never_asked_of_one_series() -> None:
    condition = Condition.parse("ALARM")
    assert (condition.text, condition.on_values) == ("ALARM", False)
    with pytest.raises(ValueError, match="cannot be asked"):
        condition.breaches(np.array([1.0]))


@pytest.mark.parametrize(
    ("text", "outside"),
    [
        ("above band", [False, False, True, False]),
        ("below band", [True, False, False, False]),
        ("outside band", [True, False, True, False]),
    ],
)
def test_a_band_is_asked_of_how_far_values_are_outside_of_it(text: str, outside: list[bool]) -> None:
    assert holds(text, -3.0, 0.0, 0.1, NAN) == outside
    assert not Condition.parse(text).on_values


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("> 500ms", 0.5),
        ("> 30 s", 30),
        ("> 5m", 300),
        ("> 2h", 7200),
        ("> 1d", 86_400),
        ("> 1h30m", 5400),
        ("< 1 KiB", 1024),
        ("< 1MiB", 1024**2),
        ("< 10 GiB", 10 * 1024**3),
        ("< 0.5TiB", 1024**4 / 2),
        (">= 95%", 95),
        ("== -3", -3),
        ("!= +.5", 0.5),
        ("> 1e6", 1_000_000),
        ("<0", 0),
    ],
)
def test_units_become_seconds_bytes_or_stay_plain(text: str, limit: float) -> None:
    condition = Condition.parse(text)
    assert condition.kind is Kind.COMPARE
    assert condition.threshold == limit


def test_only_comparisons_have_one_threshold() -> None:
    assert Condition.parse("outside 1..2").threshold is None
    assert Condition.parse("down").threshold is None


def test_the_text_is_what_was_written_with_its_spaces_tidied() -> None:
    assert Condition.parse("  >80 ").text == "> 80"
    assert Condition.parse("outside   1..2").text == "outside 1..2"


def test_conditions_of_the_same_words_are_equal() -> None:
    assert Condition.parse(">80") == Condition.parse("> 80")
    assert Condition.parse("> 80") != Condition.parse("> 81")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "write it like '> 80'"),
        ("eighty", "write it like '> 80'"),
        ("80", "say how to compare, like '> 80'"),
        ("= 80", "did you mean '== 80'?"),
        ("=> 80", "did you mean '>= 80'?"),
        ("≥ 80", "did you mean '>= 80'?"),
        ("Down", "did you mean 'down'?"),
        ("no data", "did you mean 'no_data'?"),
        ("alarm", "did you mean 'ALARM'?"),
        ("Above Band", "did you mean 'above band'?"),
        ("> 3 GB", "'3 GB' in the condition '> 3 GB' is not a number with a unit Watchtower knows: ms, s, m"),
        ("> 80 and < 90", "is not a number with a unit"),
        ("> 5,3", "is not a number with a unit"),
        ("> nan", "is not a number with a unit"),
        ("> 1e999", "too large for a number"),
        (">", "write it like"),
        ("outside 5", "write the two limits like 'outside 10..20'"),
        ("outside 20..10", "lower limit is above its upper one"),
        ("outside a..b", "'a' in the condition 'outside a..b' is not a number"),
    ],
)
def test_what_is_no_condition_is_refused_with_advice(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=re.escape(advice)):
        Condition.parse(text)


LIMITS = st.integers(-3, 3)
ON_VALUES = st.one_of(
    st.builds("{} {}".format, st.sampled_from([">", ">=", "<", "<=", "==", "!="]), LIMITS),
    st.tuples(LIMITS, LIMITS).map(lambda pair: f"outside {min(pair)}..{max(pair)}"),
    st.sampled_from(["down", "no_data"]),
).map(Condition.parse)
#: Every limit, a point between each two and beyond all of them, and a missing datapoint: nothing else differs.
EVERYWHERE = np.array([*np.arange(-5, 5.5, 0.5), NAN])


@given(ON_VALUES, ON_VALUES)
def test_one_condition_implies_another_exactly_when_it_does_on_every_datapoint(
    one: Condition, other: Condition
) -> None:
    truth = bool((other.breaches(EVERYWHERE) | ~one.breaches(EVERYWHERE)).all())
    assert implies(one, other) is truth


@given(ON_VALUES, ON_VALUES)
def test_conditions_contradict_exactly_when_no_datapoint_meets_both(one: Condition, other: Condition) -> None:
    truth = not bool((one.breaches(EVERYWHERE) & other.breaches(EVERYWHERE)).any())
    assert contradicts(one, other) is truth


@pytest.mark.parametrize(
    ("one", "other", "implied", "contradicted"),
    [
        ("above band", "outside band", True, False),
        ("outside band", "above band", False, False),
        ("above band", "below band", False, True),
        ("above band", "above band", True, False),
        ("ALARM", "ALARM", True, False),
        ("above band", "> 3", None, None),
        ("ALARM", "no_data", None, None),
    ],
)
def test_of_bands_only_what_is_certain_is_said(
    one: str, other: str, implied: bool | None, contradicted: bool | None
) -> None:
    pair = Condition.parse(one), Condition.parse(other)
    assert implies(*pair) is implied
    assert contradicts(*pair) is contradicted


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("> 80", 91.26, "91.3"),
        ("> 80", 80.01, "80.01"),
        ("> 80", 80.0, "80"),
        ("< 100", 99.996, "99.996"),
        ("> 1000", 123_456.7, "123457"),
        ("> 0", 0.0, "0"),
        ("> 0", 0.012345, "0.0123"),
        ("> 0", -12.34, "-12.3"),
        ("< 10 GiB", 3.2 * 1024**3, "3.2 GiB"),
        ("> 500ms", 0.731, "731ms"),
        (">= 95%", 97.25, "97.2 %"),
        ("outside 1m..2m", 150, "2.5m"),
    ],
)
def test_a_value_is_shown_rounded_in_the_unit_of_the_limit(text: str, value: float, shown: str) -> None:
    assert Condition.parse(text).show(value) == shown


@given(
    st.sampled_from(["> 80", "<= 0.5", "< 10 GiB", "== 3", "outside 99.9..99.99"]).map(Condition.parse),
    st.floats(-1e12, 1e12),
)
@example(Condition.parse("< 10 GiB"), 5e-324)  # in the unit of the limit it is 0
def test_rounding_never_carries_a_value_over_the_limit(condition: Condition, value: float) -> None:
    number = float(condition.show(value).split()[0]) * (1024**3 if condition.unit else 1)
    both = condition.breaches(np.array([value, number])).tolist()
    assert both[0] == both[1]
