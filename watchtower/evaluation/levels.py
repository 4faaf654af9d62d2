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

    from watchtower.rulebook.conditions import Condition
    from watchtower.rulebook.rule import Level, Missing


@dataclass(frozen=True, slots=True, eq=False)
class Ruling:
    """What all levels together say of a batch; the arrays have shape (S,).

    ``level`` is the index of the level that speaks: the most urgent in ALARM, else -1, the least urgent of
    all. ``verdicts`` are those of each level, for the reason, and ``seen`` what each looked at, shape (S, R).
    """

    codes: NDArray[np.int8]
    level: NDArray[np.int64]
    verdicts: tuple[Verdicts, ...]
    seen: tuple[NDArray[np.float64], ...]


def sight(condition: Condition, values: NDArray[np.float64], excess: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """What a condition is asked of: the values, or for a band how far they are outside of it."""
    if condition.kind is not Kind.BAND:
        return values
    return np.full(values.shape, np.nan) if excess is None else excess


def present_for(level: Level, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which slots count as datapoints: to ``no_data`` an empty slot is one, and it breaches."""
    if level.condition.kind is Kind.NO_DATA:
        return np.ones(values.shape, dtype=np.bool_)
    return ~np.isnan(values)


def rule_on(
    levels: Sequence[Level],
    values: NDArray[np.float64],
    missing: Missing,
    excess: NDArray[np.float64] | None = None,
) -> Ruling:
    """Judge values of shape (S, R), oldest first, NaN missing, by levels that are most urgent first.

    One level in ALARM is enough for ALARM; OK needs every level's OK. Between these, RETAIN and
    INSUFFICIENT_DATA never meet, because the treatment of missing data is the rule's.
    """
    seen = tuple(sight(level.condition, values, excess) for level in levels)
    verdicts = tuple(
        evaluate(
            present_for(level, each),
            level.condition.breaches(each),
            needed=level.needed,
            of=level.of,
            missing=missing,
        )
        for level, each in zip(levels, seen, strict=True)
    )
    codes = np.max([verdict.codes for verdict in verdicts], axis=0)
    in_alarm = np.stack([verdict.codes == Code.ALARM for verdict in verdicts])
    alarmed = in_alarm.any(axis=0)
    codes[alarmed] = Code.ALARM
    return Ruling(codes, np.where(alarmed, in_alarm.argmax(axis=0), -1), verdicts, seen)
