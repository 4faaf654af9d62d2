"""The polled values, kept as encoded lines so that a scrape only joins them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from watchtower.model import Sample


#: ``watchtower`` holds the values of rules that are no metric of AWS's: math, balance, findings.
FAMILIES = ("watchtower", "probe", "aws")
#: Series that a scrape shows at most, where the configuration says nothing else.
SERIES_LIMIT = 200_000
#: Units in which a name may end, as OpenMetrics wants them told.
_UNITS = ("seconds", "bytes", "ratio")


@dataclass(frozen=True, slots=True)
class _Line:
    """One encoded series; ``series`` is its name and labels, ``at`` the time of its value (epoch seconds)."""

    series: str
    text: bytes
    at: float
    gone_at: float


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What one unit says under one name; ``text`` is all of it, good as it is until ``gone_at``."""

    lines: tuple[_Line, ...]
    series: frozenset[str]
    text: bytes
    gone_at: float

    @classmethod
    def of(cls, lines: Mapping[str, _Line]) -> _Chunk:
        """The lines of a name; of a series that stands twice, the last."""
        mine = tuple(lines.values())
        text = b"".join(line.text for line in mine)
        return cls(mine, frozenset(lines), text, min(line.gone_at for line in mine))


class Samples:
    """Newest values by work unit; a value is gone two periods after its newest datapoint ended.

    At most ``limit`` series are kept. Who was there stays; those that found no room are counted in ``dropped`` by
    family, each time they came. ``grace`` covers what is polled late on purpose: the publication delay.
    """

    def __init__(self, limit: int = SERIES_LIMIT) -> None:
        self.limit = limit
        self.dropped: Counter[str] = Counter(dict.fromkeys(FAMILIES, 0))
        self._chunks: dict[str, dict[str, dict[str, _Chunk]]] = {family: {} for family in FAMILIES}
        self._names: dict[str, set[tuple[str, str]]] = {}
        self._held: Counter[str] = Counter()
        self._twice: set[str] = set()
        self._help: dict[str, str] = {}

    def put(self, unit: str, samples: Sequence[Sample], *, period: int, grace: int) -> None:
        """Replace what the unit said before."""
        before = self._forget(unit)
        mine = self._names.setdefault(unit, set())
        for (family, name), group in groupby(sorted(samples, key=_place), key=_place):
            found = [_line(sample, period, grace) for sample in group]
            kept = self._within_limit(family, found, before)
            if kept:
                self._help.setdefault(name, next(one.help for one in samples if one.name == name) or name)
                self._chunks[family].setdefault(name, {})[unit] = _Chunk.of(kept)
                mine.add((family, name))

    def _within_limit(self, family: str, lines: Iterable[_Line], before: set[str]) -> dict[str, _Line]:
        """The lines that there is room for: those that were there first, so that no series comes and goes."""
        kept = {}
        for line in sorted(lines, key=lambda line: line.series not in before):
            if line.series not in self._held and len(self._held) >= self.limit:
                self.dropped[family] += 1
                continue
            if line.series not in kept:
                self._hold(line.series)
            kept[line.series] = line
        return kept

    def _hold(self, series: str) -> None:
        self._held[series] += 1
        if self._held[series] > 1:
            self._twice.add(series)

    def _forget(self, unit: str) -> set[str]:
        """Take away what the unit said; the series that it had."""
        had: set[str] = set()
        for family, name in self._names.pop(unit, set()):
            chunks = self._chunks[family][name]
            had |= chunks.pop(unit).series
            if not chunks:
                del self._chunks[family][name]
        for series in had:
            self._held[series] -= 1
            if self._held[series] < 2:
                self._twice.discard(series)
            if not self._held[series]:
                del self._held[series]
        return had

    def keep_only(self, units: set[str]) -> None:
        """Forget units that the plan no longer has."""
        for unit in self._names.keys() - units:
            self._forget(unit)

    def render(self, family: str, now: float, *, openmetrics: bool = False) -> bytes:
        """Prometheus text of one family, grouped by metric name.

        A series that two units polled (one probe at two intervals, a query that rules share) stands once, with its
        newest value: a scrape with a series twice is refused whole.
        """
        chunks = self._chunks[family]
        blocks = ((name, b"".join(self._values(chunks[name].values(), now))) for name in sorted(chunks))
        return b"".join(self._head(name, openmetrics) + values for name, values in blocks if values)

    def _values(self, chunks: Iterable[_Chunk], now: float) -> Iterator[bytes]:
        """What still counts: most chunks as they are, and line by line those that are old or shared in part."""
        newest: dict[str, _Line] = {}
        for chunk in chunks:
            if chunk.gone_at > now and self._twice.isdisjoint(chunk.series):
                yield chunk.text
                continue
            for line in chunk.lines:
                known = newest.get(line.series)
                if line.gone_at > now and (known is None or known.at < line.at):
                    newest[line.series] = line
        yield from (line.text for line in newest.values())

    def _head(self, name: str, openmetrics: bool) -> bytes:
        text = self._help[name].replace("\\", "\\\\").replace("\n", "\\n")
        unit = name.rpartition("_")[2]
        told = f"# UNIT {name} {unit}\n" if openmetrics and unit in _UNITS else ""
        shown = text.replace('"', '\\"') if openmetrics else text
        return f"# HELP {name} {shown}\n# TYPE {name} gauge\n{told}".encode()


_place = attrgetter("family", "name")


def _line(sample: Sample, period: int, grace: int) -> _Line:
    labels = ",".join(f'{name}="{_escape(value)}"' for name, value in sample.labels.items())
    series = f"{sample.name}{{{labels}}}" if labels else sample.name
    value = repr(float(sample.value)).removesuffix(".0")
    return _Line(series, f"{series} {value}\n".encode(), sample.at, sample.at + 3 * period + grace)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
