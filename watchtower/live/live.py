"""Loop health and what the daemon can be asked to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchtower.live.facts import Facts
from watchtower.live.metrics import Metrics
from watchtower.live.samples import Samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.clock import Clock
    from watchtower.incidents.routing import Route
    from watchtower.live.canary import CanaryHealth
    from watchtower.live.queues import QueueHealth

#: Seconds without any loop advancing after which the process is taken for dead (/healthz, design section 8).
STUCK_AFTER = 60.0
#: Seconds after which a single loop is late (/readyz): several times the longest pause a loop takes on purpose.
LATE_AFTER = 30.0


def _nobody() -> None:
    """No engine runs that could be told."""


def _not_yet(body: bytes, headers: Mapping[str, str]) -> int:  # noqa: ARG001
    """Nobody could do what a click asks for: 503."""
    return 503


async def _nobody_yet(channel: str, body: bytes, headers: Mapping[str, str]) -> int:  # noqa: ARG001
    """Nobody could keep what was done at PagerDuty: 503, and it calls again."""
    return 503


#: Rings for one heartbeat with what it says and its body, and answers a status.
Bell = Callable[[str, bytes], Awaitable[int]]


async def _not_kept(kind: str, body: bytes) -> int:  # noqa: ARG001
    """Nobody could keep a ping: 503, and whoever pinged tries again."""
    return 503


def _closed(token: str) -> Bell | None:  # noqa: ARG001
    """Which tokens there are is not known yet."""
    return _not_kept


def _everywhere(channel: str, destination: str) -> bool:  # noqa: ARG001
    """Nothing is given up as long as nobody knows what can be reached."""
    return True


@dataclass
class Live:
    """Shared by the engine, which writes, and the web, which reads.

    ``pace`` is how many clock seconds pass in one real second (1 but for the demo's compressed time): loop
    health is a matter of real seconds. ``judge`` wakes the flush: somebody changed a silence, or acknowledged.
    ``reaches`` says whether anything leads from a channel to a destination.
    ``press`` takes a request that says it is Slack's, as it came, and answers its status; ``report`` takes one that
    says it is PagerDuty's, with the channel it came for.
    """

    clock: Clock
    pace: float = 1.0
    metrics: Metrics = field(default_factory=Metrics)
    samples: Samples = field(default_factory=Samples)
    waiting_for: str = "starting"
    testers: Mapping[str, Callable[[], Awaitable[str]]] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    judge: Callable[[], None] = _nobody
    reaches: Callable[[str, str], bool] = _everywhere
    press: Callable[[bytes, Mapping[str, str]], int] = _not_yet
    report: Callable[[str, bytes, Mapping[str, str]], Awaitable[int]] = _nobody_yet
    bell: Callable[[str], Bell | None] = _closed
    accept: Callable[[str], Awaitable[bool]] | None = None
    canaries: Mapping[str, CanaryHealth] = field(default_factory=dict)
    queues: Mapping[tuple[str, str], QueueHealth] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    started: float = 0.0
    _beats: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.clock.monotonic()

    @property
    def uptime(self) -> float:
        """Real seconds since the process began."""
        return self._age(self.started)

    def loops(self) -> dict[str, float]:
        """Real seconds since each loop advanced last."""
        return {name: self._age(since) for name, since in sorted(self._beats.items())}

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
