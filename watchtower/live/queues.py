"""How the queues of AWS's announcements fare, as this process reads them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """``failing_since`` in monotonic clock seconds, None while it can be read; ``heard``: it was, since the start."""

    failing_since: float | None = None
    reason: str = ""
    heard: bool = False
