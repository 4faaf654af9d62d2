"""How the demo's numbers behave: pure functions of time, the same in every process and for any past moment.

A *generator* maps the start of a minute (epoch seconds) to that minute's value, or to None where AWS would
publish nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from watchtower.model import stable_hash

Generator = Callable[[float], float | None]

MINUTE = 60
DAY = 86_400
_MASK = (1 << 64) - 1


def noise(seed: int, minute: int) -> float:
    """An evenly spread number in [0, 1) that belongs to this seed and minute for ever."""
    mixed = (seed ^ (minute * 0x9E3779B97F4A7C15)) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return (mixed ^ (mixed >> 31)) / (1 << 64)


def seed_of(*names: str) -> int:
    """The seed of a series, from what it is called."""
    return int(stable_hash(*names), 16)


def steady(value: float) -> Generator:
    """The same value every minute."""
    return lambda _at: value


def daily(seed: int, low: float, high: float, *, jitter: float = 0.1, peak_hour: float = 14) -> Generator:
    """A day's wave from ``low`` to ``high`` with its top at ``peak_hour`` UTC; ``jitter`` is a part of the span."""
    middle, swing = (low + high) / 2, (high - low) / 2
    shake = 2 * jitter * swing

    def value(at: float) -> float:
        turn = math.cos(2 * math.pi * (at / DAY - peak_hour / 24))
        return middle + swing * (1 - jitter) * turn + shake * (noise(seed, int(at // MINUTE)) - 0.5)

    return value


def whole(generator: Generator) -> Generator:
    """Whole numbers: requests, connections, bytes."""

    def value(at: float) -> float | None:
        exact = generator(at)
        return None if exact is None else float(round(exact))

    return value


def seldom(seed: int, chance: float, generator: Generator) -> Generator:
    """Published only in some minutes: a metric whose zero AWS never writes."""
    return lambda at: generator(at) if noise(seed, int(at // MINUTE)) < chance else None


def creeping(seed: int, low: float, high: float, *, days: float) -> Generator:
    """Grows from ``low`` to ``high`` over ``days`` and starts again, as a disk with log rotation does."""
    length = days * DAY
    start = noise(seed, 0) * length

    def value(at: float) -> float:
        return low + (high - low) * (((at + start) % length) / length)

    return value


def every(seconds: int, generator: Generator) -> Generator:
    """Published only each ``seconds``: EC2's basic monitoring."""
    return lambda at: generator(at) if at % seconds == 0 else None


def once(moment: float, value: float) -> Generator:
    """Published a single time: a metric that exists because something happened days ago."""
    return lambda at: value if at <= moment < at + MINUTE else None
