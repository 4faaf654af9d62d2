"""How an attempt's answer becomes the row's next state."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.clock import START
from tests.support.make import delivery
from watchtower.engine.send import settle
from watchtower.engine.settings import EngineSettings
from watchtower.errors import Ambiguous, DeliveryError, Rejected
from watchtower.model import DeliveryState, Priority, Receipt

SETTINGS = EngineSettings()
LATER = START + timedelta(days=2)


def test_an_accepted_delivery_keeps_what_the_vendor_answered() -> None:
    settled = settle(delivery(), Receipt({"ts": "1"}), START, SETTINGS)

    assert settled.state is DeliveryState.ACCEPTED
    assert settled.ref == {"ts": "1"}


def test_a_timeout_is_ambiguous_and_tried_again() -> None:
    settled = settle(delivery(), Ambiguous("timed out"), START, SETTINGS)

    assert settled.state is DeliveryState.AMBIGUOUS
    assert settled.next_at == START + timedelta(seconds=1)


def test_the_pause_doubles_and_is_bounded() -> None:
    pauses = [
        settle(delivery(attempts=attempts), Ambiguous("x"), START, SETTINGS).next_at for attempts in (0, 1, 2, 30)
    ]

    assert [(pause - START).total_seconds() for pause in pauses if pause] == [1, 2, 4, 60]


def test_what_the_vendor_asked_for_is_honoured() -> None:
    settled = settle(delivery(), Rejected("429", permanent=False, retry_after=90), START, SETTINGS)

    assert settled.state is DeliveryState.PENDING
    assert settled.next_at == START + timedelta(seconds=90)


def test_a_refusal_after_an_ambiguous_attempt_stays_ambiguous() -> None:
    """The first attempt may have arrived, so its resolve stays owed whatever the second one was told."""
    earlier = delivery(state=DeliveryState.AMBIGUOUS, attempts=1)

    assert settle(earlier, Rejected("429", permanent=False), START, SETTINGS).state is DeliveryState.AMBIGUOUS


@pytest.mark.parametrize("priority", [Priority.P1, Priority.P2])
@pytest.mark.parametrize(
    "answer", [Rejected("bad key", permanent=True), Rejected("503", permanent=False), Ambiguous("reset")]
)
def test_an_urgent_delivery_is_never_given_up(priority: Priority, answer: DeliveryError) -> None:
    settled = settle(delivery(tier=priority, attempts=1000), answer, LATER, SETTINGS)

    assert settled.state.open
    assert settled.next_at is not None


def test_a_permanent_refusal_ends_a_delivery_that_is_not_urgent() -> None:
    settled = settle(delivery(tier=Priority.P4), Rejected("bad key", permanent=True), START, SETTINGS)

    assert settled.state is DeliveryState.DEAD
    assert settled.detail == "bad key"


def test_a_delivery_that_is_not_urgent_is_given_up_after_a_day() -> None:
    old = delivery(tier=Priority.P3, attempts=900)

    assert settle(old, Ambiguous("reset"), START + timedelta(hours=23), SETTINGS).state.open
    assert settle(old, Ambiguous("reset"), LATER, SETTINGS).state is DeliveryState.DEAD


def test_a_clock_that_was_set_forward_is_no_day_of_trying() -> None:
    tried_twice = delivery(tier=Priority.P3, attempts=1)

    assert settle(tried_twice, Ambiguous("reset"), LATER, SETTINGS).state.open


@pytest.mark.parametrize("priority", [Priority.P1, Priority.P3])
def test_a_refusal_for_good_is_remembered_so_that_somebody_else_is_told(priority: Priority) -> None:
    assert settle(delivery(tier=priority), Rejected("bad key", permanent=True), START, SETTINGS).refused
    assert not settle(delivery(tier=priority), Rejected("503", permanent=False), START, SETTINGS).refused
