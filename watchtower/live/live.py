"""Loop health and what the daemon can be asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchtower.live.metrics import Metrics
from watchtower.live.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from watchtower.clock import Clock
    from watchtower.incidents.routing import Route

#: Seconds without any loop advancing after which the process is taken for dead (/healthz, design section 8).
STUCK_AFTER = 60.0
#: Seconds after which a single loop is late (/readyz): several times the longest pause a loop takes on purpose.
LATE_AFTER = 30.0


def _nobody() -> None:
    """No engine runs that could be told."""


@dataclass
class Live:
    """Shared by the engine, which writes, and the web, which reads.

    ``pace`` is how many clock seconds pass in one real second (1 but for the demo's compressed time): loop
    health is a matter of real seconds. ``judge`` wakes the flush: somebody changed a silence.
    """

    clock: Clock
    pace: float = 1.0
    metrics: Metrics = field(default_factory=Metrics)
    samples: Samples = field(default_factory=Samples)
    waiting_for: str = "starting"
    testers: Mapping[str, Callable[[], Awaitable[str]]] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    judge: Callable[[], None] = _nobody
    _beats: dict[str, float] = field(default_factory=dict)

    def beat(self, loop: str) -> None:
        """A loop says that it advanced."""
        self._beats[loop] = self.clock.monotonic()

    def retire(self, loop: str) -> None:
        """A loop ended on purpose."""
        self._beats.pop(loop, None)

    def _age(self, since: float) -> float:
        return (self.clock.monotonic() - since) / self.pace

    def late_loops(self) -> list[str]:
        """The loops that have not advanced for LATE_AFTER real seconds."""
        return sorted(name for name, since in self._beats.items() if self._age(since) > LATE_AFTER)

    def stuck(self) -> bool:
        """Whether nothing at all has advanced for STUCK_AFTER real seconds."""
        return bool(self._beats) and all(self._age(since) > STUCK_AFTER for since in self._beats.values())

    def unready(self) -> str:
        """Why the service is not ready, or nothing."""
        if self.waiting_for:
            return self.waiting_for
        late = self.late_loops()
        return f"late: {', '.join(late)}" if late else ""
