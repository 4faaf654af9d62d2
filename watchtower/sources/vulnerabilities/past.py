"""What was counted at earlier polls: AWS tells only what is now, a rule looks at several periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.model import Labels

if TYPE_CHECKING:
    from watchtower.sources.base import Ask, Poll

#: (start of the period in epoch seconds, value), oldest first.
Points = tuple[tuple[int, float], ...]

#: The points of a rule's series.
Past = Mapping[Labels, Points]


@dataclass(frozen=True, slots=True)
class Slots:
    """The periods that a rule looks at, the newest of which ends at the tick."""

    first: int
    newest: int
    count: int

    @classmethod
    def of(cls, poll: Poll, ask: Ask) -> Slots:
        period = poll.unit.period
        return cls(poll.tick - ask.slots * period, poll.tick - period, ask.slots)

    def kept(self, points: Points) -> Points:
        """What is still looked at; the newest period is counted anew."""
        return tuple(point for point in points if self.first <= point[0] < self.newest)

    def counted(self, points: Points, value: float) -> Points:
        """The earlier values and the one of the newest period."""
        return (*self.kept(points), (self.newest, value))

    def spent(self, points: Points) -> bool:
        """Whether every period looked at was counted, and nothing was found in any."""
        return len(points) >= self.count and not any(value for _, value in points)


def plain(past: Past) -> list[Any]:
    """As JSON holds it, the same for equal pasts."""
    ordered = sorted(past.items(), key=lambda item: item[0].pairs)
    return [[[list(pair) for pair in labels.pairs], [list(point) for point in points]] for labels, points in ordered]


def read(rows: Sequence[Any]) -> dict[Labels, Points]:
    """The past that :func:`plain` wrote; raises ValueError or TypeError for anything else."""
    return {
        Labels([(str(name), str(value)) for name, value in pairs]): tuple(
            (int(at), float(value)) for at, value in points
        )
        for pairs, points in rows
    }
