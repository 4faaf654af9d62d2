"""A prober that does not see: one alert for all targets, from what the probe units committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.engine.concern import Concern
from watchtower.engine.failing import unasked
from watchtower.model import AlertKey, Labels, Priority, TroubleReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from watchtower.engine.plan import Plan
    from watchtower.store.values import UnitHealth

PROBER_BLIND = "WatchtowerProberBlind"
_KEY = AlertKey(PROBER_BLIND, Labels())

#: Seconds of blindness that are told: a moment's loss is over by the next look, after five seconds.
BLIND_AFTER = 20


def blind_concerns(health: Iterable[UnitHealth], plan: Plan, now: datetime) -> Iterator[Concern]:
    """The one alert, as urgent as the rules that see nothing; nobody feels our blindness, so never P1."""
    blind = [unit for unit in health if _blind(unit) and not unasked(unit.due_at, now)]
    begun = [unit.failing_since for unit in blind if unit.failing_since is not None]
    if not begun or (now - min(begun)).total_seconds() < BLIND_AFTER:
        return
    names = {name for unit in blind for name in unit.blinded if name in plan.rules}
    levels = [level.priority for name in names for level in plan.rules[name].levels]
    lasts = format_duration((now - min(begun)).total_seconds())
    yield Concern(
        PROBER_BLIND,
        Labels(),
        max(Priority.P2, min([Priority.P3, *levels])),
        f"the prober is blind for {lasts}: its own network fails, and nothing is said of the targets behind it",
        blind[0].failure,
    )


def still_blind(health: Iterable[UnitHealth]) -> frozenset[AlertKey]:
    """The alert must not end while a unit was blind when it was asked last, or was never asked."""
    doubtful = any(unit.source == "probe" and (_blind(unit) or unit.last_tick is None) for unit in health)
    return frozenset({_KEY}) if doubtful else frozenset()


def _blind(unit: UnitHealth) -> bool:
    return unit.failing_since is not None and TroubleReason.BLIND in unit.reasons
