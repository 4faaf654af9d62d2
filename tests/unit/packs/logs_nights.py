"""Nights of the log rules; values are what a metric filter counted in a minute."""

from __future__ import annotations

from tests.support.nights import Told

FIRING = (
    Told("PmsCritical", "one line", "0x5 1 0x6", "6: P2, 11: OK"),
    Told("PmsCritical", "a burst with a pause in it is one alert", "0x5 4 0x3 2 0x6", "6: P2, 15: OK"),
    Told("PmsCritical", "a filter without a default value", "_x5 1 _x8", "6: P2, 13: OK"),
)
ORDINARY = (
    Told("PmsCritical", "nothing critical is said", "0x30"),
    Told("PmsCritical", "nothing is said at all", "_x30"),
)
