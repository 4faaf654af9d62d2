"""Scales: which numbers and times stand at the axes, and how they are written."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil, floor, log10

#: Seconds between two marks of the time axis.
_STEPS = (1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_DAY = 86400
_MARKS = 8

#: What a limit's unit stands for, in the series' own (seconds, bytes, per cent).
_FACTORS = {"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
_FACTORS |= {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def value_marks(low: float, high: float, unit: str, most: int = 6) -> list[tuple[float, str]]:
    """Round numbers between two values, at most ``most`` and a few, as they are written in ``unit``."""
    factor = _FACTORS.get(unit, 1.0)
    step = _round_step((high - low) / factor / most)
    first, last = ceil(low / factor / step - 1e-9), floor(high / factor / step + 1e-9)
    return [(number * step * factor, written(number * step, step, unit)) for number in range(first, last + 1)]


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, not below."""
    power = 10.0 ** floor(log10(rough))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)


def written(value: float, step: float, unit: str = "") -> str:
    """A number as fine as ``step`` asks for; thousands become k, M, G, T where there is no unit."""
    if value == 0:
        value = 0.0  # no minus
    if unit in ("", "%") and step >= 1000:
        scale, letter = next((scale, letter) for scale, letter in _LARGE if abs(step) >= scale / 10)
        return f"{_plain(value / scale, step / scale)}{letter}{unit}"
    if unit in ("", "%") and 0 < step < 1e-4:
        return f"{value:.1e}{unit}"
    return f"{_plain(value, step)} {unit}" if unit in _FACTORS else f"{_plain(value, step)}{unit}"


def _plain(value: float, step: float) -> str:
    decimals = max(0, -floor(log10(step) + 1e-9))
    if abs(value) >= 1e15:
        return f"{value:.2e}"
    return f"{value:.{min(decimals, 12)}f}"


def time_marks(start: int, end: int) -> list[tuple[int, str]]:
    """Round times of UTC between two moments (epoch seconds); at midnight the day."""
    step = next((step for step in _STEPS if (end - start) / step <= _MARKS), 0)
    step = step or _DAY * ceil((end - start) / _DAY / _MARKS)
    first = -(-start // step) * step
    return [(at, _time(at, step)) for at in range(first, end + 1, step)]


def _time(at: int, step: int) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    if at % _DAY == 0:
        return f"{moment:%d %b}"
    return f"{moment:%H:%M:%S}" if step < 60 else f"{moment:%H:%M}"
