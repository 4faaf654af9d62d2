"""Watchtower's alerts about itself: a source that fails, a rule without series, a channel nobody answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.evaluation.lifecycle import IDLE, Phase, advance, begins, phase_of, tells
from watchtower.evaluation.missing_data import Code
from watchtower.evaluation.telling import change
from watchtower.model import AlertKey, AlertState, Labels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchtower.model import Priority, Transition

#: ``group`` and ``source`` of every own alert.
WATCHTOWER = "watchtower"


def own_transition(
    name: str,
    identity: Mapping[str, str],
    previous: AlertState | None,
    *,
    firing: bool,
    priority: Priority,
    summary: str,
    reason: str,
    now: datetime,
    environment: str,
    value: float | None = None,
) -> tuple[AlertState, Transition | None]:
    """The next state of an own alert, and its transition when it began, rose in priority or ended.

    While nothing of that happens the state returned is ``previous`` itself; nothing needs to be written then.
    A priority never falls while the alert fires, like any alert's.
    """
    before = phase_of(previous)
    after = advance(before, Code.ALARM, priority, recovered=False) if firing else IDLE
    if previous is not None and after == before:
        return previous, None
    key = AlertKey(name, Labels(identity))
    state = AlertState(
        key=key,
        labels=_labels(key, environment, after if after.firing else before),
        state=after.state,
        firing=after.firing,
        priority=after.priority,
        value=value,
        reason=reason,
        since=previous.since if previous and previous.state is after.state else now,
        updated_at=now,
        seq=(previous.seq if previous else 0) + begins(before, after),
    )
    return state, change(previous, state, summary) if tells(before, after) else None


def _labels(key: AlertKey, environment: str, phase: Phase) -> Labels:
    labels = {"alert": key.rule, "group": WATCHTOWER, "source": WATCHTOWER, "environment": environment}
    if phase.priority is not None:
        labels["priority"] = str(phase.priority)
    return Labels(labels).merged(key.identity)
