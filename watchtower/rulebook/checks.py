"""What no single key can know: faults of a rule as a whole.

Each check is a pure function from a draft to its faults and looks only at keys that could be read, so that one
mistake neither hides another nor invents one.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from watchtower.rulebook.conditions import Kind, implies
from watchtower.rulebook.schema import RuleModel
from watchtower.sources.table import LATER_SOURCES, SOURCES
from watchtower.yamlfile import did_you_mean, mistyped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from watchtower.faults import Fault
    from watchtower.rulebook.draft import Draft
    from watchtower.rulebook.rule import Level
    from watchtower.yamlfile import Location

#: Labels every alert carries by itself.
AUTOMATIC = frozenset({"alert", "alertname", "group", "source", "priority", "environment"})
#: Those that templates see: ``alertname`` is an alias that only matchers know.
_RENDERED = AUTOMATIC - {"alertname"}


def check(draft: Draft, label_tags: Collection[str]) -> Iterator[Fault]:
    """Every fault of the rule as a whole; ``label_tags`` are the labels that configured tags add."""
    for one in _CHECKS:
        yield from one(draft)
    yield from _unknown_labels(draft, label_tags)


def _required(draft: Draft) -> Iterator[Fault]:
    for key in ("alert", "when"):
        if key not in draft.raw and not _mistyped(draft, (key,)):
            yield draft.fault((), f"`{key}` is missing: a rule has alert, one source, and when")
    if draft.raw.get("when") == {}:
        yield draft.fault(("when",), '`when` is empty: say at least one condition, like {P2: "> 80"}')
    if not draft.sources and not _mistyped(draft, (*SOURCES, *LATER_SOURCES)):
        yield draft.fault((), f"the rule has no source; give one of {', '.join(SOURCES)}")


def _mistyped(draft: Draft, wanted: Collection[str]) -> bool:
    return mistyped(draft.raw, RuleModel.model_fields, wanted)


def _sources(draft: Draft) -> Iterator[Fault]:
    for extra in draft.sources[1:]:
        yield draft.fault(
            (extra,), f"a rule has exactly one source; this one has `{draft.sources[0]}` already", key=True
        )
    for name in draft.sources:
        if name in LATER_SOURCES:
            yield draft.fault((name,), f"`{name}` is not supported yet", key=True)


def _empty_sources(draft: Draft) -> Iterator[Fault]:
    for name in draft.sources:
        if name in SOURCES and draft.raw[name] is None:
            yield draft.fault((name,), f"`{name}` is empty: say what to ask", key=True)


def _later_keys(draft: Draft) -> Iterator[Fault]:
    model = draft.model
    given: dict[str, Any] = {
        "expect_series": model.expect_series is not None,
        "overrides": bool(model.overrides),
        "window": model.window != "grid",
        "vanished": model.vanished.do != "hold" or model.vanished.after is not None,
    }
    for key, is_given in given.items():
        if is_given:
            what = f"`{key}: {model.window}`" if key == "window" else f"`{key}`"
            yield draft.fault((key,), f"{what} is not supported yet", key=True)


def _conditions(draft: Draft) -> Iterator[Fault]:
    if any(name in LATER_SOURCES for name in draft.sources):
        return
    for loc, condition in _all_conditions(draft):
        if condition.kind in (Kind.BAND, Kind.ALARM):
            yield draft.fault(loc, f"the condition `{condition.text}` is not supported yet")
        elif condition.kind is Kind.DOWN and not _asks_success(draft):
            yield draft.fault(loc, "`down` is for probes that ask for success; compare the value with a number")


def _all_conditions(draft: Draft) -> Iterator[tuple[Location, Any]]:
    for priority, level in draft.model.when.items():
        yield _place(draft, priority), level.when
    if draft.model.recover and draft.model.recover.when:
        yield ("recover", "when"), draft.model.recover.when


def _asks_success(draft: Draft) -> bool:
    if len(draft.sources) == 1 and draft.sources[0] == "probe":
        return draft.query is None or draft.query.value == "success"
    return len(draft.sources) != 1 or draft.spec is None


def _ranges(draft: Draft) -> Iterator[Fault]:
    slots = draft.model.evaluation_range
    if slots is None:
        return
    places: dict[Location, int] = {}
    for level in draft.levels:
        own = draft.model.when[level.priority.name].datapoints is not None  # type: ignore[index]
        places[("when", level.priority.name, "datapoints") if own else ("datapoints",)] = level.of
    if draft.recover:
        places["recover", "datapoints"] = draft.recover.of
    for loc, of in places.items():
        if of > slots:
            yield draft.fault(loc, f"{of} datapoints do not fit into the evaluation range of {slots}")


def _order(draft: Draft) -> Iterator[Fault]:
    for urgent, lesser in combinations(draft.levels, 2):
        if _never_reached(lesser, urgent):
            yield draft.fault(
                _place(draft, urgent.priority.name),
                f"{lesser.priority} can never be reached: `{urgent.condition.text}` for the more urgent "
                f"{urgent.priority} holds whenever `{lesser.condition.text}` does",
            )


def _never_reached(lesser: Level, urgent: Level) -> bool:
    """Whenever ``lesser`` is in ALARM, ``urgent`` is too: no fewer breaches are needed, in no wider a window."""
    fits = urgent.needed <= lesser.needed and urgent.of >= lesser.of
    return fits and implies(lesser.condition, urgent.condition) is True


def _recover(draft: Draft) -> Iterator[Fault]:
    if draft.recover is None or draft.recover.condition is None:
        return
    for level in draft.levels:
        if implies(draft.recover.condition, level.condition) is True:
            text = f"`{draft.recover.condition.text}` holds only while {level.priority} `{level.condition.text}` does"
            yield draft.fault(("recover", "when"), f"recover can never hold: {text}")
            return


def _place(draft: Draft, priority: str) -> Location:
    """Where a priority's condition stands: directly, or under ``when`` of a mapping."""
    inner: Location = ("when", priority, "when")
    return inner if draft.document.holds((*draft.loc, *inner)) else inner[:2]


def _own_labels(draft: Draft) -> Iterator[Fault]:
    identity = draft.spec.identity_of(draft.query) if draft.spec and draft.query else frozenset()
    for loc, name in draft.own_labels():
        if name in AUTOMATIC or name in identity:
            message = f"the label `{name}` is set by Watchtower itself; choose another name"
            yield draft.document.fault(loc, message, key=True)


def _unknown_labels(draft: Draft, label_tags: Collection[str]) -> Iterator[Fault]:
    if draft.spec is None or draft.query is None:
        return
    given = _RENDERED | draft.spec.identity_of(draft.query) | draft.spec.context_of(draft.query)
    if draft.spec.placed:
        given |= frozenset(label_tags)
    own = {name for _, name in draft.own_labels()}
    for templates, known in ((draft.label_templates(), given), (draft.templates(), given | own)):
        for loc, template in templates:
            for name in sorted(template.label_names() - known):
                hint = did_you_mean(name, known)
                message = f"no alert of {draft.name or 'this rule'} can carry the label `{name}`{hint}"
                yield draft.document.fault(loc, message)


_CHECKS: tuple[Callable[[Draft], Iterator[Fault]], ...] = (
    _required,
    _sources,
    _empty_sources,
    _later_keys,
    _conditions,
    _ranges,
    _order,
    _recover,
    _own_labels,
)
