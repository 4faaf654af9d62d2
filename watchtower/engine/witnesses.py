"""Evidence that costs calls: fetched between verdict and commit for what newly fires, or the page says it has none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from watchtower.errors import SourceError
from watchtower.model import State
from watchtower.sources.base import Witness

if TYPE_CHECKING:
    from collections.abc import Mapping

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


async def with_evidence(
    source: Source, unit: Unit, tick: int, judgement: Judgement, patience: float = PATIENCE
) -> Judgement:
    """The judgement, in which alerts that newly fire, or more urgently, carry what their source can show."""
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
    lines = await asyncio.gather(*(_ask(source, unit, tick, each, patience) for each in chosen))
    found = {change.key: proof for change, proof in zip(chosen, lines, strict=True)}
    outcomes = tuple(
        replace(outcome, transitions=tuple(_shown(change, found) for change in outcome.transitions))
        for outcome in judgement.outcomes
    )
    return replace(judgement, outcomes=outcomes)


def newly_fires(change: Transition) -> bool:
    """Whether the alert began to fire, or fires more urgently."""
    rises = change.from_priority is None or (change.priority is not None and change.priority < change.from_priority)
    newly = change.from_state is not State.ALARM or rises
    return change.firing and change.to_state is State.ALARM and newly


def _shown(change: Transition, found: Mapping[AlertKey, tuple[str, ...]]) -> Transition:
    lines = found.get(change.key, ())
    return replace(change, evidence=lines) if lines else change


async def _ask(source: Witness, unit: Unit, tick: int, change: Transition, patience: float) -> tuple[str, ...]:
    """The lines, or why there are none: evidence that is late or forbidden costs no page."""
    try:
        async with asyncio.timeout(patience):
            return await source.evidence(unit, change.key.rule, change.key.identity, _since(unit, tick, change), tick)
    except TimeoutError:
        detail = f"not there within {patience:g} s"
    except SourceError as error:
        detail = error.detail
    log.warning("evidence.missing", alert=str(change.key), detail=detail)
    return (f"evidence is missing: {detail}",)


def _since(unit: Unit, tick: int, change: Transition) -> int:
    """The start of the earliest slot of the window whose value is not nothing."""
    slots = [at for at, value in change.datapoints if value]
    return max(min(slots, default=tick - unit.period), tick - max(FURTHEST, unit.period))
