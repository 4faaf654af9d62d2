"""How fast an error budget is spent, over pairs of windows; pure.

The long window says that it matters, the short one that it still goes on, so that an alert ends soon after its cause.
Shares of the budget and windows: https://sre.google/workbook/alerting-on-slos/ (section 6, table 5-8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.sources.uptime.ledger import begin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.sources.uptime.ledger import Totals
    from watchtower.sources.uptime.query import SloModel

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

#: What the series of a burn rule say: nothing, a ticket, a page.
CALM, TICKET, PAGE = 0.0, 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Pair:
    """``share`` of the budget is spent within ``long`` seconds at the rate that is told while ``short`` has it too."""

    long: int
    short: int
    share: float
    value: float

    def rate(self, window: float) -> float:
        """How many times as fast as allowed that is: 14.4, 6 and 1 for thirty days."""
        return self.share * window / self.long

    def repeated(self, totals: Mapping[int, Totals], interval: float) -> bool:
        """Whether more than one look, each of which stands for an interval at most, found it down in either window.

        A short window that has no room for two looks is not asked.
        """
        asked = [self.long] if 2 * interval > self.short else [self.long, self.short]
        return all(window in totals and totals[window].down > interval for window in asked)


PAIRS = (
    Pair(_HOUR, 5 * _MINUTE, 0.02, PAGE),
    Pair(6 * _HOUR, 30 * _MINUTE, 0.05, PAGE),
    Pair(3 * _DAY, 6 * _HOUR, 0.10, TICKET),
)
WINDOWS = tuple(sorted({window for pair in PAIRS for window in (pair.long, pair.short)}))


def highest_rate(window: float) -> float:
    """The fastest burn that any pair waits for."""
    return max(pair.rate(window) for pair in PAIRS)


@dataclass(frozen=True, slots=True)
class Burn:
    """``value`` as above; ``rates`` by window; ``left`` is the share of the budget that is left, below 0 overspent."""

    value: float
    reason: str
    rates: Mapping[int, float]
    left: float


def told_by_one(slo: SloModel, interval: float) -> Pair | None:
    """The pair whose rate a single failed look reaches, so that it can tell a blip from an outage by number alone."""
    return next((pair for pair in PAIRS if interval / pair.long / slo.allowed >= pair.rate(slo.window)), None)


def burn_of(slo: SloModel, totals: Mapping[int, Totals], now: int, interval: float) -> Burn:
    """What the totals by window say of a target that is looked at every so many seconds.

    A window that is not there saw nothing and burns nothing.
    """
    rates = {window: _rate(slo, totals.get(window), window, now) for window in WINDOWS}
    left = 1 - _spent(slo, totals.get(int(slo.window)), now)
    for pair in PAIRS:
        needed = pair.rate(slo.window)
        if min(rates[pair.long], rates[pair.short]) >= needed and pair.repeated(totals, interval):
            return Burn(pair.value, _reason(slo, pair, rates, left), rates, left)
    return Burn(CALM, f"{left:.1%} of the error budget is left", rates, left)


def _rate(slo: SloModel, totals: Totals | None, window: int, now: int) -> float:
    """Times as fast as allowed; the time is the whole window's: after a long maintenance a blip is still a blip."""
    return min(1.0, totals.down / (now - begin_of(window, now))) / slo.allowed if totals is not None else 0.0


def _spent(slo: SloModel, totals: Totals | None, now: int) -> float:
    """The share of the budget that is spent; what was planned or unknown is no time that the objective is about."""
    if totals is None:
        return 0.0
    judged = now - begin_of(int(slo.window), now) - totals.maintenance - totals.unknown
    return min(1.0, totals.down / judged) / slo.allowed if judged > 0 else 0.0


def _reason(slo: SloModel, pair: Pair, rates: Mapping[int, float], left: float) -> str:
    long, short = format_duration(pair.long), format_duration(pair.short)
    budget = f"{slo.objective:g} % of {format_duration(slo.window)}"
    spent = f"{left:.1%} of the error budget is left" if left > 0 else f"the error budget is overspent by {-left:.1%}"
    return (
        f"downtime is {rates[pair.long]:.3g} times what {budget} allows over {long}, and {rates[pair.short]:.3g} times "
        f"over {short} (told from {pair.rate(slo.window):.3g} times on); {spent}"
    )
