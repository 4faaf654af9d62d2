"""Metric math as text: which names an expression uses, and the same expression with other names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: A query id as CloudWatch takes it
#: (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html).
METRIC_ID = re.compile(r"[a-z][A-Za-z0-9_]*")

#: The longest expression CloudWatch takes, in characters (same page).
MAX_EXPRESSION = 2048

#: Functions that answer with any number of series, or without the metrics of the rule.
_MANY_SERIES = {
    "SEARCH": "a search gives any number of series",
    "ANOMALY_DETECTION_BAND": "a band gives two series; write `band:` beside `metric:`",
    "INSIGHT_RULE_METRIC": "it does not read metrics",
    "DB_PERF_INSIGHTS": "it does not read metrics",
    "SELECT": "Metrics Insights gives any number of series",
}

_ALL_METRICS = re.compile(r"""\bMETRICS\(\s*(?:["'](?P<part>[^"']*)["'])?\s*\)""")

#: As long as an id gets when a call is packed.
_LONGEST_ID = "q499"

_CLOSED_BY = {"(": ")", "[": "]"}

_TOKEN = re.compile(
    r"""(?P<text>"[^"]*"|'[^']*')
      | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<other>\s+|.)""",
    re.VERBOSE | re.DOTALL,
)


def used_names(expression: str) -> frozenset[str]:
    """The metric ids an expression reads: its words that start lower-case."""
    return frozenset(
        match.group()
        for match in _TOKEN.finditer(expression)
        if match.lastgroup == "name" and METRIC_ID.fullmatch(match.group())
    )


def renamed(expression: str, names: Mapping[str, str]) -> str:
    """The same expression over other ids; texts in quotes stay as they are."""

    def other(match: re.Match[str]) -> str:
        word = match.group()
        return names.get(word, word) if match.lastgroup == "name" else word

    return _TOKEN.sub(other, expression)


def spelled_out(expression: str, ids: Iterable[str]) -> str:
    """The same expression with METRICS() written as the list of the rule's own metrics.

    Many rules share one call, where METRICS() would mean everybody's metrics; METRICS("err") means those whose id
    contains the text.
    """

    def metrics(match: re.Match[str]) -> str:
        return f"[{', '.join(name for name in ids if (match['part'] or '') in name)}]"

    return _ALL_METRICS.sub(metrics, expression)


def _functions(expression: str) -> frozenset[str]:
    return frozenset(
        match.group() for match in _TOKEN.finditer(expression) if match.lastgroup == "name" and match.group().isupper()
    )


def expression_faults(expression: str, declared: frozenset[str] | None) -> Iterator[str]:
    """A sentence a person can act on for everything that cannot work; ``declared`` None: nobody knows its metrics."""
    if not expression.strip():
        yield "the expression is empty"
        return
    for function in sorted(_functions(expression) & _MANY_SERIES.keys()):
        yield f"{function} in an expression is not supported yet: {_MANY_SERIES[function]}"
    yield from _bracket_faults(expression)
    if declared is not None:
        written = spelled_out(expression, sorted(declared))
        yield from _name_faults(used_names(written), declared)
        length = len(renamed(written, dict.fromkeys(declared, _LONGEST_ID)))
        if length > MAX_EXPRESSION:
            yield f"the expression may take {length} characters; CloudWatch allows {MAX_EXPRESSION}"


def _bracket_faults(expression: str) -> Iterator[str]:
    """The first bracket without its other half; those inside quotes are text."""
    opened: list[str] = []
    for match in _TOKEN.finditer(expression):
        sign = match.group()
        if sign in _CLOSED_BY:
            opened.append(sign)
        elif sign in _CLOSED_BY.values() and (not opened or _CLOSED_BY[opened.pop()] != sign):
            yield f"the expression closes `{sign}` at character {match.start() + 1} without an opening one that fits"
            return
    if opened:
        yield f"the expression never closes the last `{opened[-1]}` that it opens"


def _name_faults(used: frozenset[str], declared: frozenset[str]) -> Iterator[str]:
    for name in sorted(used - declared):
        known = ", ".join(sorted(declared))
        yield (
            f"the expression reads {name!r}, which is not among its metrics ({known}); "
            "functions are written in capitals"
        )
    for name in sorted(declared - used):
        yield f"the metric {name!r} is declared but the expression does not read it"
