"""How unevenly peers carry one load: pure numbers, slot by slot.

Coefficient of variation, max over mean and Jain's index all explode near zero: three readers with three connections
each breach `max/mean >= 1.5` in 43 of 100 draws of a fair lottery. So the default is the excess of the busiest over its
peers, damped by a constant ``k`` below which a difference means nothing; the others are for graphs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

Value = Literal["excess", "idle", "max_over_mean", "cv", "jain"]
VALUES: tuple[Value, ...] = get_args(Value)

#: Fewer peers have nobody to be compared with.
FEWEST = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Slots:
    """What the scores are made of, each of shape (slots,); where fewer than two peers count it means nothing."""

    count: NDArray[np.int64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    top: NDArray[np.float64]
    low: NDArray[np.float64]

    @classmethod
    def of(cls, loads: NDArray[np.float64]) -> Self:
        there = ~np.isnan(loads)
        known = np.where(there, loads, 0.0)
        return cls(
            there.sum(axis=1),
            known.sum(axis=1),
            (known**2).sum(axis=1),
            np.where(there, loads, -np.inf).max(axis=1, initial=-np.inf),
            np.where(there, loads, np.inf).min(axis=1, initial=np.inf),
        )

    @property
    def mean(self) -> NDArray[np.float64]:
        return self.total / self.count


def score(loads: NDArray[np.float64], value: Value, k: float) -> NDArray[np.float64]:
    """The score of each slot of ``loads`` (slots, peers), shape (slots,).

    NaN in ``loads`` is a peer that does not count in this slot; NaN in the result a slot with fewer than two peers.
    """
    slots = _Slots.of(loads)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = _SCORES[value](slots, k)
    return np.where((slots.count >= FEWEST) & np.isfinite(found), found, np.nan)


def _excess(slots: _Slots, k: float) -> NDArray[np.float64]:
    """How many times the peers' mean (and k) the busiest carries above that mean: 0 is even, 1 is twice as much."""
    others = (slots.total - slots.top) / (slots.count - 1)
    return (slots.top - others) / (others + k)


def _idle(slots: _Slots, k: float) -> NDArray[np.float64]:
    """The part of the mean that the least busy lacks, 0 to 1; 0 while the mean itself is below k."""
    return np.where(slots.mean >= k, 1 - slots.low / slots.mean, 0.0)


def _max_over_mean(slots: _Slots, _k: float) -> NDArray[np.float64]:
    return np.where(slots.total == 0, 1.0, slots.top / slots.mean)


def _cv(slots: _Slots, _k: float) -> NDArray[np.float64]:
    """Standard deviation over mean."""
    variance = np.maximum(slots.squares / slots.count - slots.mean**2, 0.0)
    return np.where(slots.total == 0, 0.0, np.sqrt(variance) / slots.mean)


def _jain(slots: _Slots, _k: float) -> NDArray[np.float64]:
    """Jain's fairness index (1984): 1 is even, 1/n is one peer carrying all."""
    return np.where(slots.squares == 0, 1.0, slots.total**2 / (slots.count * slots.squares))


_SCORES: Mapping[Value, Callable[[_Slots, float], NDArray[np.float64]]] = {
    "excess": _excess,
    "idle": _idle,
    "max_over_mean": _max_over_mean,
    "cv": _cv,
    "jain": _jain,
}
