"""Evidence that costs calls: fetched between verdict and commit for what newly fires, or the page says so.

What is late goes on being looked for (engine/archive.py) and follows the page (incidents/evidence.py).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from watchtower.engine.polling import PASSING
from watchtower.errors import SourceError
from watchtower.lookup import Lookup
from watchtower.model import State
from watchtower.redaction import mistake
from watchtower.sources.base import Witness

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchtower.engine.archive import Archive
    from watchtower.engine.judging import Judgement
    from watchtower.model import AlertKey, Transition
    from watchtower.sources.base import Source, Unit

log = structlog.get_logger("watchtower.evidence")

#: Real seconds for all evidence of a tick: no page waits longer for its proof.
PATIENCE = 3.0
#: Alerts of one tick that get evidence; a hundred log groups that fail at once have one cause.
MOST = 5
#: Seconds of the past that are looked at, whatever the evaluation range is.
FURTHEST = 3600


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a tick's evidence is asked for: everything before ``tick`` (epoch seconds), first at ``now``."""

    source: Source
    unit: Unit
    tick: int
    now: datetime

    def lookup(self, change: Transition) -> Lookup:
        """Where the evidence of one change is found, now and later."""
        since = _since(self.unit, self.tick, change)
        return Lookup(change.key.rule, change.key.identity, since, self.tick, self.now)


async def with_evidence(scene: Scene, judgement: Judgement, archive: Archive, patience: float = PATIENCE) -> Judgement:
    """The judgement, in which alerts that newly fire, or more urgently, carry what their source can show.

    What is late, or failed in a way that passes, they carry as something to look for again.
    """
    source = scene.source
    if not isinstance(source, Witness):
        return judgement
    chosen = [
        change
        for outcome in judgement.outcomes
        for change in outcome.transitions
        if newly_fires(change) and not change.evidence
    ][:MOST]
    if not chosen:
        return judgement
    witness = (source, scene.unit)
    shown = await asyncio.gather(
        *(_shown(change, scene.lookup(change), witness, archive, patience) for change in chosen)
    )
    found = {change.key: change for change in shown}
    outcomes = tuple(
        replace(outcome, transitions=tuple(_proven(change, found) for change in outcome.transitions))
        for outcome in judgement.outcomes
    )
    return replace(judgement, outcomes=outcomes)


def newly_fires(change: Transition) -> bool:
    """Whether the alert began to fire, or fires more urgently."""
    rises = change.from_priority is None or (change.priority is not None and change.priority < change.from_priority)
    newly = change.from_state is not State.ALARM or rises
    return change.firing and change.to_state is State.ALARM and newly


def _proven(change: Transition, found: Mapping[AlertKey, Transition]) -> Transition:
    shown = found.get(change.key)
    return replace(change, evidence=shown.evidence, late=shown.late) if shown else change


async def _shown(
    change: Transition, lookup: Lookup, witness: tuple[Witness, Unit], archive: Archive, patience: float
) -> Transition:
    """The change with its lines, or with why there are none: evidence that is late or forbidden costs no page."""
    try:
        lines = await archive.read(lookup, patience, witness)
    except SourceError as error:
        if error.reason in PASSING:
            log.warning("evidence.late", alert=str(change.key), detail=error.detail)
            archive.count("late")
            return replace(change, evidence=(f"evidence is late: {error.detail}",), late=lookup)
        log.warning("evidence.missing", alert=str(change.key), detail=error.detail)
        archive.count("missing")
        return replace(change, evidence=(f"evidence is missing: {error.detail}",))
    except Exception as error:
        log.exception("evidence.missing", alert=str(change.key), detail=mistake(error))
        archive.count("missing")
        return replace(change, evidence=(f"evidence is missing: {mistake(error)}",))
    archive.count("in_time")
    return replace(change, evidence=lines)


def _since(unit: Unit, tick: int, change: Transition) -> int:
    """The start of the earliest slot of the window whose value is not nothing."""
    slots = [at for at, value in change.datapoints if value]
    return max(min(slots, default=tick - unit.period), tick - max(FURTHEST, unit.period))
