"""Sources that fail: one alert for each place, as urgent as the rules that cannot be seen for it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.engine.concern import Concern
from watchtower.model import AlertKey, Labels, Priority, TroubleReason, Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from watchtower.engine.plan import Plan
    from watchtower.model import Observation, PollResult
    from watchtower.rulebook.rule import Rule
    from watchtower.sources.base import Unit
    from watchtower.store.values import ClaimedUnit, UnitHealth

SOURCE_FAILING = "WatchtowerSourceFailing"

#: A failing source is told after this many seconds at P3 (design section 8) …
SOURCE_FAILING_AFTER = 300
#: … and after this many at the most urgent priority of the rules that it blinds.
SOURCE_BLIND_AFTER = 900
#: Nobody asks a unit that is overdue by more seconds: Watchtower did not run, or does not keep up. How its source
#: fared meanwhile nobody knows. Well above a poll's own time-out, and well below what would be told.
UNASKED_AFTER = 120
#: So many blinded rules are named.
_NAMED = 5

_Place = tuple[str, str, str]
_UNSEEN = (Truth.NOT_FETCHED, Truth.FORBIDDEN)


def unasked(due_at: datetime, now: datetime) -> bool:
    """Whether a unit that was due then was left alone for so long that its last poll says nothing of today."""
    return (now - due_at).total_seconds() > UNASKED_AFTER


def still_failing(claimed: ClaimedUnit, now: datetime) -> ClaimedUnit:
    """The claim without the beginning of a failure that nobody saw go on: another one begins anew."""
    if claimed.failing_since is None or not unasked(claimed.due_at, now):
        return claimed
    return replace(claimed, failing_since=None)


def blinded_rules(unit: Unit, polled: PollResult) -> tuple[str, ...]:
    """The rules that a poll in trouble did not answer, or not with all of their series."""
    if not polled.troubles:
        return ()
    seen = {answer.rule for answer in polled.answers if answer.complete and not _unseen(answer.observations)}
    return tuple(sorted({ask.rule for ask in unit.asks} - seen))


def _unseen(observations: Iterable[Observation]) -> bool:
    return any(each.truth in _UNSEEN for each in observations)


def source_concerns(health: Iterable[UnitHealth], plan: Plan, now: datetime) -> Iterator[Concern]:
    """The places that have not answered, or only in part, for too long; units that nobody asks say nothing."""
    for place, units in _places(health).items():
        asked = [unit for unit in units if not unasked(unit.due_at, now)]
        begun = {unit.id: unit.failing_since for unit in asked if unit.failing_since is not None and not _told(unit)}
        if begun and (now - min(begun.values())).total_seconds() >= SOURCE_FAILING_AFTER:
            yield _concern(place, asked, begun, plan, now)


def in_doubt(health: Iterable[UnitHealth]) -> frozenset[AlertKey]:
    """The alerts that must not end: some unit of the place failed when it was asked last, or never was asked."""
    return frozenset(
        AlertKey(SOURCE_FAILING, _identity(place))
        for place, units in _places(health).items()
        if any(unit.failing_since is not None or unit.last_tick is None for unit in units)
    )


def _told(unit: UnitHealth) -> bool:
    """A prober's blindness is an alert of its own."""
    return set(unit.reasons) == {TroubleReason.BLIND}


def _places(health: Iterable[UnitHealth]) -> Mapping[_Place, list[UnitHealth]]:
    places: dict[_Place, list[UnitHealth]] = defaultdict(list)
    for unit in health:
        places[unit.source, unit.account, unit.region].append(unit)
    return places


def _identity(place: _Place) -> Labels:
    return Labels({name: value for name, value in zip(("source", "account", "region"), place, strict=True) if value})


def _concern(
    place: _Place, units: Sequence[UnitHealth], begun: Mapping[str, datetime], plan: Plan, now: datetime
) -> Concern:
    failing = sorted((unit for unit in units if unit.id in begun), key=lambda unit: begun[unit.id])
    since = begun[failing[0].id]
    where, lasts = " ".join(part for part in place if part), format_duration((now - since).total_seconds())
    blind = [unit for unit in failing if (now - begun[unit.id]).total_seconds() >= SOURCE_BLIND_AFTER]
    levels = [level.priority for rule in _blinded(blind, plan) for level in rule.levels]
    priority, reason = min([Priority.P3, *levels]), failing[0].failure
    if not any(_answered(unit, since) for unit in units):
        summary = f"{where} has not answered for {lasts}: the alerts that depend on it keep their state"
        return Concern(SOURCE_FAILING, _identity(place), priority, summary, reason)
    rules = [rule.name for rule in _blinded(failing, plan)]
    summary = f"{where} answers only in part, for {lasts}: {_unseen_rules(len(rules))}"
    return Concern(SOURCE_FAILING, _identity(place), priority, summary, ": ".join([*_named(rules), reason]))


def _answered(unit: UnitHealth, since: datetime) -> bool:
    """Whether it brought anything since then: a long period's last answer may be from before."""
    if unit.failing_since is not None:
        return not unit.silent
    return unit.last_tick is not None and unit.due_at - timedelta(seconds=unit.period) >= since


def _blinded(units: Iterable[UnitHealth], plan: Plan) -> list[Rule]:
    names = sorted({rule for unit in units for rule in unit.blinded})
    return [plan.rules[name] for name in names if name in plan.rules]


def _unseen_rules(count: int) -> str:
    if not count:
        return "all rules are seen in spite of it"
    rules = "1 rule" if count == 1 else f"{count} rules"
    return f"{rules} cannot be seen, or not wholly, and what is not seen keeps its state"


def _named(rules: Sequence[str]) -> list[str]:
    """At most one text with the first names."""
    more = f" and {len(rules) - _NAMED} more" if len(rules) > _NAMED else ""
    return [", ".join(rules[:_NAMED]) + more] if rules else []
