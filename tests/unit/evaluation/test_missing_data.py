"""Missing data: AWS's published cells, and every pattern against a plain reading of the same text."""

from __future__ import annotations

import json
import os
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchtower.evaluation.missing_data import Code, evaluate
from watchtower.rulebook.rule import Missing

#: The columns of the published tables, in their order.
COLUMNS = (Missing.MISSING, Missing.IGNORE, Missing.BREACHING, Missing.NOT_BREACHING)

#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html: Evaluation Periods 3,
#: evaluation range 5. Newest on the right; 0 healthy, X breaching, - missing. (pattern, # filled, the four columns:
#: O = OK, A = ALARM, I = INSUFFICIENT_DATA, R = retain the current state.)
THREE_OF_THREE = [
    ("0-X-X", 0, "OOOO"),
    ("0----", 2, "OOOO"),
    ("-----", 3, "IRAO"),
    ("0XX-X", 0, "AAAA"),
    ("--X--", 2, "ARAO"),
]
TWO_OF_THREE = [
    ("0-X-X", 0, "AAAA"),
    ("00X0X", 0, "AAAA"),
    ("0-X--", 1, "OOAO"),
    ("----0", 2, "OOAO"),
    ("---X-", 2, "ARAO"),
]
#: Rows of the same page as it stood in 2018 and 2019 (awsdocs/amazon-cloudwatch-user-guide, AlarmThatSendsEmail.md),
#: which its text of today leaves open.
ARCHIVED = [
    ("----X", 3, "IRAO"),
    ("----X", 2, "IRAO"),
    ("X----", 3, "ARAO"),
]
LETTERS = {"O": Code.OK, "A": Code.ALARM, "I": Code.INSUFFICIENT_DATA, "R": Code.RETAIN}


def code(pattern: str, missing: Missing, *, needed: int, of: int) -> Code:
    return codes([pattern], missing, needed=needed, of=of)[0]


def codes(patterns: list[str], missing: Missing, *, needed: int, of: int) -> list[Code]:
    marks = np.array([list(pattern) for pattern in patterns])
    verdicts = evaluate(marks != "-", marks == "X", needed=needed, of=of, missing=missing)
    return [Code(each) for each in verdicts.codes.tolist()]


def cells(pattern: str, *, needed: int, of: int) -> str:
    letter = {value: key for key, value in LETTERS.items()}
    return "".join(letter[code(pattern, column, needed=needed, of=of)] for column in COLUMNS)


@pytest.mark.parametrize(("pattern", "filled", "published"), THREE_OF_THREE)
def test_the_published_table_for_three_of_three(pattern: str, filled: int, published: str) -> None:
    assert cells(pattern, needed=3, of=3) == published


@pytest.mark.parametrize(("pattern", "filled", "published"), TWO_OF_THREE)
def test_the_published_table_for_two_of_three(pattern: str, filled: int, published: str) -> None:
    assert cells(pattern, needed=2, of=3) == published


@pytest.mark.parametrize(("pattern", "needed", "published"), ARCHIVED)
def test_rows_that_aws_once_published_still_hold(pattern: str, needed: int, published: str) -> None:
    assert cells(pattern, needed=needed, of=3) == published


@pytest.mark.parametrize(
    ("needed", "pattern", "filled"),
    [(3, row[0], row[1]) for row in THREE_OF_THREE] + [(2, row[0], row[1]) for row in TWO_OF_THREE],
)
def test_as_many_datapoints_are_filled_as_published(needed: int, pattern: str, filled: int) -> None:
    marks = np.array([list(pattern)])
    verdicts = evaluate(marks != "-", marks == "X", needed=needed, of=3, missing=Missing.MISSING)
    assert verdicts.filled.tolist() == [filled]


@pytest.mark.parametrize("pattern", ["----X", "---X-"])
def test_an_alarm_waits_while_the_next_datapoint_may_prove_it_premature(pattern: str) -> None:
    assert code(pattern, Missing.MISSING, needed=3, of=3) is Code.INSUFFICIENT_DATA


@pytest.mark.parametrize("pattern", ["---X0", "--X-0"])
def test_the_healthy_datapoint_that_was_waited_for_is_ok(pattern: str) -> None:
    assert code(pattern, Missing.MISSING, needed=3, of=3) is Code.OK


def test_a_breach_as_old_as_the_datapoints_needed_alarms_though_the_rest_is_missing() -> None:
    assert code("--X--", Missing.MISSING, needed=3, of=3) is Code.ALARM


def test_enough_real_datapoints_decide_whatever_the_treatment() -> None:
    assert cells("X0-00", needed=1, of=3) == "OOOO"


def test_only_the_newest_n_are_counted_when_more_exist() -> None:
    assert code("XXX00", Missing.MISSING, needed=2, of=3) is Code.OK


def test_a_batch_judges_each_series_by_itself() -> None:
    assert codes(["XXX", "000", "---"], Missing.MISSING, needed=3, of=3) == [
        Code.ALARM,
        Code.OK,
        Code.INSUFFICIENT_DATA,
    ]


def test_an_empty_batch_has_no_verdicts() -> None:
    none = np.zeros((0, 5), dtype=np.bool_)
    assert evaluate(none, none, needed=2, of=3, missing=Missing.MISSING).codes.shape == (0,)


def read_plainly(pattern: str, missing: Missing, needed: int, of: int) -> Code:
    """The page's text once more, a datapoint at a time."""
    real = pattern.replace("-", "")
    if len(real) >= of:
        return Code.ALARM if real[-of:].count("X") >= needed else Code.OK
    if missing is Missing.BREACHING:
        return Code.ALARM if (real + "X" * (of - len(real))).count("X") >= needed else Code.OK
    if missing is Missing.NOT_BREACHING:
        return Code.ALARM if real.count("X") >= needed else Code.OK
    if real.count("X") >= needed:
        return Code.ALARM
    if "0" in real:
        return Code.OK
    if missing is Missing.IGNORE:
        return Code.RETAIN
    oldest_breach = len(pattern) - pattern.index("X") if real else 0
    return Code.ALARM if oldest_breach >= needed else Code.INSUFFICIENT_DATA


@pytest.mark.parametrize("missing", COLUMNS)
@pytest.mark.parametrize(("needed", "of"), [(m, n) for n in range(1, 6) for m in range(1, n + 1)])
def test_all_243_patterns_are_judged_as_the_text_reads(missing: Missing, needed: int, of: int) -> None:
    patterns = ["".join(marks) for marks in product("0X-", repeat=5)]
    expected = [read_plainly(pattern, missing, needed, of) for pattern in patterns]
    assert codes(patterns, missing, needed=needed, of=of) == expected


ALARMS = st.integers(1, 6).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of)))
BATCHES = st.integers(1, 9).flatmap(
    lambda width: st.lists(st.text("0X-", min_size=width, max_size=width), min_size=1, max_size=8)
)


@given(BATCHES, ALARMS, st.sampled_from(COLUMNS))
def test_ranges_of_any_length_are_judged_as_the_text_reads(
    patterns: list[str], alarm: tuple[int, int], missing: Missing
) -> None:
    needed, of = alarm
    expected = [read_plainly(pattern, missing, needed, of) for pattern in patterns]
    assert codes(patterns, missing, needed=needed, of=of) == expected


@given(st.text("X-", min_size=1, max_size=9), ALARMS, st.sampled_from([Missing.MISSING, Missing.IGNORE]))
def test_ok_is_never_said_while_every_datapoint_breaches(
    pattern: str, alarm: tuple[int, int], missing: Missing
) -> None:
    needed, of = alarm
    assert code(pattern, missing, needed=needed, of=of) is not Code.OK


@given(st.text("0-", min_size=1, max_size=9), ALARMS, st.sampled_from(COLUMNS))
def test_without_a_breach_only_missing_ones_taken_as_breaching_alarm(
    pattern: str, alarm: tuple[int, int], missing: Missing
) -> None:
    needed, of = alarm
    if code(pattern, missing, needed=needed, of=of) is Code.ALARM:
        assert missing is Missing.BREACHING


def vectors() -> Path | None:
    """The published cells as a file, where there is one: under $WATCHTOWER_VECTORS or beside the checkout."""
    places = [Path(__file__).parents[3] / ".." / "shared" / "vectors"]
    if "WATCHTOWER_VECTORS" in os.environ:
        places.insert(0, Path(os.environ["WATCHTOWER_VECTORS"]))
    return next((file for place in places if (file := place / "cloudwatch_missing_data.json").is_file()), None)


@pytest.mark.skipif(vectors() is None, reason="no file of vectors")
def test_the_file_of_published_vectors() -> None:
    file = vectors()
    assert file is not None
    published = json.loads(file.read_text())
    of, wrong = published["evaluation_periods"], {}
    for row in published["table1_datapoints_to_alarm_3"]:
        found = cells(row["pattern"], needed=3, of=of)
        expected = "".join(_letter(row["expected"][each.value]) for each in COLUMNS)
        if found != expected:
            wrong[row["pattern"]] = (found, expected)
    assert wrong == {}
    for pattern in published["premature_examples_m3"]["not_alarm_immediately"]:
        assert code(pattern, Missing.MISSING, needed=3, of=of) is not Code.ALARM
    for pattern in published["premature_examples_m3"]["alarm_even_if_missing"]:
        assert code(pattern, Missing.MISSING, needed=3, of=of) is Code.ALARM
    for row in published["archived_rows_removed_from_current_docs"]:
        found = cells(row["pattern"], needed=row["m"], of=row["n"])
        assert found == "".join(_letter(row["expected"][each.value]) for each in COLUMNS), row


def _letter(state: str) -> str:
    return {"OK": "O", "ALARM": "A", "INSUFFICIENT_DATA": "I", "RETAIN": "R"}[state]
