"""When a channel may be used again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.clock import START
from watchtower.clock import epoch
from watchtower.engine.pacing import next_standing, paced
from watchtower.engine.settings import EngineSettings
from watchtower.errors import Ambiguous, DeliveryError, Rejected
from watchtower.model import Receipt
from watchtower.notifiers.base import Pace
from watchtower.store.values import Standing

SETTINGS = EngineSettings()
NEVER_USED = Standing()
ACCEPTED = Receipt()
DOWN = Ambiguous("503")
A_SECOND = Pace(1, 1.0)
A_MINUTE = Pace(120, 60.0)


def after(
    *answers: Receipt | DeliveryError, standing: Standing = NEVER_USED, pace: Pace | None = None
) -> tuple[Standing, str]:
    """What these answers, one a second, make of a channel."""
    news = ""
    for number, answer in enumerate(answers):
        standing, news = next_standing(standing, pace, answer, START + timedelta(seconds=number), SETTINGS)
    return standing, news


def rest(standing: Standing, seconds: float) -> tuple[float, float]:
    """How long it rests since then, and how long for what is urgent."""
    assert standing.rest_until
    assert standing.urgent_until
    since = START + timedelta(seconds=seconds)
    return (standing.rest_until - since).total_seconds(), (standing.urgent_until - since).total_seconds()


# -- pace --------------------------------------------------------------------------------------------------------------


def test_after_a_message_a_second_passes() -> None:
    standing, _ = after(ACCEPTED, pace=A_SECOND)

    assert standing.hold_until == START + timedelta(seconds=1)


def test_a_message_that_may_have_arrived_counts_as_one() -> None:
    assert after(DOWN, pace=A_SECOND)[0].hold_until == START + timedelta(seconds=1)


def test_what_is_not_paced_holds_nothing() -> None:
    assert after(ACCEPTED, pace=None)[0].hold_until is None


def test_the_119th_event_of_a_minute_holds_nothing_and_the_120th_holds_until_the_first_is_a_minute_old() -> None:
    sent: tuple[float, ...] = ()
    holds = []
    for number in range(120):
        sent, hold = paced(sent, A_MINUTE, START + timedelta(seconds=number / 10))
        holds.append(hold)

    assert holds == [None] * 119 + [START + timedelta(seconds=60)]


def test_events_older_than_the_window_are_forgotten() -> None:
    full = tuple(epoch(START) + number / 10 for number in range(120))

    sent, hold = paced(full, A_MINUTE, START + timedelta(seconds=65))

    assert hold is None
    assert len(sent) == 120 - 51 + 1


def test_times_of_a_clock_that_was_set_back_since_are_forgotten() -> None:
    ahead = tuple(epoch(START) + 3600 for _ in range(120))

    assert paced(ahead, A_MINUTE, START) == ((epoch(START),), None)


def test_patience_that_the_vendor_asks_for_is_longer_than_its_pace() -> None:
    standing, _ = after(Rejected("429", permanent=False, retry_after=30), pace=A_SECOND)

    assert standing.hold_until == START + timedelta(seconds=30)
    assert after(Rejected("429", permanent=False, retry_after=0.2), pace=A_SECOND)[0].hold_until == START + timedelta(
        seconds=1
    )


# -- rest --------------------------------------------------------------------------------------------------------------


def test_four_failures_are_no_reason_to_rest() -> None:
    standing, news = after(*[DOWN] * 4)

    assert not standing.open
    assert news == ""


def test_the_fifth_failure_in_a_row_makes_the_channel_rest_for_half_a_minute() -> None:
    standing, news = after(*[DOWN] * 5)

    assert rest(standing, 4) == (30, 30)
    assert news == "5 failures in a row: the next try is in 30s"


def test_the_rest_doubles_with_every_probe_that_fails_up_to_five_minutes_but_not_for_what_is_urgent() -> None:
    rests = [rest(after(*[DOWN] * count)[0], count - 1) for count in (5, 6, 7, 8, 9, 200)]

    assert rests == [(30, 30), (60, 60), (120, 60), (240, 60), (300, 60), (300, 60)]


def test_an_acceptance_between_failures_begins_the_count_anew() -> None:
    assert not after(DOWN, DOWN, DOWN, DOWN, ACCEPTED, DOWN)[0].open


def test_the_first_acceptance_ends_the_rest() -> None:
    standing, news = after(*[DOWN] * 6, ACCEPTED)

    assert standing == NEVER_USED
    assert news == "the vendor answers again after 6 failures"


def test_no_connection_is_a_failure() -> None:
    assert after(*[Rejected("cannot be reached", permanent=False)] * 5)[0].open


@pytest.mark.parametrize(
    "answer", [Rejected("403", permanent=True), Rejected("429", permanent=False, retry_after=1)], ids=str
)
def test_who_refuses_is_there(answer: DeliveryError) -> None:
    assert not after(*[answer] * 20)[0].open
    assert not after(*[DOWN] * 5, answer)[0].open


def test_pace_counts_while_the_channel_rests() -> None:
    standing, _ = after(*[DOWN] * 5, pace=A_MINUTE)

    assert len(standing.sent) == 5
