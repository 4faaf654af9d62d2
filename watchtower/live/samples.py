"""The polled values, kept as rendered lines so that a scrape only joins them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchtower.model import Sample


#: ``watchtower`` holds the values of rules that are no metric of AWS's: math, balance, findings.
FAMILIES = ("watchtower", "probe", "aws")


@dataclass(frozen=True, slots=True)
class _Line:
    """One rendered series; ``series`` is its name and labels, ``at`` the time of its value (epoch seconds)."""

    name: str
    series: str
    value: float
    at: float
    gone_at: float


class Samples:
    """Newest values by work unit; a value is gone two periods after its newest datapoint ended.

    ``grace`` covers what is polled late on purpose: the publication delay.
    """

    def __init__(self) -> None:
        self._units: dict[tuple[str, str], tuple[_Line, ...]] = {}
        self._help: dict[str, str] = {}

    def put(self, unit: str, samples: Sequence[Sample], *, period: int, grace: int) -> None:
        """Replace what the unit said before."""
        for family in FAMILIES:
            mine = [sample for sample in samples if sample.family == family]
            self._units[unit, family] = tuple(self._line(sample, period, grace) for sample in mine)

    def _line(self, sample: Sample, period: int, grace: int) -> _Line:
        self._help.setdefault(sample.name, sample.help or sample.name)
        labels = ",".join(f'{name}="{_escape(value)}"' for name, value in sample.labels.items())
        series = f"{sample.name}{{{labels}}}" if labels else sample.name
        return _Line(sample.name, series, sample.value, sample.at, sample.at + 3 * period + grace)

    def keep_only(self, units: set[str]) -> None:
        """Forget units that the plan no longer has."""
        self._units = {key: lines for key, lines in self._units.items() if key[0] in units}

    def render(self, family: str, now: float) -> str:
        """Prometheus text of one family, grouped by metric name.

        A series that two units polled (one probe at two intervals, a query that rules share) stands once, with its
        newest value: a scrape with a series twice is refused whole.
        """
        newest: dict[str, dict[str, _Line]] = {}
        for (_, mine), lines in self._units.items():
            for line in lines:
                if mine == family and line.gone_at > now:
                    known = newest.setdefault(line.name, {})
                    if line.series not in known or known[line.series].at < line.at:
                        known[line.series] = line
        return "".join(self._block(name, newest[name].values()) for name in sorted(newest))

    def _block(self, name: str, lines: Iterable[_Line]) -> str:
        values = "".join(f"{line.series} {line.value:.17g}\n" for line in lines)
        return f"# HELP {name} {self._help[name]}\n# TYPE {name} gauge\n{values}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
