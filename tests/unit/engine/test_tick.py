"""What a tick commits when polls go well, fail, or fail in part."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.clock import START
from tests.support.make import claimed, unit
from watchtower.clock import epoch
from watchtower.engine.judging import Judgement
from watchtower.engine.settings import EngineSettings
from watchtower.engine.tick import retry_delay, tick_commit
from watchtower.model import Answer, PollResult, Trouble, TroubleReason

if TYPE_CHECKING:
    from watchtower.store.values import TickCommit

SETTINGS = EngineSettings()
T = int(epoch(START))
NOW = START + timedelta(seconds=120)


def commit(polled: PollResult, **before: object) -> TickCommit:
    return tick_commit(unit(), claimed(**before), T, polled, Judgement(), NOW, SETTINGS)


def trouble(reason: TroubleReason) -> Trouble:
    return Trouble("cloudwatch", "prod", "eu-west-1", reason, "detail")


ANSWER = Answer("CpuHigh", ())


def test_a_tick_that_went_well_is_due_again_one_period_later() -> None:
    tick = commit(PollResult((ANSWER,)), failing_since=START, failures=3)

    assert tick.due_at == NOW + timedelta(seconds=60)
    assert tick.last_tick == T
    assert (tick.failing_since, tick.failures, tick.failure) == (None, 0, "")


def test_a_clock_that_is_set_back_during_the_poll_makes_nobody_wait_for_the_past() -> None:
    earlier = NOW - timedelta(hours=1)
    trouble_now = PollResult((), troubles=(trouble(TroubleReason.FORBIDDEN),))
    tick = tick_commit(unit(), claimed(failing_since=START), T, trouble_now, Judgement(), earlier, SETTINGS)

    assert tick.due_at == earlier + timedelta(seconds=60)
    assert tick.failing_since == earlier


def test_a_poll_that_failed_keeps_its_slot_and_comes_back_soon() -> None:
    tick = commit(PollResult((), troubles=(trouble(TroubleReason.THROTTLED),)))

    assert tick.last_tick is None
    assert tick.due_at == NOW + timedelta(seconds=5)
    assert tick.failing_since == NOW
    assert tick.failures == 1
    assert tick.failure == "detail (throttled)"


def test_a_poll_that_failed_in_part_commits_what_it_saw_and_still_comes_back() -> None:
    tick = commit(PollResult((ANSWER,), troubles=(trouble(TroubleReason.PARTIAL),)))

    assert tick.last_tick == T
    assert tick.due_at < NOW + timedelta(seconds=60)
    assert tick.failing_since == NOW


def test_the_retry_never_goes_beyond_the_next_slot() -> None:
    tick = commit(PollResult((), troubles=(trouble(TroubleReason.TIMEOUT),)), failures=10)

    assert tick.due_at == NOW + timedelta(seconds=60)


def test_a_poll_that_asks_for_a_second_look_is_due_then_and_not_after_the_next_slot() -> None:
    looked = commit(PollResult((ANSWER,), again=NOW.timestamp() + 20))
    assert (looked.due_at, looked.last_tick) == (NOW + timedelta(seconds=20), T)
    assert commit(PollResult((ANSWER,), again=NOW.timestamp() + 900)).due_at == commit(PollResult((ANSWER,))).due_at
    assert commit(PollResult((ANSWER,), again=NOW.timestamp() - 9)).due_at == NOW


def test_a_failing_unit_remembers_when_the_trouble_began() -> None:
    tick = commit(PollResult((), troubles=(trouble(TroubleReason.TIMEOUT),)), failing_since=START, failures=2)

    assert tick.failing_since == START
    assert tick.failures == 3


def test_what_is_forbidden_is_not_asked_again_before_the_next_slot() -> None:
    tick = commit(PollResult((ANSWER,), troubles=(trouble(TroubleReason.FORBIDDEN),)))

    assert tick.due_at == NOW + timedelta(seconds=60)


def test_the_pause_between_retries_doubles_and_is_bounded() -> None:
    assert [retry_delay(failures, SETTINGS) for failures in (0, 1, 2, 3, 50)] == [5, 10, 20, 40, 300]


def test_a_poll_that_failed_wholly_blinds_the_rules_of_its_unit() -> None:
    tick = commit(PollResult((), troubles=(trouble(TroubleReason.TIMEOUT),)))

    assert (tick.blinded, tick.silent) == (("CpuHigh",), True)


def test_a_poll_that_failed_in_part_blinds_what_it_did_not_see() -> None:
    tick = commit(PollResult((ANSWER,), troubles=(trouble(TroubleReason.PARTIAL),)))

    assert (tick.blinded, tick.silent) == ((), False)


def test_a_tick_that_went_well_blinds_nobody() -> None:
    tick = commit(PollResult((ANSWER,)), failing_since=START, failures=3)

    assert (tick.blinded, tick.silent) == ((), False)


def test_a_unit_that_was_woken_once_is_not_due_for_ever() -> None:
    assert commit(PollResult(()), woken=3).woken == 3, "what woke it before the claim was answered by this tick"
