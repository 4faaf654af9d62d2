"""Results wanted by many rules, packed into as few GetMetricData calls as possible."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from watchtower.aws.metricdata import MAX_QUERIES
from watchtower.sources.cloudwatch.expression import renamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchtower.model import Labels
    from watchtower.sources.cloudwatch.series import Expansion, Stat, Wanted

#: Statistics of one metric that AWS bills as one (https://aws.amazon.com/cloudwatch/pricing/).
STATISTICS_PER_METRIC = 5

Metric = tuple[str, str, "Labels"]


@dataclass(slots=True)
class Call:
    """One GetMetricData call: its queries, which query answers which want, and what it costs each rule."""

    period: int
    stats: dict[Stat, str] = field(default_factory=dict)
    returned: dict[str, Wanted] = field(default_factory=dict)
    expressions: dict[str, str] = field(default_factory=dict)
    payers: dict[Metric, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Queries in the call."""
        return len(self.stats) + len(self.expressions)

    def room_for(self, block: Iterable[Wanted]) -> bool:
        """Whether the block fits whole."""
        new = {stat for wanted in block for _, stat in wanted.stats if stat not in self.stats}
        return self.size + len(new) + sum(wanted.expression is not None for wanted in block) <= MAX_QUERIES

    def add(self, wanted: Wanted, payer: str) -> None:
        """Ask for one more result; metrics the call has already are shared."""
        names = {name: self._stat(stat, payer) for name, stat in wanted.stats}
        if wanted.expression is None:
            [result] = names.values()
        else:
            result = f"e{len(self.expressions)}"
            self.expressions[result] = renamed(wanted.expression, names)
        self.returned[result] = wanted

    def _stat(self, stat: Stat, payer: str) -> str:
        self.payers.setdefault(stat.billed_as, payer)
        return self.stats.setdefault(stat, f"q{len(self.stats)}")

    def queries(self) -> list[dict[str, Any]]:
        """The MetricDataQueries of the request."""
        plain = [
            {"Id": name, "MetricStat": _metric_stat(stat, self.period), "ReturnData": name in self.returned}
            for stat, name in self.stats.items()
        ]
        math = [
            {"Id": name, "Expression": text, "Period": self.period, "ReturnData": True}
            for name, text in self.expressions.items()
        ]
        return plain + math

    def billed(self) -> Counter[str]:
        """Metrics AWS bills, by the rule that asked first."""
        statistics = Counter(stat.billed_as for stat in self.stats)
        billed: Counter[str] = Counter()
        for metric, count in statistics.items():
            billed[self.payers[metric]] += ceil(count / STATISTICS_PER_METRIC)
        return billed


def _metric_stat(stat: Stat, period: int) -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in stat.dimensions.items()]
    metric = {"Namespace": stat.namespace, "MetricName": stat.metric, "Dimensions": named}
    return {"Metric": metric, "Period": period, "Stat": stat.statistic}


def pack(payers: Mapping[Wanted, str], period: int) -> list[Call]:
    """The calls that answer every want; ``payers`` names the rule that asked first.

    Wants that begin with the same metric stay in one call, so that its statistics are billed once; an expression
    never parts from its metrics, because metric math reads only its own call.
    """
    calls: list[Call] = []
    for block in _blocks(payers):
        if not calls or not calls[-1].room_for(block):
            calls.append(Call(period))
        for wanted in block:
            if not calls[-1].room_for([wanted]):
                calls.append(Call(period))
            calls[-1].add(wanted, payers[wanted])
    return calls


def _blocks(wants: Iterable[Wanted]) -> list[list[Wanted]]:
    blocks: defaultdict[Metric, list[Wanted]] = defaultdict(list)
    for wanted in wants:
        blocks[wanted.stats[0][1].billed_as].append(wanted)
    return list(blocks.values())


def shopping_lists(expansions: Iterable[Expansion]) -> list[tuple[int, dict[Wanted, str]]]:
    """What all rules want, each result once, as (slots, {want: the rule that asked first}).

    Rules that look back about as far share calls; a rule that looks back very far does not make the others fetch
    as many datapoints.
    """
    slots: dict[Wanted, int] = {}
    payers: dict[Wanted, str] = {}
    for expansion in expansions:
        for series in expansion.series:
            for wanted in series.wants:
                slots[wanted] = max(slots.get(wanted, 0), expansion.ask.slots)
                payers.setdefault(wanted, expansion.ask.rule)
    lists: defaultdict[int, dict[Wanted, str]] = defaultdict(dict)
    for wanted, count in slots.items():
        lists[_reach(count)][wanted] = payers[wanted]
    return [(max(slots[wanted] for wanted in wants), wants) for _, wants in sorted(lists.items())]


def _reach(slots: int) -> int:
    """The class of look-backs: up to 8 slots, up to 32, up to 128 and so on."""
    reach = 8
    while reach < slots:
        reach *= 4
    return reach
