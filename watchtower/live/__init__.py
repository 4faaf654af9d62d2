"""What is true right now, in memory: the engine writes it, the web reads it; losing it costs nothing."""

from watchtower.live.facts import Facts
from watchtower.live.live import LATE_AFTER, STUCK_AFTER, Live
from watchtower.live.metrics import Metrics
from watchtower.live.samples import FAMILIES, Samples

__all__ = ["FAMILIES", "LATE_AFTER", "STUCK_AFTER", "Facts", "Live", "Metrics", "Samples"]
