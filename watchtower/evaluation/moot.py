"""Series of which it is known that there is nothing to judge: no lack of data, and nothing that could be well or not.

What a level makes of missing data is not asked: an imbalance neither begins nor goes on in a group of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.evaluation.case import Case, Change, decide, step, waiting
from watchtower.evaluation.missing_data import Code
from watchtower.evaluation.orphans import moot as ended
from watchtower.evaluation.window import Window
from watchtower.evaluation.wording import Count, silence_reason

if TYPE_CHECKING:
    from watchtower.evaluation.case import Scene
    from watchtower.model import AlertState, Observation


def nothing_to_judge(scene: Scene, series: Observation, before: AlertState | None, period: int) -> Change | None:
    """What becomes of one such series.

    1. Nothing is remembered: a row says why there is no value.
    2. It fires: it goes on without data, and ends when it was so for as long as the source wants to be sure.
    3. Else it has no data, like any other.
    """
    tick, level = scene.grid.tick, scene.rule.levels[-1]
    window = Window(tuple((tick - period * back, None) for back in range(scene.rule.slots, 0, -1)), period)
    if before is None:
        return Change(waiting(scene, series, silence_reason(window)))
    since = (before.memory.moot_since or tick) if before.firing else 0
    if before.firing and series.moot is not None and tick - since >= series.moot:
        return Change(*ended(before, series.reason, scene.now))
    case = Case(series, before, Code.INSUFFICIENT_DATA, level, Count(0, level.of, level.of), window, moot_since=since)
    return decide(scene, case, step(scene, case))
