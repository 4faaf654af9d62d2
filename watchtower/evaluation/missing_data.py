"""CloudWatch's M of N over an evaluation range with missing datapoints, for a whole batch at a time.

The rule, as AWS publishes it with two tables of examples
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html):

1. The evaluation range holds more datapoints than the N that decide. When at least N of them exist, the
   newest N decide: ALARM when M of those breach. Missing ones are then not looked at.
2. Otherwise the N - real datapoints that lack are filled: as breaching, as not breaching, or not at all.
3. Not filled (``missing``, ``ignore``): no datapoint at all is INSUFFICIENT_DATA; M that breach are ALARM; a
   healthy one anywhere in the range is OK.
4. What then remains has only breaching datapoints, fewer than M. It is ALARM when the oldest of them is at
   least M periods old: the next datapoint can no longer make the picture better. Until then an alarm would be
   premature: INSUFFICIENT_DATA.
5. ``ignore`` keeps the state it had wherever ``missing`` would decide without M that breach or a healthy one.

Where the page is silent: the "oldest breaching datapoint" is looked for in the whole range, and OK is never
said while every datapoint that exists breaches (except where missing ones count as healthy).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from watchtower.rulebook.rule import Missing

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Code(IntEnum):
    """What one alarm says of one series; RETAIN keeps whatever it said before."""

    OK = 0
    ALARM = 1
    INSUFFICIENT_DATA = 2
    RETAIN = 3


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """The verdicts on a batch, each array of shape (S,).

    ``breaching`` counts the breaching ones among the newest N that exist; ``filled`` is how many of the N had
    to be made up.
    """

    codes: NDArray[np.int8]
    breaching: NDArray[np.int64]
    filled: NDArray[np.int64]


def newest(present: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Which slots, shape (S, R), hold one of the ``count`` newest datapoints that exist."""
    width = present.shape[1]
    if present.all():
        return np.broadcast_to(np.arange(width) >= width - count, present.shape)
    rank = np.cumsum(present[:, ::-1], axis=1, dtype=np.int32)[:, ::-1]
    return present & (rank <= count)


def evaluate(
    present: NDArray[np.bool_], breaching: NDArray[np.bool_], *, needed: int, of: int, missing: Missing
) -> Verdicts:
    """Decide M (``needed``) of N (``of``) for every row.

    ``present`` and ``breaching`` have shape (S, R), oldest slot first; a missing slot is never breaching.
    """
    bad = (breaching & newest(present, of)).sum(axis=1)
    filled = np.maximum(of - present.sum(axis=1), 0)
    alarm = bad + filled >= needed if missing is Missing.BREACHING else bad >= needed
    codes = np.where(alarm, Code.ALARM, Code.OK).astype(np.int8)
    if missing in (Missing.MISSING, Missing.IGNORE):
        _leave_open(codes, present, breaching, needed=needed, undecided=(filled > 0) & ~alarm, missing=missing)
    return Verdicts(codes, bad, filled)


def _leave_open(
    codes: NDArray[np.int8],
    present: NDArray[np.bool_],
    breaching: NDArray[np.bool_],
    *,
    needed: int,
    undecided: NDArray[np.bool_],
    missing: Missing,
) -> None:
    """Points 3 to 5 above, for the few rows that lack datapoints and are not in alarm by count."""
    rows = np.flatnonzero(undecided)
    rows = rows[~(present[rows] & ~breaching[rows]).any(axis=1)]
    if missing is Missing.IGNORE:
        codes[rows] = Code.RETAIN
        return
    seen = present[rows]
    age_of_oldest = np.where(seen.any(axis=1), seen.shape[1] - seen.argmax(axis=1), 0)
    codes[rows] = np.where(age_of_oldest >= needed, Code.ALARM, Code.INSUFFICIENT_DATA)
