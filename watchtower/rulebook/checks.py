"""What no single key can know: faults of a rule as a whole.

Each check is a pure function from a draft to its faults and looks only at keys that could be read, so that one
mistake neither hides another nor invents one.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from watchtower.matchers import parse_matchers
from watchtower.model import Priority
from watchtower.rulebook.composite import COMPOSITE, own_faults
from watchtower.rulebook.conditions import Interval, Kind, hold_together, implies
from watchtower.rulebook.rule import AUTOMATIC
from watchtower.rulebook.schema import RuleModel
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.table import SOURCES
from watchtower.templates import label_names
from watchtower.yamlfile import did_you_mean, mistyped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from watchtower.faults import Fault
    from watchtower.rulebook.conditions import Condition
    from watchtower.rulebook.draft import Draft
    from watchtower.rulebook.rule import Level
    from watchtower.rulebook.schema import OverrideModel
    from watchtower.yamlfile import Location

#: Those that templates see: ``alertname`` is an alias that only matchers know.
_RENDERED = AUTOMATIC - {"alertname"}
_OF_VALUES = frozenset({Kind.COMPARE, Kind.OUTSIDE, Kind.DOWN})


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
    if not draft.sources and not _mistyped(draft, SOURCES):
        yield draft.fault((), f"the rule has no source; give one of {', '.join(SOURCES)}")


def _mistyped(draft: Draft, wanted: Collection[str]) -> bool:
    return mistyped(draft.raw, RuleModel.model_fields, wanted)


def _sources(draft: Draft) -> Iterator[Fault]:
    for extra in draft.sources[1:]:
        yield draft.fault(
            (extra,), f"a rule has exactly one source; this one has `{draft.sources[0]}` already", key=True
        )


def _empty_sources(draft: Draft) -> Iterator[Fault]:
    for name in draft.sources:
        if name in SOURCES and draft.raw[name] is None:
            yield draft.fault((name,), f"`{name}` is empty: say what to ask", key=True)


def _window(draft: Draft) -> Iterator[Fault]:
    if COMPOSITE in draft.sources:
        return
    if draft.model.window == "sliding" and draft.spec is not None and not draft.spec.slides:
        yield draft.fault(("window",), f"a {draft.spec.name} has no window that slides; leave `window` out")


def _priorities(draft: Draft) -> Iterator[Fault]:
    if draft.spec is None or draft.query is None:
        return
    calmest, reason = draft.spec.most_urgent_of(draft.query)
    places = [(_place(draft, priority), priority) for priority in draft.model.when]
    for number, override in enumerate(draft.model.overrides):
        places += [(_place(draft, priority, ("overrides", number)), priority) for priority in override.when]
    for place, priority in places:
        if Priority[priority] < calmest:
            yield draft.fault(place, f"{reason}; {priority} would wake somebody", key=True)


def _conditions(draft: Draft) -> Iterator[Fault]:
    if COMPOSITE in draft.sources:
        return
    for loc, condition in _all_conditions(draft):
        if condition.kind is Kind.BAND and not _has_band(draft):
            yield draft.fault(
                loc, f"`{condition.text}` needs `band:` beside the metric, a number of standard deviations"
            )
        elif condition.kind is Kind.ALARM:
            yield draft.fault(loc, '`ALARM` is for composites; compare the value with a number, like "> 80"')
        elif condition.kind is Kind.DOWN and not _asks_success(draft):
            yield draft.fault(
                loc, "`down` is for heartbeats and probes that ask for success; compare the value with a number"
            )


def _has_band(draft: Draft) -> bool:
    """Whether the query asks for a band; one that is faulty may."""
    return draft.query is None or getattr(draft.query, "band", None) is not None


def _bands(draft: Draft) -> Iterator[Fault]:
    asked = draft.query is not None and _has_band(draft)
    if asked and not any(condition.kind is Kind.BAND for _, condition in _all_conditions(draft)):
        text = "no condition looks at the band; write `above band`, `below band` or `outside band`"
        yield draft.fault((draft.sources[0], "band"), text)


def _all_conditions(draft: Draft) -> Iterator[tuple[Location, Any]]:
    for priority, level in draft.model.when.items():
        yield _place(draft, priority), level.when
    for number, override in enumerate(draft.model.overrides):
        for priority, level in override.when.items():
            yield _place(draft, priority, ("overrides", number)), level.when
    if draft.model.recover and draft.model.recover.when:
        yield ("recover", "when"), draft.model.recover.when


def _asks_success(draft: Draft) -> bool:
    if draft.sources == ["heartbeat"]:
        return True
    if len(draft.sources) == 1 and draft.sources[0] == "probe":
        return draft.query is None or draft.query.value == "success"
    return len(draft.sources) != 1 or draft.spec is None


def _ranges(draft: Draft) -> Iterator[Fault]:
    slots = draft.model.evaluation_range
    if slots is None:
        return
    places = dict(_counted(draft, (), draft.levels, draft.model))
    for number, (given, override) in enumerate(zip(draft.model.overrides, draft.overrides, strict=True)):
        places.update(_counted(draft, ("overrides", number), override.levels, given))
    if draft.recover:
        places["recover", "datapoints"] = draft.recover.of
    for loc, of in places.items():
        if of > slots:
            yield draft.fault(loc, f"{of} datapoints do not fit into the evaluation range of {slots}")


def _counted(
    draft: Draft, at: Location, levels: Iterable[Level], model: RuleModel | OverrideModel
) -> Iterator[tuple[Location, int]]:
    """Where the N of these levels are written; one that an override takes over from the rule is the rule's."""
    for level in levels:
        named = model.when.get(level.priority.name)  # type: ignore[call-overload]
        if named is not None and named.datapoints is not None:
            yield (*at, "when", level.priority.name, "datapoints"), level.of
        elif draft.document.holds((*draft.loc, *at, "datapoints")):
            yield (*at, "datapoints"), level.of


def _order(draft: Draft) -> Iterator[Fault]:
    yield from _unreachable(draft, (), draft.levels)
    for number, override in enumerate(draft.overrides):
        yield from _unreachable(draft, ("overrides", number), override.levels)


def _unreachable(draft: Draft, at: Location, levels: Sequence[Level]) -> Iterator[Fault]:
    """Levels that never speak; of an override only where the rule's own order is sound."""
    for urgent, lesser in combinations(levels, 2):
        if _never_reached(lesser, urgent) and (not at or not _both_known(draft, urgent, lesser)):
            yield draft.fault(
                _place(draft, urgent.priority.name, at),
                f"{lesser.priority} can never be reached: `{urgent.condition.text}` for the more urgent "
                f"{urgent.priority} holds whenever `{lesser.condition.text}` does",
            )


def _both_known(draft: Draft, urgent: Level, lesser: Level) -> bool:
    return urgent in draft.levels and lesser in draft.levels


def _never_reached(lesser: Level, urgent: Level) -> bool:
    """Whenever ``lesser`` is in ALARM, ``urgent`` is too: no fewer breaches are needed, in no wider a window."""
    fits = urgent.needed <= lesser.needed and urgent.of >= lesser.of
    return fits and implies(lesser.condition, urgent.condition) is True


def _recover(draft: Draft) -> Iterator[Fault]:
    condition = draft.recover.condition if draft.recover else None
    loc: Location = ("recover", "when") if condition else ("recover",) if draft.recover else ("when",)
    for levels in (draft.levels, *(override.levels for override in draft.overrides)):
        # Without `recover` an alert ends where too few datapoints breach, whatever each of them does.
        if draft.recover or all(level.needed == 1 for level in levels):
            why = _never_recovers(condition, levels)
            if why:
                yield draft.fault(loc, f"recover can never hold: {why}", key=not condition)
                return


def _never_recovers(recover: Condition | None, levels: Sequence[Level]) -> str:
    """Why nothing shows that it is over; empty when something may."""
    if recover is not None and recover.kind is Kind.NO_DATA:
        return "`no_data` shows nothing that is well; compare the value, or leave `when` out"
    for level in levels if recover else ():
        if recover and implies(recover, level.condition) is True:
            return f"`{recover.text}` holds only while {level.priority} `{level.condition.text}` does"
    united = hold_together([level.condition for level in levels if level.condition.kind in _OF_VALUES])
    if recover is None and united.intervals == (Interval(),):
        return f"every value breaches one of {_texts(levels)}"
    if recover is not None and recover.kind in _OF_VALUES and implies(recover, united) is True:
        return f"`{recover.text}` holds only while one of {_texts(levels)} does"
    return ""


def _texts(levels: Sequence[Level]) -> str:
    return ", ".join(f"{level.priority} `{level.condition.text}`" for level in levels)


def _place(draft: Draft, priority: str, at: Location = ()) -> Location:
    """Where a priority's condition stands: directly, or under ``when`` of a mapping; else the override itself."""
    for inner in ((*at, "when", priority, "when"), (*at, "when", priority)):
        if draft.document.holds((*draft.loc, *inner)):
            return inner
    return at


def _own_labels(draft: Draft) -> Iterator[Fault]:
    identity = draft.spec.identity_of(draft.query) if draft.spec and draft.query else frozenset()
    for loc, name in draft.own_labels():
        # A label of the whole file is no mistake of a composite that groups by it; the group's value wins.
        grouped = COMPOSITE in draft.sources and loc[0] == "labels"
        if name in AUTOMATIC or (name in identity and not grouped):
            message = f"the label `{name}` is set by Watchtower itself; choose another name"
            yield draft.document.fault(loc, message, key=True)


def _unknown_labels(draft: Draft, label_tags: Collection[str]) -> Iterator[Fault]:
    if draft.spec is None or draft.query is None:
        return
    given = _RENDERED | draft.spec.identity_of(draft.query) | draft.spec.context_of(draft.query)
    if draft.spec.placed or (isinstance(draft.query, ProbeQuery) and draft.query.where and draft.query.where.aws):
        given |= frozenset(label_tags)
    if COMPOSITE not in draft.sources:
        yield from _override_labels(draft, given)
    own = {name for _, name in draft.own_labels()}
    for templates, known in ((draft.label_templates(), given), (draft.templates(), given | own)):
        for loc, text in templates:
            for name in sorted(label_names(text) - known if isinstance(text, str) else ()):
                hint = did_you_mean(name, known)
                message = f"no alert of {draft.name or 'this rule'} can carry the label `{name}`{hint}"
                yield draft.document.fault(loc, message)


def _override_labels(draft: Draft, given: Collection[str]) -> Iterator[Fault]:
    """Matchers that read what no series has: a mistyped name, or what only a priority adds."""
    known = {"alertname", *given, *draft.file.labels, *draft.model.labels} - {"priority"}
    for number, override in enumerate(draft.model.overrides):
        for place, text in enumerate(override.match):
            for name in (matcher.name for matcher in parse_matchers([text]) if matcher.name not in known):
                message = f"an override chooses series, and none of {draft.name or 'this rule'} has the label `{name}`"
                yield draft.fault(("overrides", number, "match", place), message + did_you_mean(name, known))


_CHECKS: tuple[Callable[[Draft], Iterator[Fault]], ...] = (
    _required,
    _sources,
    _empty_sources,
    _window,
    own_faults,
    _priorities,
    _conditions,
    _bands,
    _ranges,
    _order,
    _recover,
    _own_labels,
)
