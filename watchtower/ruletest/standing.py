"""Where the alerts of a rule stand at a moment, found by their labels."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watchtower.model import AlertKey, Labels, Priority, State


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one alert stands."""

    key: AlertKey
    labels: Labels
    state: State
    priority: Priority | None


@dataclass(frozen=True, slots=True)
class Explained:
    """What an alert's newest evaluation looked at, one value a period and newest last, and why it said what it did."""

    datapoints: tuple[float | None, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Standings:
    """The alerts of one rule at one moment; ``places`` are where those with a label are among them."""

    alerts: Sequence[Standing]
    places: Mapping[tuple[str, str], Sequence[int]]

    @classmethod
    def of(cls, alerts: Iterable[Standing]) -> Standings:
        """Index them."""
        listed = tuple(alerts)
        places: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, each in enumerate(listed):
            for pair in each.labels.items():
                places[pair].append(place)
        return cls(listed, places)

    def having(self, labels: Labels) -> list[Standing]:
        """Those whose labels include all of ``labels``, in their order."""
        pairs = labels.items()
        if not pairs:
            return list(self.alerts)
        rarest = min((self.places.get(pair, ()) for pair in pairs), key=len)
        return [self.alerts[place] for place in rarest if pairs <= self.alerts[place].labels.items()]
