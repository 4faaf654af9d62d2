"""Many series laid out for numpy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from watchtower.model import Observation

#: Series laid out in one step: large enough for numpy, small enough that a million need no memory beyond their values.
_AT_ONCE = 2048

_points, _at, _value = attrgetter("points"), itemgetter(0), itemgetter(1)


@dataclass(frozen=True, slots=True, eq=False)
class SeriesBatch:
    """Many series of one rule over the same slots, laid out for numpy.

    ``times`` has shape (R,): the start of each slot in epoch seconds, oldest first. ``values`` has shape (S, R);
    NaN is a missing datapoint (infinities are turned into NaN: CloudWatch has neither).
    ``excess``, where the batch is banded, is how far each value is above its band, below it (negative), or 0 inside;
    NaN where value or band is missing.
    """

    series: tuple[Observation, ...]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    excess: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls, observations: Sequence[Observation], *, end: int, period: int, slots: int, banded: bool = False
    ) -> Self:
        """Lay observations over the ``slots`` slots of ``period`` seconds that end at ``end`` (exclusive)."""
        times = np.arange(end - slots * period, end, period, dtype=np.int64)
        values = np.full((len(observations), slots), np.nan)
        for first in range(0, len(observations), _AT_ONCE):
            points = list(map(_points, observations[first : first + _AT_ONCE]))
            _lay_out(points, values[first : first + _AT_ONCE], end, period)
        values[np.isinf(values)] = np.nan
        excess = _excess(observations, values, end, period) if banded else None
        return cls(tuple(observations), times, values, excess)


def _lay_out(
    points: Sequence[tuple[tuple[int, float], ...]], values: NDArray[np.float64], end: int, period: int
) -> None:
    """Write points into their slots of ``values`` (one row a series); of two in one slot the later counts."""
    flat = list(chain.from_iterable(points))
    at = np.fromiter(map(_at, flat), np.float64, len(flat))
    read = np.fromiter(map(_value, flat), np.float64, len(flat))
    counts = np.fromiter(map(len, points), np.int64, len(points))
    width = int(counts[0]) if len(counts) else 0
    if width and len(at) == width * len(points) and (counts == width).all():
        grid = at.reshape(-1, width)
        if (grid == grid[0]).all():  # every series has the same datapoints, as nearly always
            slot, inside = _slots(grid[0], values.shape[1], end, period)
            for column, there in enumerate(inside.tolist()):
                if there:
                    values[:, slot[column]] = read[column::width]
            return
    rows = np.repeat(np.arange(len(points)), counts)
    slot, inside = _slots(at, values.shape[1], end, period)
    values[rows[inside], slot[inside]] = read[inside]


def _slots(at: NDArray[np.float64], slots: int, end: int, period: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The slot of each datapoint, and whether it lies in the range."""
    slot = slots + ((at - end) // period).astype(np.int64)
    return slot, (slot >= 0) & (slot < slots)


def _excess(
    observations: Sequence[Observation], values: NDArray[np.float64], end: int, period: int
) -> NDArray[np.float64]:
    low, high = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    _lay_out([tuple((at, lowest) for at, lowest, _ in one.band) for one in observations], low, end, period)
    _lay_out([tuple((at, highest) for at, _, highest in one.band) for one in observations], high, end, period)
    known: NDArray[np.float64] = np.where(values > high, values - high, np.where(values < low, values - low, 0.0))
    known[np.isnan(values) | np.isnan(low) | np.isnan(high)] = np.nan
    return known
