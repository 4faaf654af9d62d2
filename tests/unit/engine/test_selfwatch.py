"""When Watchtower's own alerts begin, rise and end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.clock import START
from tests.support.make import health, rule, unit
from watchtower.engine.concern import Concern
from watchtower.engine.plan import Plan
from watchtower.engine.selfwatch import concerns, own_changes, unsettled
from watchtower.model import AlertKey, AlertState, Labels, Priority, State
from watchtower.store.values import OutboxDepth, UnitHealth

PLAN = Plan({"CpuHigh": rule("CpuHigh", Priority.P1)}, {"u": unit(id="u")})


def found(
    seconds: float, *units: UnitHealth, outbox: tuple[OutboxDepth, ...] = (), uptime: float = 999
) -> list[Concern]:
    return concerns(units, outbox, {}, PLAN, START + timedelta(seconds=seconds), uptime)


def test_a_unit_that_nobody_ticks_is_late() -> None:
    assert found(120, health()) == []

    [concern] = found(121, health())

    assert concern.name == "WatchtowerTickLate"


def test_a_failing_unit_that_nobody_ticks_is_late_and_says_nothing_of_its_source() -> None:
    [concern] = found(1200, health(failing_since=START, failures=1, failure="throttled"))

    assert concern.name == "WatchtowerTickLate"


def test_right_after_a_start_nothing_is_called_late() -> None:
    assert found(3600, health(), uptime=59) == []


def test_a_channel_that_accepts_nothing_is_told_but_not_right_after_a_start() -> None:
    waiting = OutboxDepth("ops", Priority.P3, 4, START)

    [concern] = found(60, outbox=(waiting,))
    assert concern.name == "WatchtowerDeliveryFailing"
    assert found(60, outbox=(waiting,), uptime=59) == []


CONCERN = Concern("WatchtowerTickLate", Labels(), Priority.P2, "late", "slow")


def changes(concerns: list[Concern], known: dict[AlertKey, AlertState]) -> tuple[Any, Any]:
    return own_changes(concerns, known, now=START, environment="test")


def test_a_new_concern_begins_an_alert_that_carries_its_labels() -> None:
    [state], [transition] = changes([CONCERN], {})

    assert (state.state, state.firing, state.priority) == (State.ALARM, True, Priority.P2)
    assert transition.to_state is State.ALARM
    assert transition.labels["alert"] == "WatchtowerTickLate"
    assert transition.labels["environment"] == "test"


def test_a_concern_that_goes_on_is_not_told_again() -> None:
    [state], _ = changes([CONCERN], {})

    _, transitions = changes([CONCERN], {state.key: state})

    assert transitions == ()


def test_a_concern_that_is_gone_ends_its_alert() -> None:
    [state], _ = changes([CONCERN], {})

    [ended], [transition] = changes([], {state.key: state})

    assert (ended.state, ended.firing) == (State.OK, False)
    assert transition.to_state is State.OK


def test_an_alert_in_doubt_neither_ends_nor_is_told_again() -> None:
    [state], _ = changes([CONCERN], {})
    known = {state.key: state}

    assert own_changes([], known, now=START, environment="test", doubtful={state.key}) == ((), ())


def test_doubt_begins_no_alert() -> None:
    assert own_changes([], {}, now=START, environment="test", doubtful={CONCERN.key}) == ((), ())


def test_a_restart_neither_ends_nor_repeats_what_is_not_judged_right_after_it() -> None:
    failing = AlertKey("WatchtowerDeliveryFailing", Labels({"channel": "ops"}))
    blind = AlertKey("WatchtowerRuleWithoutSeries", Labels({"rule": "CpuHigh"}))

    assert unsettled([failing, blind], uptime=59) == {failing}
    assert unsettled([failing, blind], uptime=60) == frozenset()
