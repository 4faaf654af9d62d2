"""``values:`` of a rule test: ``50 85x2 _ ! 60``, one value a period."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Values one series may have: seventy days of minutes.
MAX_VALUES = 100_000

_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_WORD = re.compile(
    rf"(?:(?P<word>_|!|up|down)|(?P<first>[+-]?{_NUMBER})(?P<step>[+-]{_NUMBER}(?=x))?)(?:x(?P<times>\d+))?"
)
_PROBE = {"up": 1.0, "down": 0.0}
_FORMS = "a number, `_` (missing), `!` (the poll failed), `85x3` (three times) or `10+5x3` (10 15 20)"


@dataclass(frozen=True, slots=True)
class Values:
    """A series over the periods of a test: None is missing; at the places in ``failed`` the poll failed.

    ``words``: it says ``up`` or ``down``, as only probes and heartbeats do.
    """

    points: tuple[float | None, ...] = ()
    failed: frozenset[int] = frozenset()
    words: bool = False

    @classmethod
    def parse(cls, text: str) -> Values:
        """Read the notation; raises ValueError with a sentence a person can act on."""
        points: list[float | None] = []
        failed: set[int] = set()
        for part in text.split():
            found = _WORD.fullmatch(part)
            if found is None:
                raise ValueError(f"{part!r} is not a value; write {_FORMS}, for probes also up and down")
            number = times(part, found["times"])
            if len(points) + number > MAX_VALUES:
                raise ValueError(f"these are more than {MAX_VALUES} values")
            if found["word"] == "!":
                failed.update(range(len(points), len(points) + number))
            points.extend(_expanded(part, found, number))
        return cls(tuple(points), frozenset(failed), any(word in text for word in _PROBE))


def times(part: str, given: str | None) -> int:
    """The number after ``x``; raises ValueError when it is none, or too many."""
    if given is None:
        return 1
    if len(given) > 9 or int(given) > MAX_VALUES:
        raise ValueError(f"{part!r} is more than {MAX_VALUES} values")
    if int(given) == 0:
        raise ValueError(f"{part!r} is no value at all; the number after `x` says how many there are")
    return int(given)


def _expanded(part: str, found: re.Match[str], times: int) -> Iterator[float | None]:
    word, step = found["word"], float(found["step"] or 0)
    for number in range(times):
        if word is not None:
            yield _PROBE.get(word)
            continue
        value = float(found["first"]) + number * step
        if not isfinite(value):
            raise ValueError(f"{part!r} is beyond what a number can be")
        yield value
