"""What a channel holds, and what may be taken back."""

from __future__ import annotations

import pytest

from tests.support.clock import START
from watchtower.incidents.deliveries import Books, Key
from watchtower.incidents.model import Debt, DeliveryBrief
from watchtower.model import DeliveryState, Event, Priority

KEY = Key("ops", "#ops", "wt:store:i")


def row(event: Event, state: DeliveryState, tier: Priority = Priority.P3, attempts: int = 1) -> DeliveryBrief:
    return DeliveryBrief("r", "i", *KEY[:2], event, tier, KEY.dedup_key, state, attempts)


def debt(tier: Priority) -> Debt:
    return Debt("i", tier, *KEY, None, START)


@pytest.mark.parametrize("tiers", [(Priority.P1, Priority.P3), (Priority.P3, Priority.P1)])
def test_a_key_told_at_several_tiers_is_held_once_at_the_most_urgent(tiers: tuple[Priority, ...]) -> None:
    assert Books(debts=tuple(debt(tier) for tier in tiers)).held() == {KEY: Priority.P1}


@pytest.mark.parametrize("state", DeliveryState)
def test_a_key_is_held_no_more_once_its_resolve_is_on_its_way_or_accepted(state: DeliveryState) -> None:
    books = Books((row(Event.RESOLVE, state),), (debt(Priority.P3),))
    failed = state in (DeliveryState.DEAD, DeliveryState.WITHDRAWN)
    assert (KEY in books.held()) is failed


@pytest.mark.parametrize(
    ("event", "state", "tier", "attempts", "free"),
    [
        (Event.TRIGGER, DeliveryState.PENDING, Priority.P3, 0, True),
        (Event.TRIGGER, DeliveryState.PENDING, Priority.P2, 0, False),
        (Event.TRIGGER, DeliveryState.PENDING, Priority.P3, 1, False),
        (Event.TRIGGER, DeliveryState.SENDING, Priority.P3, 0, False),
        (Event.UPDATE, DeliveryState.PENDING, Priority.P1, 0, True),
        (Event.RESOLVE, DeliveryState.PENDING, Priority.P5, 0, False),
    ],
)
def test_only_what_never_left_and_is_not_urgent_may_be_taken_back(
    event: Event, state: DeliveryState, tier: Priority, attempts: int, free: bool
) -> None:
    assert bool(Books((row(event, state, tier, attempts),)).untold()) is free


@pytest.mark.parametrize(
    ("state", "attempts", "doubtful"),
    [
        (DeliveryState.AMBIGUOUS, 1, True),
        (DeliveryState.SENDING, 1, True),
        (DeliveryState.ACCEPTED, 2, True),
        (DeliveryState.ACCEPTED, 1, False),
        (DeliveryState.PENDING, 1, False),
        (DeliveryState.WITHDRAWN, 0, False),
    ],
)
def test_a_page_whose_answer_was_lost_leaves_its_key_in_doubt(
    state: DeliveryState, attempts: int, doubtful: bool
) -> None:
    assert bool(Books((row(Event.TRIGGER, state, attempts=attempts),)).doubtful()) is doubtful


def test_who_was_called_since_its_page_was_taken_back_has_missed_nothing() -> None:
    page, call = row(Event.TRIGGER, DeliveryState.WITHDRAWN), row(Event.ESCALATION, DeliveryState.ACCEPTED)
    assert Books((page,)).missed() == {KEY.channel}
    assert Books((page, call)).missed() == frozenset()
    assert Books((call, page)).missed() == {KEY.channel}
