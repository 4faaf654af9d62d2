"""Alerts that nothing evaluates any more: their rule or their target left the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.evaluation.orphans import rule_removed, target_gone

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from watchtower.engine.plan import Plan
    from watchtower.model import AlertState, Transition


def orphans(
    known: Sequence[AlertState],
    plan: Plan,
    own: Collection[str],
    now: datetime,
) -> tuple[list[AlertState], list[Transition]]:
    """End what has no unit: an incident left open for a rule that is gone would never be resolved by anything."""
    states: list[AlertState] = []
    transitions: list[Transition] = []
    for state in known:
        if state.key.rule in own or plan.owner(state.key) is not None:
            continue
        end = target_gone if state.key.rule in plan.rules else rule_removed
        ended, change = end(state, now)
        states.append(ended)
        if state.firing:
            transitions.append(change)
    return states, transitions
