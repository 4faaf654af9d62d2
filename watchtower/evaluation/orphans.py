"""Alerts that end because there is nothing left to watch, not because it got well."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.evaluation.telling import change
from watchtower.model import NOTHING, State

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.model import AlertState, Transition


def rule_removed(state: AlertState, now: datetime) -> tuple[AlertState, Transition]:
    """End an alert whose rule is no longer in the rule files; where it did not fire, nobody needs the transition."""
    return _ended(state, "rule removed", now)


def target_gone(state: AlertState, now: datetime) -> tuple[AlertState, Transition]:
    """End an alert whose resource is gone; where it did not fire, nobody needs the transition."""
    return _ended(state, "target gone", now)


def vanished(state: AlertState, away: str, now: datetime) -> tuple[AlertState, Transition]:
    """End an alert whose series is not listed any more, where its rule says that this is an end."""
    return _ended(state, away, now)


def moot(state: AlertState, reason: str, now: datetime) -> tuple[AlertState, Transition]:
    """End an alert that has had nothing to judge for long enough, and it is known why."""
    return _ended(state, reason, now)


def forgotten(state: AlertState, away: str, now: datetime) -> AlertState:
    """The end of a row that fired for nobody and whose series is not there any more."""
    return _ended(state, away, now)[0]


def _ended(state: AlertState, reason: str, now: datetime) -> tuple[AlertState, Transition]:
    after = replace(
        state,
        state=State.OK,
        firing=False,
        priority=None,
        value=None,
        reason=reason,
        since=now,
        updated_at=now,
        no_data_since=None,
        recovering=False,
        memory=NOTHING,
    )
    return after, change(state, after, f"{state.key}: {reason}")
