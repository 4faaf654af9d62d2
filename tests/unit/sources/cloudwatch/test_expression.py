from __future__ import annotations

import pytest

from watchtower.sources.cloudwatch.expression import expression_faults, renamed, spelled_out, used_names

ALB = "IF(FILL(r,0)+FILL(e,0) >= 50, 100*(FILL(t,0)+FILL(e,0))/(FILL(r,0)+FILL(e,0)))"


def test_the_names_an_expression_reads_are_its_words_that_start_lower_case() -> None:
    assert used_names(ALB) == {"r", "t", "e"}
    assert used_names("FILL(m1, REPEAT) * 1e3 + 2.5e-3") == {"m1"}
    assert used_names("IF(m1 > 3 AND m_2 < 4, 'text m3')") == {"m1", "m_2"}


def test_renaming_is_done_at_once_and_leaves_texts_functions_and_numbers() -> None:
    assert (
        renamed("a + b * FILL(a, 0) + 1e3 + 'a'", {"a": "b", "b": "a", "e3": "x"}) == "b + a * FILL(b, 0) + 1e3 + 'a'"
    )


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        ("SUM(METRICS())", "SUM([a, err1])"),
        ('MAX(METRICS("err"))', "MAX([err1])"),
        ("a + err1", "a + err1"),
    ],
)
def test_all_metrics_means_those_of_the_rule(expression: str, written: str) -> None:
    assert spelled_out(expression, ["a", "err1"]) == written


@pytest.mark.parametrize("expression", [ALB, "SUM([r, t, e])", "SUM(METRICS())", "RATE(r)/PERIOD(t) + e"])
def test_a_working_expression_passes(expression: str) -> None:
    assert list(expression_faults(expression, frozenset("rte"))) == []


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "is empty"),
        ("r + t", "'e' is declared but"),
        ("r + t + e + x", "reads 'x', which is not among its metrics (e, r, t)"),
        ("fill(r, 0) + t + e", "functions are written in capitals"),
        ("SEARCH('{AWS/EC2} x', 'Sum') + r + t + e", "SEARCH in an expression is not supported yet"),
        ("ANOMALY_DETECTION_BAND(r, 2) + t + e", "not supported yet"),
        ("SELECT AVG(r) FROM t WHERE e", "not supported yet"),
        ("r+t+e+" + "1+" * 1100 + "1", "CloudWatch allows 2048"),
        ("r+t+e" + "+r" * 600, "CloudWatch allows 2048"),
    ],
)
def test_an_expression_that_cannot_work_is_told_why(expression: str, message: str) -> None:
    assert message in "\n".join(expression_faults(expression, frozenset("rte")))


def test_every_mistake_of_an_expression_is_told_at_once() -> None:
    told = list(expression_faults("SEARCH('x', 'Sum') + x + y + r", frozenset("rte")))
    assert [sentence.split(",")[0] for sentence in told] == [
        "SEARCH in an expression is not supported yet: a search gives any number of series",
        "the expression reads 'x'",
        "the expression reads 'y'",
        "the metric 'e' is declared but the expression does not read it",
        "the metric 't' is declared but the expression does not read it",
    ]


def test_of_an_expression_whose_metrics_nobody_knows_the_functions_are_told() -> None:
    [told] = expression_faults("SEARCH('x', 'Sum') + x", None)
    assert told.startswith("SEARCH")
