"""The polled values, kept as rendered lines so that a scrape only joins them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.model import Sample


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    text: str
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
        for family in {"aws", "probe"}:
            mine = [sample for sample in samples if sample.family == family]
            self._units[unit, family] = tuple(self._line(sample, period, grace) for sample in mine)

    def _line(self, sample: Sample, period: int, grace: int) -> _Line:
        self._help.setdefault(sample.name, sample.help or sample.name)
        labels = ",".join(f'{name}="{_escape(value)}"' for name, value in sample.labels.items())
        text = f"{sample.name}{{{labels}}} {sample.value:.17g}" if labels else f"{sample.name} {sample.value:.17g}"
        return _Line(sample.name, text, sample.at + 3 * period + grace)

    def keep_only(self, units: set[str]) -> None:
        """Forget units that the plan no longer has."""
        self._units = {key: lines for key, lines in self._units.items() if key[0] in units}

    def render(self, family: str, now: float) -> str:
        """Prometheus text of one family, grouped by metric name; duplicates of shared queries are dropped."""
        by_name: dict[str, dict[str, None]] = {}
        for (_, mine), lines in self._units.items():
            if mine != family:
                continue
            for line in lines:
                if line.gone_at > now:
                    by_name.setdefault(line.name, {})[line.text] = None
        parts = []
        for name in sorted(by_name):
            parts.append(f"# HELP {name} {self._help[name]}\n# TYPE {name} gauge\n")
            parts.extend(f"{text}\n" for text in by_name[name])
        return "".join(parts)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
