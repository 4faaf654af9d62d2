"""Nights of the rules that count findings; values are what one look brought."""

from __future__ import annotations

from tests.support.nights import Told

FIRING = (
    Told("VulnerableImage", "pushed with findings, and mended by the next push", "0x2 3x3 0x3", "3: P4, 6: OK"),
    Told("ImageNotScanned", "two looks without a scan, then one", "0x2 1x3 0x3", "4: P4, 6: OK"),
    Told("NewFinding", "two are new, one is fixed, then the other", "0x2 2x2 1 0x3", "3: P3, 6: OK"),
    Told("ExploitableFinding", "until the version that ends it runs", "0x2 1x3 0x3", "3: P3, 6: OK"),
    Told("InspectorCoverageGap", "nobody looks at an instance for two looks", "0x2 1x3 0x3", "4: P4, 7: OK"),
)
ORDINARY = (
    Told("VulnerableImage", "nothing critical in any image", "0x10"),
    Told("ImageNotScanned", "pushed a moment before the look, and scanned by the next", "0x3 1 0x6"),
    Told("NewFinding", "nothing new, and resources that are not listed", "0x4 _x4 0x2"),
    Told("ExploitableFinding", "nothing that somebody knows how to use", "0x4 _x4 0x2"),
    Told("InspectorCoverageGap", "an instance that reports after some minutes", "0x3 1 0x6"),
)
