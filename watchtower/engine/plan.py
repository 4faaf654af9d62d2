"""From rules to work units, and which slot of a unit's grid is due: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from watchtower.clock import epoch, from_epoch
from watchtower.model import stable_hash
from watchtower.rulebook.composite import COMPOSITE, in_order
from watchtower.rulebook.peak import in_force, next_change
from watchtower.sources.base import Ask, Mover, Place, Unit
from watchtower.sources.composite import HEARTBEAT
from watchtower.store.values import Removal, UnitRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from watchtower.incidents.quiet import Mute
    from watchtower.model import AlertKey, AlertState
    from watchtower.rulebook.rule import Rule
    from watchtower.sources.base import Source

#: The unit that watches Watchtower itself; it polls nothing outside.
SELF = Unit(
    id="watchtower/self",
    source="watchtower",
    account="",
    region="",
    period=15,
    offset=0,
    delay=0,
    asks=(),
    fingerprint="1",
)


#: The unit that judges all composites; it polls nothing, and other units' commits make it due.
COMPOSITES = "composite/all"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be polled, by whom, and evaluated; replaced whole on a reload, never changed.

    A tick in flight keeps the plan it began with, its sources and their sessions included. ``discovery_interval`` is
    in seconds; ``series_limit`` is how many series of a rule one unit watches. ``composites`` stand in the order in
    which they are judged; ``read`` are the rules that any of them reads. ``windows`` are the mute windows,
    of which some are maintenance. At ``until`` an event of some rule begins or ends, and ``renew`` makes the next plan.
    """

    rules: Mapping[str, Rule]
    units: Mapping[str, Unit]
    sources: Mapping[str, Source] = field(default_factory=dict)
    discovery_interval: float = 300.0
    series_limit: int = 10_000
    composites: tuple[Rule, ...] = ()
    read: frozenset[str] = frozenset()
    windows: tuple[Mute, ...] = ()
    until: datetime | None = None
    renew: Callable[[datetime], Plan] | None = None

    def owner(self, key: AlertKey) -> Unit | None:
        """The unit that evaluates this alert, or None when nothing does any more."""
        rule = self.rules.get(key.rule)
        if rule is None:
            return None
        if rule.source == COMPOSITE:
            return self.units[COMPOSITES] if set(key.identity) <= set(rule.query.by) else None
        mine = (unit for unit in self.units.values() if unit.source == rule.source)
        return next((unit for unit in mine if self.sources[unit.source].owns(unit, key.rule, key.identity)), None)

    def wakes(self, states: Iterable[AlertState]) -> tuple[str, ...]:
        """The units that are due at once when these alerts change."""
        return (COMPOSITES,) if any(state.key.rule in self.read for state in states) else ()


def build_plan(
    rules: Iterable[Rule],
    sources: Mapping[str, Source],
    places: Sequence[Place],
    *,
    discovery_interval: float = 300.0,
    series_limit: int = 10_000,
    windows: tuple[Mute, ...] = (),
    now: datetime | None = None,
) -> Plan:
    """Cut all enabled rules into work units, as they are at ``now``; without it no event goes on."""
    given = tuple(rules)
    enabled = {rule.name: rule for rule in (in_force(given, now) if now else given) if rule.enabled}
    units = [SELF]
    for name, source in sources.items():
        asks = [as_ask(rule) for rule in enabled.values() if rule.source == name]
        if asks:
            units.extend(source.plan(asks, places))
    composites = in_order(enabled.values())
    if composites:
        units.append(_composites(composites))
    read = frozenset(name for rule in composites for name in rule.query.reads)
    by_id = {unit.id: unit for unit in units}
    renew = partial(
        build_plan,
        given,
        sources,
        places,
        discovery_interval=discovery_interval,
        series_limit=series_limit,
        windows=windows,
    )
    return Plan(
        enabled,
        by_id,
        sources,
        discovery_interval,
        series_limit,
        composites,
        read,
        windows,
        until=next_change(given, now) if now else None,
        renew=lambda then: renew(now=then),
    )


def _composites(rules: Sequence[Rule]) -> Unit:
    return Unit(
        id=COMPOSITES,
        source=COMPOSITE,
        account="",
        region="",
        period=HEARTBEAT,
        offset=0,
        delay=0,
        asks=tuple(as_ask(rule) for rule in rules),
        fingerprint=stable_hash(*(part for rule in rules for part in (rule.name, rule.query.model_dump_json()))),
    )


def as_ask(rule: Rule) -> Ask:
    """What a rule asks of its source."""
    most_urgent = min(level.priority for level in rule.levels)
    return Ask(rule.name, rule.query, rule.period, rule.slots, most_urgent, rule.accounts, rule.regions, rule.step)


def newest_slot(unit: Unit, now: datetime) -> int:
    """The newest tick (epoch seconds) that is due by ``now``; older ones are jumped over, never replayed."""
    return unit.offset + int((epoch(now) - unit.delay - unit.offset) // unit.every) * unit.every


def due_at(unit: Unit, tick: int) -> datetime:
    """When the tick may be polled: its publication delay has passed."""
    return from_epoch(tick + unit.delay)


def skipped_slots(unit: Unit, last_tick: int | None, tick: int) -> int:
    """How many slots lie unpolled between the last committed tick and this one."""
    return max(0, (tick - last_tick) // unit.every - 1) if last_tick is not None else 0


def unit_rows(plan: Plan, now: datetime) -> list[UnitRow]:
    """The plan as the store keeps it; a new unit is due at once, for its newest complete slot.

    Units that are spread over their period (probes) begin at their own next slot instead: probing everything in
    the second of the start would measure our own burst.
    """
    return [
        UnitRow(
            unit.id,
            unit.source,
            unit.account,
            unit.region,
            unit.every,
            unit.fingerprint,
            _first_due(unit, now),
            tuple(ask.rule for ask in unit.asks),
        )
        for unit in plan.units.values()
    ]


def removal(plan: Plan) -> Removal:
    """How what is remembered goes along where the plan's sources put series into other units."""
    movers = {name: source for name, source in plan.sources.items() if isinstance(source, Mover)}

    def carry(source: str, memories: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return movers[source].moved([unit for unit in plan.units.values() if unit.source == source], memories)

    return Removal(frozenset(movers), carry)


def _first_due(unit: Unit, now: datetime) -> datetime:
    return due_at(unit, newest_slot(unit, now) + unit.every) if unit.offset else now
