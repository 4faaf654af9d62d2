"""What makes a composite one that can work: its own keys, the rules it names, and that none waits for itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from watchtower.rulebook.always import Sense, sense
from watchtower.rulebook.conditions import Kind
from watchtower.rulebook.rule import AUTOMATIC
from watchtower.sources.composite import CompositeQuery
from watchtower.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from watchtower.faults import Fault
    from watchtower.rulebook.draft import Draft
    from watchtower.rulebook.rule import Rule
    from watchtower.yamlfile import Location

COMPOSITE = CompositeQuery.source

#: Watchtower's own alerts may be named too; no file defines them.
_OWN = "Watchtower"

#: Keys that belong to a composite, and to nothing else.
_ONLY_COMPOSITES = ("by", "suppressor")

_NO_DATAPOINTS = "a composite looks at no datapoints; give `{key}` to the rules it names"
_NO_SERIES = "a composite has no series of its own; give `{key}` to the rules it names"
_EVERYWHERE = "a composite looks at all alerts of the rules it names; with `by` it tells them apart"

#: Keys that a composite cannot have, and why.
_REFUSED: Mapping[str, str] = {
    "datapoints": _NO_DATAPOINTS,
    "missing": _NO_DATAPOINTS,
    "evaluation_range": _NO_DATAPOINTS,
    "window": _NO_DATAPOINTS,
    "max_page_age": _NO_DATAPOINTS,
    "recover": "a composite recovers with the rules it names; give `{key}` to them",
    "overrides": _NO_SERIES,
    "vanished": _NO_SERIES,
    "flapping": _NO_SERIES,
    "expect_series": _NO_SERIES,
    "accounts": _EVERYWHERE,
    "regions": _EVERYWHERE,
}


def own_faults(draft: Draft) -> Iterator[Fault]:
    """What is wrong with one rule as a composite, or with composites' keys in another rule."""
    if COMPOSITE not in draft.sources:
        for key in _ONLY_COMPOSITES:
            if key in draft.raw and draft.sources:
                yield draft.fault((key,), f"`{key}` belongs to a composite; leave it out", key=True)
        return
    for key, why in _REFUSED.items():
        if key in draft.raw:
            yield draft.fault((key,), why.format(key=key), key=True)
    yield from _conditions(draft)
    yield from _groups(draft)


def _conditions(draft: Draft) -> Iterator[Fault]:
    for priority, level in draft.model.when.items():
        place: Location = ("when", priority)
        if level.when.kind is not Kind.ALARM:
            where = (*place, "when") if draft.document.holds((*draft.loc, *place, "when")) else place
            message = f"a composite is in ALARM or it is not: its condition is `ALARM`, not `{level.when.text}`"
            yield draft.fault(where, message)
        if level.datapoints is not None:
            yield draft.fault((*place, "datapoints"), _NO_DATAPOINTS.format(key="datapoints"), key=True)


def _groups(draft: Draft) -> Iterator[Fault]:
    for number, label in enumerate(draft.model.by):
        if label in AUTOMATIC:
            message = f"the label `{label}` is set by Watchtower itself; group by labels of the rules that are named"
            yield draft.fault(("by", number), message)
        elif label in draft.model.by[:number]:
            yield draft.fault(("by", number), f"`{label}` is in `by` already")


@dataclass(frozen=True, slots=True)
class _Mention:
    """Where a composite names a rule; ``offset`` is the place in the text there."""

    name: str
    loc: Location
    offset: int = 0


@dataclass(frozen=True)
class _Composite:
    """A draft that is a composite, its query read."""

    draft: Draft
    query: CompositeQuery

    @cached_property
    def operands(self) -> tuple[_Mention, ...]:
        found = self.query.expression.operands()
        return tuple(_Mention(operand.name, (COMPOSITE,), operand.offset) for operand in found)

    @cached_property
    def mentions(self) -> tuple[_Mention, ...]:
        suppressor = self.query.suppressor
        return (*self.operands, *([_Mention(suppressor.alert, ("suppressor", "alert"))] if suppressor else []))

    def fault(self, mention: _Mention, message: str) -> Fault:
        loc = (*self.draft.loc, *mention.loc)
        return self.draft.document.fault(loc, message, offset=mention.offset)


def composite_faults(drafts: Sequence[Draft], label_tags: Collection[str]) -> Iterator[Fault]:
    """What is wrong between composites and the rules they name; ``label_tags`` are the labels that tags add."""
    named = {draft.name: draft for draft in reversed(drafts) if draft.name is not None}
    composites = [_Composite(draft, draft.query) for draft in drafts if isinstance(draft.query, CompositeQuery)]
    for composite in composites:
        yield from _unknown(composite, named)
        yield from _ungroupable(composite, named, label_tags)
        yield from _impossible(composite)
    yield from _circles({each.draft.name: each for each in composites if each.draft.name is not None})


def _unknown(composite: _Composite, named: Mapping[str, Draft]) -> Iterator[Fault]:
    for mention in composite.mentions:
        if mention.name not in named:
            if not mention.name.startswith(_OWN):
                yield composite.fault(mention, f"no rule is called `{mention.name}`{did_you_mean(mention.name, named)}")
        elif composite.draft.model.enabled and not named[mention.name].model.enabled:
            yield composite.fault(mention, f"`{mention.name}` is disabled: nothing is ever known of it")


def _ungroupable(composite: _Composite, named: Mapping[str, Draft], label_tags: Collection[str]) -> Iterator[Fault]:
    for name in dict.fromkeys(mention.name for mention in composite.operands):
        carried = _carried(named[name], label_tags) if name in named else None
        for number, label in _labels(composite.query.by):
            if carried is not None and label not in carried:
                hint = did_you_mean(label, carried)
                message = f"no alert of {name} can carry the label `{label}`, so it is in no group{hint}"
                yield composite.draft.fault(("by", number), message)


_NEVER = {
    Sense.NEVER: "it can never be true: no states of the rules it names make it so",
    Sense.ONLY_UNSEEN: (
        "it can never be true: only where all alerts are OK it would be, and with `by` nothing is known of such groups"
    ),
}


def _impossible(composite: _Composite) -> Iterator[Fault]:
    said = _NEVER.get(sense(composite.query))
    if said and composite.operands:  # FALSE alone is meant
        yield composite.draft.fault((COMPOSITE,), said)


def always_true(draft: Draft) -> str | None:
    """What is dubious about when a composite is true; None where it is in order, or the rule is none."""
    if not isinstance(draft.query, CompositeQuery):
        return None
    said = sense(draft.query)
    if said is Sense.NEVER and not draft.query.operands:
        return "it is never true"
    if said is Sense.ALWAYS:
        return "it is always true: whatever the rules it names say"
    if said is Sense.ALSO_UNSEEN:
        return "it is true where all alerts are OK too, but with `by` nothing is known of such groups"
    return None


def _labels(by: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The labels that may group, each once; the others are told already."""
    return ((number, label) for number, label in enumerate(by) if label not in AUTOMATIC | set(by[:number]))


def _carried(draft: Draft, label_tags: Collection[str]) -> frozenset[str] | None:
    """The labels that alerts of a rule can have besides the automatic ones; None where its query cannot be read."""
    if draft.spec is None or draft.query is None:
        return None
    own = {name for _, name in draft.own_labels()}
    tags = label_tags if draft.spec.placed else ()
    return draft.spec.identity_of(draft.query) | draft.spec.context_of(draft.query) | own | set(tags)


def _circles(composites: Mapping[str, _Composite]) -> Iterator[Fault]:
    """Each circle once, at the composite that stands first in it."""
    told: set[frozenset[str]] = set()
    for name in composites:
        circle = _circle(composites, name)
        if circle and frozenset(circle) not in told:
            told.add(frozenset(circle))
            composite = composites[name]
            onward = circle[1] if len(circle) > 1 else name
            mention = next(each for each in composite.mentions if each.name == onward)
            way = " -> ".join([*circle, name])
            yield composite.fault(mention, f"a composite cannot wait for itself: {way}")


def _circle(composites: Mapping[str, _Composite], start: str) -> list[str]:
    """The shortest way from a composite back to itself, without its end; empty when there is none."""
    ways = [[start]]
    seen = {start}
    for way in ways:
        for mention in composites[way[-1]].mentions:
            if mention.name == start:
                return way
            if mention.name in composites and mention.name not in seen:
                seen.add(mention.name)
                ways.append([*way, mention.name])
    return []


def in_order(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The composites among the rules, each after those that it reads; the rules have no circle."""
    composites = {rule.name: rule for rule in rules if isinstance(rule.query, CompositeQuery)}
    ordered: dict[str, Rule] = {}

    def visit(rule: Rule) -> None:
        for name in sorted(rule.query.reads):
            if name in composites and name not in ordered:
                visit(composites[name])
        ordered.setdefault(rule.name, rule)

    for rule in composites.values():
        visit(rule)
    return tuple(ordered.values())
