"""Alerts that end because there is nothing left to watch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.unit.evaluation.making import Story, level, rule
from watchtower.clock import from_epoch
from watchtower.evaluation.orphans import rule_removed, target_gone
from watchtower.model import AlertState, Priority, State, Transition

End = Callable[[AlertState, datetime], tuple[AlertState, Transition]]
ENDS = [(rule_removed, "rule removed"), (target_gone, "target gone")]
NOW = from_epoch(1_767_600_000)


@pytest.mark.parametrize(("end", "reason"), ENDS)
@pytest.mark.parametrize("story", ["85", "85 _ _ _"])
def test_a_firing_alert_ends_with_the_reason(end: End, reason: str, story: str) -> None:
    before = Story(rule(level("P2", "> 80"))).feed(story).state
    assert before is not None
    after, told = end(before, NOW)
    assert (after.state, after.firing, after.priority, after.no_data_since) == (State.OK, False, None, None)
    assert (after.reason, after.since, after.updated_at) == (reason, NOW, NOW)
    assert (told.from_state, told.to_state) == (before.state, State.OK)
    assert (told.from_priority, told.priority, told.firing) == (Priority.P2, None, False)
    assert (told.reason, told.labels, told.at, told.notify) == (reason, before.labels, NOW, True)
    assert told.summary.endswith(f": {reason}")


@pytest.mark.parametrize(("end", "reason"), ENDS)
def test_an_alert_that_never_fired_is_cleared_and_owes_no_end(end: End, reason: str) -> None:
    before = Story(rule(level("P2", "> 80"))).feed("_").state
    assert before is not None
    after, told = end(before, NOW)
    assert (after.state, after.firing) == (State.OK, False)
    assert told.from_priority is None
