"""Metric math as values: scalars, series and arrays of series, with CloudWatch's rules for what is missing.

In arithmetic and comparisons a value missing on one side counts as 0 where the other side has one; a division
by zero drops the datapoint; FILL fills the whole range asked for.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from watchtower.demo.aws.expressions import Apply, Name, Node, NotMath, Number, Text

Line = dict[int, float]
Value = float | Line | list[Line]
Fold = Callable[[Sequence[float]], float]

#: Datapoints below which there is no band yet.
_LEARNT_FROM = 5


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression can see: lines by id, which of them are metrics, and every slot of the range.

    ``past`` gives the values of a metric before the range, which its band is learnt from.
    """

    lines: Mapping[str, Line]
    metrics: Sequence[str]
    periods: Mapping[str, int]
    slots: Sequence[int]
    past: Callable[[str], Sequence[float]] = lambda _: ()


def evaluate(node: Node, scope: Scope) -> Value:
    """The value of an expression; raises NotMath in words for what CloudWatch would refuse."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Name):
        if node.value not in scope.lines:
            raise NotMath(f"{node.value!r} is not an id of this request")
        return scope.lines[node.value]
    if isinstance(node, Text):
        raise NotMath("a text is no value")
    return _apply(node, scope)


def _apply(node: Apply, scope: Scope) -> Value:
    special = _SPECIAL.get(node.function)
    if special is not None:
        return special(node.arguments, scope)
    values = [evaluate(argument, scope) for argument in node.arguments]
    if node.function in _PAIRS and len(values) == 2:
        return _paired(_PAIRS[node.function], values[0], values[1])
    if node.function in _EACH and len(values) == 1:
        return _each(_EACH[node.function], values[0])
    if node.function in _FOLDS and len(values) == 1:
        return _folded(node.function, values[0])
    raise NotMath(f"{node.function} with {len(values)} arguments is not known")


def _divide(left: float, right: float) -> float:
    return left / right if right else math.nan


def _power(left: float, right: float) -> float:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return math.nan
    return result if isinstance(result, float) else math.nan


_PAIRS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "^": _power,
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "<": lambda left, right: float(left < right),
    ">": lambda left, right: float(left > right),
    "<=": lambda left, right: float(left <= right),
    ">=": lambda left, right: float(left >= right),
    "AND": lambda left, right: float(bool(left) and bool(right)),
    "OR": lambda left, right: float(bool(left) or bool(right)),
}
_EACH: dict[str, Callable[[float], float]] = {
    "NEG": operator.neg,
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
}
_FOLDS: dict[str, Fold] = {
    "SUM": math.fsum,
    "MAX": max,
    "MIN": min,
    "AVG": lambda values: math.fsum(values) / len(values),
    "DATAPOINT_COUNT": lambda values: float(len(values)),
}


def _paired(pair: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, list):
        if isinstance(right, list):
            raise NotMath("two arrays cannot be combined")
        return [_line(pair, line, right) for line in left]
    if isinstance(right, list):
        return [_line(pair, left, line) for line in right]
    if isinstance(left, dict) or isinstance(right, dict):
        return _line(pair, left, right)
    return pair(left, right)


def _line(pair: Callable[[float, float], float], left: float | Line, right: float | Line) -> Line:
    slots: set[int] = set()
    for side in (left, right):
        slots |= side.keys() if isinstance(side, dict) else set()
    line = {slot: pair(_at(left, slot), _at(right, slot)) for slot in slots}
    return {slot: value for slot, value in line.items() if math.isfinite(value)}


def _at(side: float | Line, slot: int) -> float:
    return side.get(slot, 0.0) if isinstance(side, dict) else side


def _each(function: Callable[[float], float], value: Value) -> Value:
    if isinstance(value, list):
        return [{slot: float(function(point)) for slot, point in line.items()} for line in value]
    if isinstance(value, dict):
        return {slot: float(function(point)) for slot, point in value.items()}
    return float(function(value))


def _folded(name: str, value: Value) -> Value:
    fold = _FOLDS[name]
    if isinstance(value, dict):
        return fold(list(value.values())) if value else math.nan
    if not isinstance(value, list):
        raise NotMath(f"{name} needs a time series")
    slots = {slot for line in value for slot in line}
    if name == "AVG":
        return {slot: math.fsum(line.get(slot, 0.0) for line in value) / len(value) for slot in slots}
    return {slot: fold([line[slot] for line in value if slot in line]) for slot in slots}


def _fill(arguments: Sequence[Node], scope: Scope) -> Value:
    if len(arguments) != 2:
        raise NotMath("FILL takes a time series and a filler")
    value, filler = evaluate(arguments[0], scope), arguments[1]
    if isinstance(value, float):
        raise NotMath("FILL needs a time series")
    if isinstance(filler, Name) and filler.value == "REPEAT":
        filled = [_repeated(line, scope.slots) for line in _lines(value)]
    else:
        by = evaluate(filler, scope)
        if isinstance(by, list):
            raise NotMath("FILL needs a number, a time series or REPEAT as its filler")
        filled = [_filled(line, by, scope.slots) for line in _lines(value)]
    return filled if isinstance(value, list) else filled[0]


def _lines(value: Line | list[Line]) -> list[Line]:
    return value if isinstance(value, list) else [value]


def _filled(line: Line, filler: float | Line, slots: Sequence[int]) -> Line:
    by = filler if isinstance(filler, dict) else dict.fromkeys(slots, filler)
    return {slot: line.get(slot, by.get(slot, math.nan)) for slot in slots if slot in line or slot in by}


def _repeated(line: Line, slots: Sequence[int]) -> Line:
    result: Line = {}
    last: float | None = None
    for slot in slots:
        last = line.get(slot, last)
        if last is not None:
            result[slot] = last
    return result


def _if(arguments: Sequence[Node], scope: Scope) -> Value:
    if len(arguments) not in (2, 3):
        raise NotMath("IF takes a condition, a value and perhaps another")
    condition, yes, *rest = (evaluate(argument, scope) for argument in arguments)
    no = rest[0] if rest else {}
    if isinstance(condition, list) or isinstance(yes, list) or isinstance(no, list):
        raise NotMath("IF does not take arrays")
    if isinstance(condition, float):
        return yes if condition else no
    return _chosen(condition, yes, no)


def _chosen(condition: Line, yes: float | Line, no: float | Line) -> Line:
    result: Line = {}
    for slot, holds in condition.items():
        if holds:
            result[slot] = _at(yes, slot)
        elif not isinstance(no, dict) or slot in no:
            result[slot] = _at(no, slot)
    return result


def _metrics(arguments: Sequence[Node], scope: Scope) -> Value:
    part = arguments[0].value if arguments and isinstance(arguments[0], Text) else ""
    return [scope.lines[name] for name in scope.metrics if part in name]


def _list(arguments: Sequence[Node], scope: Scope) -> Value:
    lines: list[Line] = []
    for argument in arguments:
        value = evaluate(argument, scope)
        if isinstance(value, float):
            raise NotMath("an array holds time series")
        lines.extend(_lines(value))
    return lines


def _period(arguments: Sequence[Node], scope: Scope) -> Value:
    if len(arguments) != 1 or not isinstance(arguments[0], Name) or arguments[0].value not in scope.periods:
        raise NotMath("PERIOD takes the id of a metric")
    return float(scope.periods[arguments[0].value])


def _band(arguments: Sequence[Node], scope: Scope) -> Value:
    """The lower and the upper end: the mean of the past, so many standard deviations around it."""
    if not 1 <= len(arguments) <= 2 or not isinstance(arguments[0], Name) or arguments[0].value not in scope.metrics:
        raise NotMath("ANOMALY_DETECTION_BAND takes the id of a metric and a number of standard deviations")
    width = evaluate(arguments[1], scope) if len(arguments) > 1 else 2.0
    if not isinstance(width, float):
        raise NotMath("ANOMALY_DETECTION_BAND takes a number of standard deviations")
    past = scope.past(arguments[0].value)
    if len(past) < _LEARNT_FROM:
        return [{}, {}]
    middle, spread = statistics.fmean(past), width * statistics.pstdev(past)
    return [dict.fromkeys(scope.slots, middle + spread), dict.fromkeys(scope.slots, middle - spread)]


_SPECIAL: dict[str, Callable[[Sequence[Node], Scope], Value]] = {
    "FILL": _fill,
    "IF": _if,
    "METRICS": _metrics,
    "[]": _list,
    "PERIOD": _period,
    "ANOMALY_DETECTION_BAND": _band,
}
