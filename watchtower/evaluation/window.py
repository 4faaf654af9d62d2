"""The evaluated window of one series, for reasons and evidence; made only where there is something to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.clock import from_epoch

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Window:
    """One row of a batch: (start of the slot in epoch seconds, value or None), newest last."""

    datapoints: tuple[tuple[int, float | None], ...]
    period: int

    @classmethod
    def of(cls, times: NDArray[np.int64], values: NDArray[np.float64], period: int) -> Window:
        """The window of one series: both arrays have shape (R,), NaN is missing."""
        [window] = cls.all(times, values[None], period)
        return window

    @classmethod
    def all(cls, times: NDArray[np.int64], values: NDArray[np.float64], period: int) -> list[Window]:
        """The windows of many series: ``values`` has shape (S, R)."""
        slots, rows = times.tolist(), values.tolist()
        return [
            cls(tuple((at, None if value != value else value) for at, value in zip(slots, row, strict=True)), period)
            for row in rows
        ]

    @property
    def real(self) -> list[tuple[int, float]]:
        """The datapoints that exist."""
        return [(at, value) for at, value in self.datapoints if value is not None]

    @property
    def value(self) -> float | None:
        """The newest value there is."""
        return next((value for _, value in reversed(self.datapoints) if value is not None), None)

    @property
    def silent_since(self) -> datetime:
        """When the newest datapoint ended; with none at all, when the window began: it may be longer."""
        real = self.real
        return from_epoch(real[-1][0] + self.period if real else self.datapoints[0][0])

    def when(self, at: int) -> str:
        """The start of a slot as people read it: to the second only where slots are that short."""
        if self.period >= _DAY:
            return f"{from_epoch(at):%Y-%m-%d %H:%M} UTC"
        return f"{from_epoch(at):%H:%M:%S} UTC" if self.period < 60 else f"{from_epoch(at):%H:%M} UTC"
