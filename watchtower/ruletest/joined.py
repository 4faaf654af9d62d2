"""Composites in a test: which of them take part, and where their groups stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.evaluation.operands import because, grouped, standings
from watchtower.model import EMPTY, Labels
from watchtower.rulebook.composite import in_order
from watchtower.sources.composite import CompositeQuery

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from watchtower.model import AlertState
    from watchtower.rulebook.rule import Rule


def taking_part(rules: Mapping[str, Rule], with_series: Collection[str], named: Iterable[str]) -> tuple[Rule, ...]:
    """The composites of a test, each after those that it reads.

    Those that the test names, with the composites that they read, and those of which every operand takes part: a test
    of one rule alone is not asked about all that is built on it.
    """
    chosen: set[str] = set()
    for name in named:
        _choose(rules, name, chosen)
    ordered = [rule for rule in in_order(rules.values()) if rule.enabled]
    for rule in ordered:
        operands = rule.query.operands
        if operands and all(name in with_series or name in chosen for name in operands):
            chosen.add(rule.name)
    return tuple(rule for rule in ordered if rule.name in chosen)


def _choose(rules: Mapping[str, Rule], name: str, chosen: set[str]) -> None:
    rule = rules.get(name)
    if rule is None or name in chosen or not isinstance(rule.query, CompositeQuery):
        return
    chosen.add(name)
    for operand in rule.query.reads:
        _choose(rules, operand, chosen)


def groups(rule: Rule, carried: Iterable[Labels]) -> set[Labels]:
    """The groups of a composite whose operands' series carry these labels; without ``by`` there is one."""
    names = rule.query.by
    if not names:
        return {EMPTY}
    return {Labels([(name, labels[name]) for name in names if labels.get(name)]) for labels in carried}


def reason(rule: Rule, group: Labels, states: Sequence[AlertState]) -> str:
    """Why the composite is what it is in this group, by the remembered states of the rules that it reads."""
    query: CompositeQuery = rule.query
    return because(query.expression.root, standings(grouped(query, states).get(group, {})))
