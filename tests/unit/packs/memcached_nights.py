"""Nights of the cache rules."""

from tests.support.nights import Told

FIRING = (
    Told(
        "MemcachedImbalance",
        "one node answers three times as much for half an hour",
        "0.3x2 2x6 1.5 1.4x3",
        "8: P4, 12: OK",
    ),
)

ORDINARY = (Told("MemcachedImbalance", "a campaign makes one key hot for twenty minutes", "0.3x2 4x4 0.3x4"),)
