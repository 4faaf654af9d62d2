"""What ``watchtower cost`` prints: what the rules' metrics cost in a month, as assumed or as counted by one poll."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from watchtower.clock import SystemClock
from watchtower.composition import make_plan, make_sources, open_doors
from watchtower.durations import format_duration
from watchtower.engine.plan import newest_slot
from watchtower.engine.polling import poll
from watchtower.engine.settings import EngineSettings
from watchtower.inventory.patterns import exact_value
from watchtower.sources.base import Poll

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchtower.config import Loaded
    from watchtower.model import PollResult, Trouble
    from watchtower.rulebook.rule import Rule
    from watchtower.sources.base import Unit

#: Dollars for one metric that GetMetricData is asked for (https://aws.amazon.com/cloudwatch/pricing/).
PRICE = 0.01 / 1000
#: Seconds of a month of thirty days.
MONTH = 30 * 86_400
#: The sources that ask for metrics; all others make calls that are free.
METERED = ("cloudwatch", "balance", "logs", "rds_balance", "quota")


@dataclass(frozen=True, slots=True)
class Cost:
    """One rule's share: ``metrics`` asked for every ``every`` seconds, and on what ``basis`` that is known."""

    rule: str
    every: int
    metrics: int
    monthly_usd: float
    basis: str


@dataclass(frozen=True, slots=True)
class Counted:
    """What one poll of every unit cost each rule, a poll and a month; ``troubles`` are polls that failed."""

    metrics: Counter[str]
    monthly: Counter[str]
    troubles: tuple[Trouble, ...]


def assumed(loaded: Loaded, each: int) -> list[Cost]:
    """The forecast without asking AWS; globs are taken for ``each`` series in every place. Pure."""
    return [_assumed(rule, _places(loaded, rule), each) for rule in _metered(loaded)]


def _metered(loaded: Loaded) -> list[Rule]:
    return sorted((rule for rule in loaded.rules if rule.enabled and rule.source in METERED), key=lambda one: one.name)


def _places(loaded: Loaded, rule: Rule) -> int:
    return sum(
        not rule.regions or region in rule.regions
        for account in loaded.config.aws.accounts
        if not rule.accounts or account.name in rule.accounts
        for region in account.regions
    )


def _assumed(rule: Rule, places: int, each: int) -> Cost:
    known = _exactly(rule)
    if rule.expect_series is not None:
        series, basis = rule.expect_series, "expect_series"
    elif known is not None:
        series, basis = known * places, "named exactly"
    else:
        series, basis = each * places, f"{each} series assumed in each account and region"
    per_series = len(rule.query.members) if rule.source == "cloudwatch" else 1
    every, metrics = rule.step or rule.period, series * per_series
    return Cost(rule.name, every, metrics, metrics * MONTH / every * PRICE, basis)


def _exactly(rule: Rule) -> int | None:
    """How many series a rule names in each place; None where that must be found out."""
    query = rule.query
    if rule.source == "cloudwatch":
        return None if any(one.open_names for one in query.members.values()) else 1
    if rule.source == "logs" and not query.groups.unlike:
        names = [exact_value(one) for one in query.groups.like]
        return None if None in names else len(names)
    return None


async def count(loaded: Loaded) -> Counted:
    """Poll every unit that asks for metrics once: what that cost is what each poll costs."""
    clock = SystemClock()
    patience = EngineSettings().poll_timeout
    async with open_doors(loaded.config) as doors:
        sources = make_sources(loaded.config, doors.aws, clock)
        plan, now = make_plan(loaded, sources), clock.now()
        units = [unit for unit in plan.units.values() if unit.source in METERED]
        polls = [poll(sources[unit.source], Poll(unit, newest_slot(unit, now), None, now), patience) for unit in units]
        try:
            return counted(list(zip(units, await asyncio.gather(*polls), strict=True)))
        finally:
            for source in sources.values():
                await source.close()


def counted(results: Sequence[tuple[Unit, PollResult]]) -> Counted:
    """The polls added up. Pure."""
    metrics, monthly = Counter[str](), Counter[str]()
    for unit, result in results:
        for rule, billed in result.billed.items():
            metrics[rule] += billed
            monthly[rule] += billed * MONTH // unit.every
    troubles = dict.fromkeys(trouble for _, result in results for trouble in result.troubles)
    return Counted(metrics, monthly, tuple(troubles))


def live(loaded: Loaded, found: Counted) -> list[Cost]:
    """The forecast from what was counted; a metric that several rules share is paid for by the first. Pure."""
    return [
        Cost(
            rule.name,
            rule.step or rule.period,
            found.metrics[rule.name],
            found.monthly[rule.name] * PRICE,
            "counted by one poll" if found.metrics[rule.name] else "counted by one poll: none, or shared",
        )
        for rule in _metered(loaded)
    ]


def cost_lines(costs: Sequence[Cost], loaded: Loaded) -> Iterator[str]:
    """The dearest first, then all together."""
    for one in sorted(costs, key=lambda cost: (-cost.monthly_usd, cost.rule)):
        metrics = "1 metric" if one.metrics == 1 else f"{one.metrics} metrics"
        yield f"{one.rule}: ${one.monthly_usd:.2f} a month: {metrics} every {format_duration(one.every)} ({one.basis})"
    others = sum(rule.enabled for rule in loaded.rules) - len(costs)
    free = f"; {others} more ask for no metrics" if others else ""
    yield f"${sum(one.monthly_usd for one in costs):.2f} a month for {_rules(len(costs))}{free}"


def _rules(number: int) -> str:
    return "1 rule" if number == 1 else f"{number} rules"


def cost_report(costs: Sequence[Cost], troubles: Sequence[Trouble] = ()) -> dict[str, Any]:
    """The same as data."""
    return {
        "monthly_usd": round(sum(one.monthly_usd for one in costs), 4),
        "rules": [asdict(one) | {"monthly_usd": round(one.monthly_usd, 4)} for one in costs],
        "troubles": [asdict(one) for one in troubles],
    }
