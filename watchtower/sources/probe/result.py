"""What came of one probe, and the two ways it ends early."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from watchtower.errors import WatchtowerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.clock import Clock
    from watchtower.model import TroubleReason


class Phase(StrEnum):
    """The parts of an HTTP request, in order, as blackbox_exporter names them."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    PROCESSING = "processing"
    TRANSFER = "transfer"


class Down(WatchtowerError):
    """The target did not do what was expected; the text is the reason that people read."""


class Unknown(WatchtowerError):
    """The prober itself could not probe: nothing is said about the target."""

    def __init__(self, reason: TroubleReason, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Result:
    """One probe's result.

    ``success`` None: unknown, with ``trouble`` saying which kind. ``phase`` is the phase a failure was met in,
    empty on success. ``duration`` (seconds) is there when a whole answer came, or when the timeout ended a wait
    on a standing connection. ``expires`` (epoch seconds) is the earliest end of the certificates that were
    seen, over all hops. ``phases`` are seconds by phase, summed over redirects.
    """

    success: bool | None
    reason: str
    phase: str = ""
    address: str = ""
    duration: float | None = None
    status: int | None = None
    expires: float | None = None
    phases: Mapping[str, float] = field(default_factory=dict)
    trouble: TroubleReason | None = None


class Stopwatch:
    """Measures phases one after the other on the monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = self._entered = clock.monotonic()
        self.phase = Phase.RESOLVE
        self.phases: dict[str, float] = {}

    def enter(self, phase: Phase) -> None:
        """End the phase that runs and begin another."""
        self.stop()
        self.phase = phase

    def stop(self) -> None:
        """Book the time since the last change to the phase that runs."""
        now = self._clock.monotonic()
        self.phases[self.phase] = self.phases.get(self.phase, 0.0) + now - self._entered
        self._entered = now

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock.monotonic() - self._started
