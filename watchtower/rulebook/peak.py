"""Named events, such as a festival, in which a rule of probes looks more often or is stricter.

Pure. A rule carries its events; which of them is in force hangs on the time, and makes another rule of the same name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.rulebook.conditions import Kind
from watchtower.rulebook.draft import levels_of
from watchtower.rulebook.rule import Peak

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from watchtower.faults import Fault
    from watchtower.rulebook.draft import Draft
    from watchtower.rulebook.rule import Rule
    from watchtower.rulebook.schema import PeakModel
    from watchtower.yamlfile import Location

_JUDGED = frozenset({Kind.COMPARE, Kind.OUTSIDE, Kind.DOWN, Kind.NO_DATA})


def in_force(rules: Iterable[Rule], now: datetime) -> tuple[Rule, ...]:
    """The rules as they are at ``now``: of several events the first that goes on counts."""
    return tuple(next((peak.rule for peak in rule.peaks if peak.start <= now < peak.end), rule) for rule in rules)


def next_change(rules: Iterable[Rule], now: datetime) -> datetime | None:
    """When an event begins or ends next."""
    moments = (moment for rule in rules for peak in rule.peaks for moment in (peak.start, peak.end))
    return min((moment for moment in moments if moment > now), default=None)


def going_on(rules: Iterable[Rule], now: datetime) -> list[str]:
    """The names of the events that go on."""
    return sorted({peak.name for rule in rules for peak in rule.peaks if peak.start <= now < peak.end})


def peaks_of(rule: Rule, draft: Draft) -> tuple[Peak, ...]:
    """What the rule is in each of its events."""
    return tuple(Peak(each.name, each.start, each.end, _tightened(rule, draft, each)) for each in draft.model.peak)


def _tightened(rule: Rule, draft: Draft, peak: PeakModel) -> Rule:
    levels = levels_of({**draft.model.when, **peak.when}, peak.datapoints or draft.model.datapoints)
    query = rule.query if peak.interval is None else rule.query.model_copy(update={"interval": peak.interval})
    longest = max(level.of for level in levels)
    return replace(rule, levels=levels, query=query, period=query.period, slots=max(rule.slots, longest + 2))


def peak_faults(drafts: Iterable[Draft]) -> Iterator[Fault]:
    """Events of what is not probed, that would loosen a rule, or that it cannot follow."""
    for draft in drafts:
        if "peak" in draft.raw and draft.spec is not None and draft.spec.name != "probe":
            yield draft.fault(("peak",), f"`peak` is for probes; leave it out of a {draft.spec.name}", key=True)
            continue
        for number, peak in enumerate(draft.model.peak if draft.query is not None else ()):
            place: Location = ("peak", number) if isinstance(draft.raw["peak"], list) else ("peak",)
            if peak.interval is None and not peak.when and peak.datapoints is None:
                yield draft.fault(place, "a peak changes `interval`, `when` or `datapoints`")
            if peak.end <= peak.start:
                yield draft.fault(place, "this peak never comes: `to` does not lie after `from`")
            yield from _interval(draft, peak, (*place, "interval"))
            for priority, level in peak.when.items():
                if level.when.kind not in _JUDGED or (level.when.kind is Kind.DOWN and draft.query.value != "success"):
                    loc = (*place, "when", priority)
                    yield draft.fault(loc, f"`{level.when.text}` does not fit the {draft.query.value} of a probe")


def _interval(draft: Draft, peak: PeakModel, loc: Location) -> Iterator[Fault]:
    interval, query = peak.interval, draft.query
    if interval is None:
        return
    said = format_duration(interval)
    if interval < 1 or interval != int(interval):
        yield draft.fault(loc, f"interval is whole seconds, at least 1s, not {interval:g}s")
    elif interval > query.interval:
        yield draft.fault(loc, f"a peak looks more often; {said} is seldomer than {format_duration(query.interval)}")
    elif interval <= query.timeout:
        times = f"timeout ({format_duration(query.timeout)}), interval ({said})"
        yield draft.fault(loc, f"a probe must end before the next begins; {times}")
    if query.value == "content":
        yield draft.fault(loc, "what is accepted of a content belongs to its interval; leave `interval` out")
