"""Alerts whose series is not there any more: gone with its resource, or vanished from what the source lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.evaluation.case import Case, Change, Scene, decide, step
from watchtower.evaluation.missing_data import Code
from watchtower.evaluation.orphans import forgotten, target_gone, vanished
from watchtower.evaluation.window import Window
from watchtower.evaluation.wording import Count
from watchtower.model import AlertKey, Observation, Truth
from watchtower.rulebook.rule import Farewell

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from watchtower.model import AlertState, Labels


@dataclass(frozen=True, slots=True)
class Absent:
    """``gone``: the inventory says that their resource is; ``vanished``: away for as long as the rule waits."""

    gone: AbstractSet[Labels]
    vanished: Collection[Labels]


def endings(scene: Scene, absent: Absent, previous: Mapping[AlertKey, AlertState], period: int) -> Iterator[Change]:
    """What becomes of alerts whose series are absent; one whose resource is gone is no mystery that could fire."""
    for identity in absent.gone:
        before = previous.get(AlertKey(scene.rule.name, identity))
        if before is not None:
            state, transition = target_gone(before, scene.now)
            yield Change(state, transition if before.firing else None)
    for identity in absent.vanished:
        before = previous.get(AlertKey(scene.rule.name, identity))
        changed = None if identity in absent.gone else _vanished(scene, identity, before, period)
        if changed is not None:
            yield changed


def _vanished(scene: Scene, identity: Labels, before: AlertState | None, period: int) -> Change | None:
    farewell = scene.rule.vanished
    away = f"vanished: absent from {farewell.after} complete answers in a row"
    if farewell.do is Farewell.FIRE:
        return _fire(scene, identity, before, period, away)
    if before is None:
        return None
    if not before.firing:
        return Change(forgotten(before, away, scene.now))
    if farewell.do is Farewell.RESOLVE:
        return Change(*vanished(before, away, scene.now))
    return None


def _fire(scene: Scene, identity: Labels, before: AlertState | None, period: int, away: str) -> Change | None:
    """ALARM at the rule's most urgent level, by the way every alarm goes."""
    level = scene.rule.levels[0]
    empty = tuple((scene.grid.tick - period * back, None) for back in range(scene.rule.slots, 0, -1))
    series = Observation(identity, truth=Truth.NO_DATA)
    case = Case(series, before, Code.ALARM, level, Count(0, level.of, level.of), Window(empty, period), said=away)
    return decide(scene, case, step(scene, case))
