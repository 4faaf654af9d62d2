"""Priorities: each is its own CloudWatch alarm over the shared batch, and the most urgent in ALARM speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from watchtower.evaluation.missing_data import Code, Verdicts, evaluate
from watchtower.rulebook.conditions import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from watchtower.rulebook.rule import Level, Missing


@dataclass(frozen=True, slots=True, eq=False)
class Ruling:
    """What all levels together say of a batch; the arrays have shape (S,).

    ``level`` is the index of the level that speaks: the most urgent in ALARM, else -1, the least urgent of
    all. ``verdicts`` are those of each level, for the reason.
    """

    codes: NDArray[np.int8]
    level: NDArray[np.int64]
    verdicts: tuple[Verdicts, ...]


def present_for(level: Level, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which slots count as datapoints: to ``no_data`` an empty slot is one, and it breaches."""
    if level.condition.kind is Kind.NO_DATA:
        return np.ones(values.shape, dtype=np.bool_)
    return ~np.isnan(values)


def rule_on(levels: Sequence[Level], values: NDArray[np.float64], missing: Missing) -> Ruling:
    """Judge values of shape (S, R), oldest first, NaN missing, by levels that are most urgent first.

    One level in ALARM is enough for ALARM; OK needs every level's OK. Between these, RETAIN and
    INSUFFICIENT_DATA never meet, because the treatment of missing data is the rule's.
    """
    verdicts = tuple(
        evaluate(
            present_for(level, values),
            level.condition.breaches(values),
            needed=level.needed,
            of=level.of,
            missing=missing,
        )
        for level in levels
    )
    codes = np.max([verdict.codes for verdict in verdicts], axis=0)
    in_alarm = np.stack([verdict.codes == Code.ALARM for verdict in verdicts])
    alarmed = in_alarm.any(axis=0)
    codes[alarmed] = Code.ALARM
    return Ruling(codes, np.where(alarmed, in_alarm.argmax(axis=0), -1), verdicts)
