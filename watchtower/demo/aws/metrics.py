"""What the simulated CloudWatch holds: the estate's series and what clients put, visible only when published."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from watchtower.demo.aws.statistics import Sample, Statistic, single
from watchtower.demo.logs import filter_series

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.demo.estate import Estate, Key, Selector, Series

Points = list[tuple[int, float]]

_DAY = 86_400
#: (smallest period, how long its datapoints are kept), in seconds;
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
_RETENTION = ((3_600, 455 * _DAY), (300, 63 * _DAY), (60, 15 * _DAY), (1, 3 * 3_600))
_LISTED = 14 * _DAY
_RECENT = 3 * 3_600


class Put(NamedTuple):
    """A sample a client put: for which second, and when it came."""

    at: int
    came: float
    sample: Sample


class Late(NamedTuple):
    """Points of some series, of some time, that appear ``seconds`` later than usual."""

    series: Selector
    since: float
    until: float
    seconds: float


class Window(NamedTuple):
    """The points asked for: from ``start`` (aligned) to ``end``, in periods of ``period`` seconds, read at ``now``."""

    start: int
    end: float
    period: int
    now: float


class Metrics:
    """Every series by account and region."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._places = estate.by_place()
        for series in filter_series(estate):
            self._places.setdefault((series.key.account, series.key.region), {})[series.key] = series
        self._put: dict[Key, list[Put]] = defaultdict(list)

    def put(self, key: Key, put: Put) -> None:
        """Keep what a client measured."""
        self._put[key].append(put)

    def keys(self, account: str, region: str, now: float) -> list[Key]:
        """The series ListMetrics knows: those with data within two weeks."""
        ours = list(self._places.get((account, region), ()))
        theirs = [
            key
            for key, puts in self._put.items()
            if (key.account, key.region) == (account, region) and any(now - put.at < _LISTED for put in puts)
        ]
        return ours + [key for key in theirs if key not in self._places.get((account, region), ())]

    def recently_active(self, key: Key, now: float) -> bool:
        """Whether a datapoint of the last three hours can be read."""
        end = int(now)
        return next(self._samples(key, Window(end - _RECENT, end, 60, now), ()), None) is not None

    def read(self, key: Key, window: Window, statistic: Statistic, late: Sequence[Late] = ()) -> Points:
        """The datapoints of one series, oldest first; a period with nothing published has none."""
        kept = next(age for smallest, age in _RETENTION if window.period >= smallest)
        window = window._replace(end=min(window.end, window.now + 1))
        buckets: dict[int, list[Sample]] = {}
        for at, sample in self._samples(key, window, late):
            slot = window.start + (at - window.start) // window.period * window.period
            buckets.setdefault(slot, []).append(sample)
        oldest = window.now - kept
        values = ((slot, statistic(samples)) for slot, samples in sorted(buckets.items()) if slot >= oldest)
        return [(slot, value) for slot, value in values if value is not None]

    def _samples(self, key: Key, window: Window, late: Sequence[Late]) -> Iterator[tuple[int, Sample]]:
        late = [which for which in late if which.series.matches(key)]
        delay = self._estate.delay(key.namespace)
        series = self._places.get((key.account, key.region), {}).get(key)
        if series is not None:
            yield from _generated(series, window, delay, late)
        for put in self._put.get(key, ()):
            ready = put.came + delay + _lateness(put.at, late)
            if window.start <= put.at < window.end and ready <= window.now:
                yield put.at, put.sample


def _generated(series: Series, window: Window, delay: float, late: Sequence[Late]) -> Iterator[tuple[int, Sample]]:
    """Samples of a simulated series, newest first missing until ``delay`` after the end of their own period."""
    step = series.resolution
    first = -(-window.start // step) * step
    newest = window.now - delay - step
    for at in range(first, math.ceil(min(window.end, newest + 1)), step):
        if at > newest or (late and at + _lateness(at, late) > newest):
            continue
        value = series.value(at)
        if value is not None:
            yield at, single(value)


def _lateness(at: float, late: Sequence[Late]) -> float:
    return max((which.seconds for which in late if which.since <= at < which.until), default=0.0)


def rounded_start(start: float, period: int, now: float) -> int:
    """StartTime rounded down as GetMetricData does.

    To the minute (or the period, if that is shorter), to 5 minutes from 15 days of age on, to an hour from 63:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
    """
    age = now - start
    grain = min(period, 60) if age < 15 * _DAY else 300 if age < 63 * _DAY else 3_600
    return int(start // grain * grain)
