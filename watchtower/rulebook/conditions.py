"""Conditions as people write them under ``when:``: parsed once at load, asked in numpy batches afterwards.

A condition is the set of values on which it holds, so that two conditions can be compared as well: whether
one implies the other, and whether both can hold at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from math import floor, inf, isfinite, log10
from typing import TYPE_CHECKING

import numpy as np

from watchtower.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


class Kind(StrEnum):
    """What a condition looks at."""

    COMPARE = "compare"
    OUTSIDE = "outside"
    BAND = "band"
    DOWN = "down"
    NO_DATA = "no_data"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers from ``low`` to ``high``; infinite ends are open, finite ones as the two flags say."""

    low: float = -inf
    high: float = inf
    low_included: bool = False
    high_included: bool = False

    def contains(self, other: Interval) -> bool:
        """Every number of ``other`` is one of these."""
        low_fits = other.low > self.low or (other.low == self.low and (self.low_included or not other.low_included))
        high_fits = other.high < self.high or (
            other.high == self.high and (self.high_included or not other.high_included)
        )
        return low_fits and high_fits

    def has(self, value: float) -> bool:
        """Whether the number is one of these."""
        above = value > self.low or (self.low_included and value == self.low)
        return above and (value < self.high or (self.high_included and value == self.high))

    def meets(self, other: Interval) -> bool:
        """Some number is in both."""
        return _reaches(self, other) and _reaches(other, self)

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which values lie inside; NaN never does."""
        sides = []
        if self.low != -inf:
            sides.append(values >= self.low if self.low_included else values > self.low)
        if self.high != inf:
            sides.append(values <= self.high if self.high_included else values < self.high)
        return sides[0] if len(sides) == 1 else sides[0] & sides[1]


def _reaches(left: Interval, right: Interval) -> bool:
    """``left`` does not end before ``right`` begins."""
    if left.high == right.low:
        return left.high_included and right.low_included
    return left.high > right.low


@dataclass(frozen=True, slots=True)
class Condition:
    """When one datapoint breaches.

    ``text`` is the condition as written, spaces tidied. ``intervals`` are the values on which it holds, apart
    from each other and in order; of a band, how far outside of it. Empty where no value decides (``no_data``,
    ``ALARM``).
    ``unit`` is the one its limit was written in, or empty: values are shown to people in the same.
    """

    kind: Kind
    text: str
    intervals: tuple[Interval, ...] = ()
    unit: str = ""

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition; raises ValueError with a sentence a person can act on."""
        tidy = " ".join(text.split())
        if tidy in _WORDS:
            return _WORDS[tidy]
        if tidy.startswith("outside "):
            return cls(Kind.OUTSIDE, tidy, _outside(tidy), _unit(tidy))
        return cls(Kind.COMPARE, _spaced(tidy), _compare(tidy), _unit(tidy))

    @property
    def on_values(self) -> bool:
        """It can be asked of the values of one series; bands and ``ALARM`` need more than that."""
        return self.kind not in (Kind.BAND, Kind.ALARM)

    @property
    def threshold(self) -> float | None:
        """The one number a comparison compares with; None for every other kind."""
        if self.kind is not Kind.COMPARE:
            return None
        first = self.intervals[0]
        return first.low if isfinite(first.low) else first.high

    def show(self, value: float) -> str:
        """A value for people in the unit of the limit: 3435973836.8 beside ``< 10 GiB`` is ``3.2 GiB``.

        Rounded to three figures or to whole numbers, but never over the limit: 99.996 beside ``< 100`` is not
        100.
        """
        scale, held = _scale(self.unit), self.holds(value)
        fewest = max(0, 2 - floor(log10(abs(value / scale)))) if value / scale else 0
        for decimals in range(fewest, fewest + 15):
            shown = round(value / scale, decimals)
            if self.holds(shown * scale) == held:
                break
        number = f"{shown:.{decimals}f}"
        number = number.rstrip("0").rstrip(".") if "." in number else number
        return f"{number} {self.unit}".rstrip() if self.unit in _FACTORS else number + self.unit

    def holds(self, value: float) -> bool:
        """Whether one value breaches; under ``no_data`` none does."""
        return True in [interval.has(value) for interval in self.intervals]

    def breaches(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which datapoints breach, in the shape of ``values``.

        NaN, a missing datapoint, never breaches; under ``no_data`` exactly the missing ones do. A band is asked of
        how far values are outside of it, which is 0 inside. Raises ValueError for ``ALARM``.
        """
        if self.kind is Kind.NO_DATA:
            return np.isnan(values)
        if not self.intervals:
            raise ValueError(f"the condition {self.text!r} cannot be asked of the values of one series")
        held = self.intervals[0].holds(values)
        for interval in self.intervals[1:]:
            held |= interval.holds(values)
        return held


_WORDS: Mapping[str, Condition] = {
    "above band": Condition(Kind.BAND, "above band", (Interval(low=0.0),)),
    "below band": Condition(Kind.BAND, "below band", (Interval(high=0.0),)),
    "outside band": Condition(Kind.BAND, "outside band", (Interval(high=0.0), Interval(low=0.0))),
    "down": Condition(Kind.DOWN, "down", (Interval(high=1.0),)),
    "no_data": Condition(Kind.NO_DATA, "no_data"),
    "ALARM": Condition(Kind.ALARM, "ALARM"),
}

_COMPARE = re.compile(r"(>=|<=|==|!=|>|<) ?(.+)")
_OUTSIDE = re.compile(r"outside (.+?) ?\.\. ?(.+)")
_NUMBER = re.compile(r"([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?) ?([A-Za-z%]*)")
_FACTORS = {"": 1.0, "%": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
_DURATIONS = ("ms", "s", "m", "h", "d")
_HINTS = {"=": "==", "=>": ">=", "=<": "<=", "<>": "!=", "≥": ">=", "≤": "<=", "≠": "!="}
_FORMS = "'> 80', '<= 500ms', 'outside 10..20', 'above band', 'down', 'no_data' or 'ALARM'"


def _spaced(text: str) -> str:
    return _COMPARE.sub(r"\1 \2", text)


def _compare(text: str) -> tuple[Interval, ...]:
    found = _COMPARE.fullmatch(text)
    if found is None or found[2][0] in "<>=":
        raise ValueError(f"{text!r} is not a condition; {_advice(text)}")
    operator, limit = found[1], _number(found[2], text)
    return {
        ">": (Interval(low=limit),),
        ">=": (Interval(low=limit, low_included=True),),
        "<": (Interval(high=limit),),
        "<=": (Interval(high=limit, high_included=True),),
        "==": (Interval(limit, limit, low_included=True, high_included=True),),
        "!=": (Interval(high=limit), Interval(low=limit)),
    }[operator]


def _outside(text: str) -> tuple[Interval, ...]:
    found = _OUTSIDE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a condition; write the two limits like 'outside 10..20'")
    low, high = _number(found[1], text), _number(found[2], text)
    if low > high:
        raise ValueError(f"{text!r} holds for every value: its lower limit is above its upper one")
    return (Interval(high=low), Interval(low=high))


def _number(written: str, condition: str) -> float:
    """The number of ``5``, ``500ms`` (seconds), ``10 GiB`` (bytes) or ``95%`` (as it stands)."""
    found = _NUMBER.fullmatch(written)
    if found is not None and (found[3] in _FACTORS or found[3] in _DURATIONS):
        number = float(found[1] + found[2]) * _scale(found[3])
    else:
        number = _long_duration(written, condition)
    if not isfinite(number):
        raise ValueError(f"{written!r} in the condition {condition!r} is too large for a number")
    return number


def _scale(unit: str) -> float:
    return _FACTORS[unit] if unit in _FACTORS else parse_duration(f"1{unit}")


def _unit(text: str) -> str:
    found = re.search(r"[A-Za-z%]+$", text)
    return found[0] if found and found[0] in (*_FACTORS, *_DURATIONS) else ""


def _long_duration(written: str, condition: str) -> float:
    """Seconds of ``1h30m``; the last form a number may have, so what fails here is no number at all."""
    try:
        return parse_duration(written)
    except ValueError:
        raise ValueError(
            f"{written!r} in the condition {condition!r} is not a number with a unit Watchtower knows: "
            "ms, s, m, h, d, KiB, MiB, GiB, TiB or %"
        ) from None


def _advice(text: str) -> str:
    for word in _WORDS:
        if text.casefold().replace("-", "_").replace(" ", "_") == word.casefold().replace(" ", "_"):
            return f"did you mean {word!r}?"
    operator = re.match(r"[<>=≤≥≠]+", text)
    if operator and operator[0] in _HINTS:
        return f"did you mean {_HINTS[operator[0]] + text[operator.end() :]!r}?"
    if _NUMBER.fullmatch(text):
        return f"say how to compare, like '> {text}'"
    return f"write it like {_FORMS}"


def implies(one: Condition, other: Condition) -> bool | None:
    """Whether ``other`` holds on every datapoint on which ``one`` does; None when nobody can tell.

    A less urgent level whose condition implies a more urgent one's is never reached; a ``recover`` that
    implies a level's condition never holds while that level does not.
    """
    if not (one.on_values and other.on_values):
        return _band_implies(one, other)
    if Kind.NO_DATA in (one.kind, other.kind):
        return one.kind is other.kind
    return all(any(outer.contains(inner) for outer in other.intervals) for inner in one.intervals)


def _band_implies(one: Condition, other: Condition) -> bool | None:
    if one == other:
        return True
    if one.kind is Kind.BAND and other.kind is Kind.BAND:
        return other.text == "outside band"
    return None


def contradicts(one: Condition, other: Condition) -> bool | None:
    """Whether no datapoint can make both hold; None when nobody can tell."""
    if not (one.on_values and other.on_values):
        return _band_contradicts(one, other)
    if Kind.NO_DATA in (one.kind, other.kind):
        return one.kind is not other.kind
    return not any(left.meets(right) for left in one.intervals for right in other.intervals)


def _band_contradicts(one: Condition, other: Condition) -> bool | None:
    if one == other:
        return False
    if one.kind is Kind.BAND and other.kind is Kind.BAND:
        return "outside band" not in (one.text, other.text)
    return None


def hold_together(conditions: Sequence[Condition]) -> Condition:
    """The condition that holds wherever one of these does, all of them asked of values."""
    found: list[Interval] = []
    spans = (interval for condition in conditions for interval in condition.intervals)
    for span in sorted(spans, key=lambda span: (span.low, not span.low_included)):
        last = found[-1] if found else None
        if last and (last.high > span.low or (last.high == span.low and (last.high_included or span.low_included))):
            high, included = max((last.high, last.high_included), (span.high, span.high_included))
            found[-1] = Interval(last.low, high, last.low_included, included)
        else:
            found.append(span)
    return Condition(Kind.COMPARE, " or ".join(condition.text for condition in conditions), tuple(found))
