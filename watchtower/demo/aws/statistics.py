"""Statistics as CloudWatch computes them from what was published within one period."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from watchtower.demo.aws.wire import Refusal


class Sample(NamedTuple):
    """A published value or statistic set: how many measurements, their sum, the smallest and the largest."""

    weight: float
    total: float
    low: float
    high: float


Statistic = Callable[[Sequence[Sample]], float | None]

_PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d{1,10})?)")


def single(value: float, count: float = 1.0) -> Sample:
    """One value, measured ``count`` times."""
    return Sample(count, value * count, value, value)


def statistic(name: str) -> Statistic:
    """The function of a statistic's name; raises Refusal for one CloudWatch (or this simulator) does not know."""
    plain = _PLAIN.get(name)
    if plain is not None:
        return plain
    found = _PERCENTILE.fullmatch(name)
    if found and float(found[1]) <= 100:
        rank = float(found[1]) / 100
        return lambda samples: _percentile(samples, rank)
    raise Refusal("ValidationError", f"The value {name} for parameter Stat is not supported.")


def _average(samples: Sequence[Sample]) -> float | None:
    count = sum(sample.weight for sample in samples)
    return sum(sample.total for sample in samples) / count if count else None


_PLAIN: dict[str, Statistic] = {
    "Average": _average,
    "Sum": lambda samples: sum(sample.total for sample in samples),
    "Minimum": lambda samples: min(sample.low for sample in samples),
    "Maximum": lambda samples: max(sample.high for sample in samples),
    "SampleCount": lambda samples: sum(sample.weight for sample in samples),
}


def _percentile(samples: Sequence[Sample], rank: float) -> float | None:
    """The value at a rank (0 to 1), between neighbours in proportion.

    Statistic sets keep no distribution, so with one that holds different values there is no percentile:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Percentiles
    """
    if any(sample.low != sample.high for sample in samples):
        return None
    ordered = sorted((sample.low, sample.weight) for sample in samples)
    place = rank * (sum(count for _, count in ordered) - 1)
    below, above = _at_rank(ordered, int(place)), _at_rank(ordered, int(place) + 1)
    return below + (above - below) * (place - int(place))


def _at_rank(ordered: Sequence[tuple[float, float]], rank: int) -> float:
    passed = 0.0
    for value, count in ordered:
        passed += count
        if rank < passed:
            return value
    return ordered[-1][0]
