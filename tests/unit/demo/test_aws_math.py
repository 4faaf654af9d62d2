from __future__ import annotations

import pytest

from watchtower.demo.aws import expressions, maths
from watchtower.demo.aws.maths import Line, Scope

SLOTS = (0, 60, 120, 180, 240)


def line(*values: float | None) -> Line:
    """One value per slot; None is missing."""
    return {slot: value for slot, value in zip(SLOTS, values, strict=False) if value is not None}


def run(text: str, **lines: Line) -> maths.Value:
    scope = Scope(lines, sorted(lines), dict.fromkeys(lines, 60), SLOTS)
    return maths.evaluate(expressions.parse(text), scope)


M1, M2 = line(30, 20, 0, 0), line(20, None, 20, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m1 < m2", line(0, 0, 1, 0)),
        ("m1 >= 30", line(1, 0, 0, 0)),
        ("m1 > 15 AND m2 > 15", line(1, 0, 0, 0)),
        ("m1 > 25 || m2 > 15", line(1, 0, 1, 0)),
    ],
)
def test_comparisons_follow_the_published_examples(text: str, expected: Line) -> None:
    assert run(text, m1=M1, m2=M2) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IF(m1, m2, m3)", line(30, 0, 20, None, None)),
        ("IF(m1, 5, m3)", line(5, 5, 20, None, None)),
        ("IF(m1, m2, 5)", line(30, 0, 5, 5, None)),
        ("IF(m1, m2)", line(30, 0, None, None, None)),
        ("IF(1, m2, m3)", line(30, None, 0, 0, 30)),
        ("IF(0, m2)", line()),
    ],
)
def test_if_follows_the_published_examples(text: str, expected: Line) -> None:
    m1, m2, m3 = line(1, 1, 0, 0), line(30, None, 0, 0, 30), line(0, 0, 20, None, 20)
    assert run(text, m1=m1, m2=m2, m3=m3) == expected


def test_what_is_missing_on_one_side_counts_as_zero() -> None:
    assert run("m1 + m2", m1=line(1, None, None), m2=line(None, 2, None)) == line(1, 2)
    assert run("m1 - m2", m1=line(1, None), m2=line(None, 2)) == line(1, -2)


def test_a_division_by_zero_drops_the_datapoint() -> None:
    assert run("m1 / m2", m1=line(6, 6, 6), m2=line(3, 0, None)) == line(2)


def test_fill_covers_the_whole_range() -> None:
    assert run("FILL(m1, 7)", m1=line(None, 1)) == line(7, 1, 7, 7, 7)
    assert run("FILL(m1, 0)", m1={}) == line(0, 0, 0, 0, 0)


def test_fill_repeats_the_last_value_and_nothing_before_the_first() -> None:
    assert run("FILL(m1, REPEAT)", m1=line(None, 1, None, 3)) == line(None, 1, 1, 3, 3)


def test_fill_takes_another_series_as_filler() -> None:
    assert run("FILL(m1, m2)", m1=line(None, 1), m2=line(5, 6, 7)) == line(5, 1, 7)


def test_the_error_rate_of_the_load_balancer_rule() -> None:
    rate = "IF(FILL(r,0)+FILL(e,0) >= 50, 100*(FILL(t,0)+FILL(e,0))/(FILL(r,0)+FILL(e,0)))"
    requests, target = line(100, 10, None, 98), line(20)
    assert run(rate, r=requests, t=target, e=line(None, None, None, 2)) == line(20, None, None, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SUM([m1, m2])", line(50, 20, 20, 0)),
        ("MAX([m1, m2])", line(30, 20, 20, 0)),
        ("MIN([m1, m2])", line(20, 20, 0, 0)),
        ("AVG([m1, m2])", line(25, 10, 10, 0)),
        ("SUM(METRICS())", line(50, 20, 20, 0)),
        ('SUM(METRICS("2"))', line(20, None, 20)),
        ("SUM(-[m1, m2])", line(-50, -20, -20, 0)),
        ("ABS(m2 - m1)", line(10, 20, 20, 0)),
    ],
)
def test_an_array_of_series_is_folded_into_one(text: str, expected: Line) -> None:
    assert run(text, m1=M1, m2=M2) == expected


def test_folding_one_series_gives_a_number() -> None:
    assert run("m1 - AVG(m1)", m1=line(1, 2, 3)) == line(-1, 0, 1)
    assert run("MAX(m1)", m1=line(1, 2, 3)) == 3
    assert run("m1 / PERIOD(m1)", m1=line(60)) == line(1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1+2*3", 7),
        ("(1+2)*3", 9),
        ("8/2/2", 2),
        ("10-2-3", 5),
        ("-2^2", 4),
        ("2*-3", -6),
        ("1 < 2 == 1", 1),
        (".5+1.5e1", 15.5),
    ],
)
def test_operators_bind_as_in_arithmetic(text: str, value: float) -> None:
    assert run(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m1 +",
        "(m1",
        "m1 m2",
        "m1 $ 2",
        "SUM(m1",
        "FILL(m1)",
        "IF(m1)",
        "NOPE(m1)",
        "sum(m1)",
        "[m1, 3]",
        "m9",
        "METRICS() + METRICS()",
        "IF(METRICS(), 1, 0)",
        "__import__('os')",
        '"text"',
        "ABS(" * 100 + "m1" + ")" * 100,
    ],
)
def test_what_is_no_expression_is_refused_in_words(text: str) -> None:
    with pytest.raises(expressions.NotMath, match=r"\w"):
        run(text, m1=M1, m2=M2)


def test_the_ids_an_expression_needs_are_known_before_it_runs() -> None:
    assert expressions.names(expressions.parse("IF(FILL(a,REPEAT)>b, SUM([c1,d]), 4)")) == {"a", "b", "c1", "d"}


def test_a_band_is_so_many_deviations_around_the_mean_of_the_past() -> None:
    scope = Scope({"m1": M1}, ["m1"], {"m1": 60}, SLOTS, lambda _: (10, 20, 10, 20, 10, 20))
    value = maths.evaluate(expressions.parse("ANOMALY_DETECTION_BAND(m1, 2)"), scope)
    assert value == [dict.fromkeys(SLOTS, 25.0), dict.fromkeys(SLOTS, 5.0)]


def test_without_a_past_there_is_no_band_yet() -> None:
    assert run("ANOMALY_DETECTION_BAND(m1, 2)", m1=M1) == [{}, {}]


@pytest.mark.parametrize("text", ["ANOMALY_DETECTION_BAND()", "ANOMALY_DETECTION_BAND(m1 + m1, 2)"])
def test_a_band_is_one_metrics(text: str) -> None:
    with pytest.raises(expressions.NotMath, match="takes the id of a metric"):
        run(text, m1=M1)
