"""Hysteresis: what must hold before a firing alert, whose levels have left ALARM, is OK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watchtower.evaluation.levels import present_for, sight
from watchtower.evaluation.missing_data import newest
from watchtower.rulebook.rule import Missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from watchtower.rulebook.rule import Level, Recover


@dataclass(frozen=True, slots=True, eq=False)
class Recovery:
    """How far a batch has recovered, shape (S,): ``good`` counts the datapoints that say so."""

    holds: NDArray[np.bool_]
    good: NDArray[np.int64]


def recovery(
    recover: Recover,
    levels: Sequence[Level],
    values: NDArray[np.float64],
    missing: Missing,
    excess: NDArray[np.float64] | None = None,
) -> Recovery:
    """Whether ``needed`` of the newest ``of`` datapoints in values (S, R) are good.

    Good is what meets the ``recover`` condition or, without one, what no level's condition holds on. The
    datapoints are those that exist; where fewer than ``of`` do, the ones that lack are good only under
    ``notBreaching``: silence alone is no recovery. Where a level asks for ``no_data``, an empty slot is a
    datapoint, and a bad one.
    """
    seen = [sight(level.condition, values, excess) for level in levels]
    present = np.logical_or.reduce([present_for(level, each) for level, each in zip(levels, seen, strict=True)])
    if recover.condition is not None:
        fine = recover.condition.breaches(sight(recover.condition, values, excess))
    else:
        fine = ~np.logical_or.reduce([level.condition.breaches(each) for level, each in zip(levels, seen, strict=True)])
    good = (fine & newest(present, recover.of)).sum(axis=1)
    if missing is Missing.NOT_BREACHING:
        good = good + np.maximum(recover.of - present.sum(axis=1), 0)
    return Recovery(good >= recover.needed, good)
