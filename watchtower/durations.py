"""Durations as people write them: ``30s``, ``5m``, ``1h30m``, ``7d``; seconds inside."""

from __future__ import annotations

import re

_UNITS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|w|d|h|m|s)")


def parse_duration(text: str) -> float:
    """Seconds of a duration such as ``1h30m``; raises ValueError with a sentence a person can act on."""
    stripped = text.strip()
    parts = _PART.findall(stripped)
    if not parts or "".join(number + unit for number, unit in parts) != stripped:
        raise ValueError(f"{text!r} is not a duration; write it like 30s, 5m, 1h30m or 7d")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def format_duration(seconds: float) -> str:
    """The shortest exact writing of a duration: 5400 → ``1h30m``; below a second in ``ms``."""
    if seconds < 1:
        return "0s" if seconds <= 0 else f"{round(seconds * 1000)}ms"
    rest = round(seconds)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def exact_duration(seconds: float) -> str:
    """A duration that somebody wrote, as exactly as he did: ``1.5s``, where format_duration would say ``2s``."""
    whole = seconds < 1 or seconds == round(seconds)
    return format_duration(seconds) if whole else f"{seconds:.3f}".rstrip("0") + "s"
