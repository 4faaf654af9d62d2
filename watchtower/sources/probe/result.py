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
    from watchtower.sources.probe.kinds.http.content import Content


class Phase(StrEnum):
    """The parts of a probe, as blackbox_exporter names them; each kind of probe goes through some of them."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    PROCESSING = "processing"
    TRANSFER = "transfer"
    REQUEST = "request"
    SETUP = "setup"
    RTT = "rtt"


class Family(StrEnum):
    """A family of IP addresses."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @property
    def words(self) -> str:
        """As people write it."""
        return "IPv4" if self is Family.IPV4 else "IPv6"


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
    on a standing connection. ``expires`` (epoch seconds) is the earliest end in the chain that was trusted, else in
    the one that was shown, over all hops. ``phases`` are seconds by phase, summed over redirects. ``measures`` are
    further samples by their metric's name. ``evidence`` are the lines that prove a failure, redacted.
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
    measures: Mapping[str, float] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    content: Content | None = None


class Stopwatch:
    """Measures phases one after the other on the monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = self._entered = clock.monotonic()
        self.phase = Phase.RESOLVE
        self.phases: dict[str, float] = {}
        self.queued = 0.0

    def enter(self, phase: Phase) -> None:
        """End the phase that runs and begin another."""
        self.stop()
        self.phase = phase

    def restart(self) -> None:
        """What the phase that runs took so far was our own queueing: it counts nowhere but in ``queued``."""
        lost = self._clock.monotonic() - self._entered
        self._entered += lost
        self._started += lost
        self.queued += lost

    def stop(self) -> None:
        """Book the time since the last change to the phase that runs."""
        now = self._clock.monotonic()
        self.phases[self.phase] = self.phases.get(self.phase, 0.0) + now - self._entered
        self._entered = now

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock.monotonic() - self._started
