"""``band:`` of a rule test: ``80..120x3 _ 90..130``, what is expected of each period's value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite

from watchtower.ruletest.values import MAX_VALUES, times

_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
_WORD = re.compile(rf"(?:_|(?P<low>{_NUMBER})\.\.(?P<high>{_NUMBER}))(?:x(?P<times>\d+))?")
_FORMS = "`80..120` (lowest and highest expected value), `_` (no band yet) or `80..120x3` (for three periods)"

Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Band:
    """The band over the periods of a test, None where there is none; the last one stays."""

    ends: tuple[Ends | None, ...]

    @classmethod
    def parse(cls, text: str) -> Band:
        """Read the notation; raises ValueError with a sentence a person can act on."""
        ends: list[Ends | None] = []
        for part in text.split():
            found = _WORD.fullmatch(part)
            if found is None:
                raise ValueError(f"{part!r} is not a band; write {_FORMS}")
            number = times(part, found["times"])
            if len(ends) + number > MAX_VALUES:
                raise ValueError(f"these are more than {MAX_VALUES} bands")
            ends.extend([_ends(part, found) if found["low"] else None] * number)
        if not ends:
            raise ValueError(f"the band is empty; write {_FORMS}")
        return cls(tuple(ends))

    def at(self, slot: int) -> Ends | None:
        """The band of period ``slot``; before the test there is none."""
        return self.ends[min(slot, len(self.ends) - 1)] if slot >= 0 else None


def _ends(part: str, found: re.Match[str]) -> Ends:
    low, high = float(found["low"]), float(found["high"])
    if not (isfinite(low) and isfinite(high)):
        raise ValueError(f"{part!r} is beyond what a number can be")
    if low > high:
        raise ValueError(f"{part!r} begins above its end; the lowest expected value stands first")
    return low, high
