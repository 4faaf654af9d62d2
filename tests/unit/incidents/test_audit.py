"""What is owed is paid again, at a bearable rate."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

import pytest

from tests.support.clock import START
from watchtower.incidents.audit import AT_ONCE, Owed, pay_again
from watchtower.incidents.deliveries import Desk
from watchtower.incidents.model import Debt, Incident
from watchtower.model import Delivery, Event, Labels, Priority

NUMBERS = count(1)


def minutes(number: float) -> datetime:
    return START + timedelta(minutes=number)


def owed(key: str = "k", *, tried: float | None = None, detail: str = "") -> Owed:
    debt = Debt("i", Priority.P3, "ops", "#ops", key, None, START)
    return Owed(debt, None if tried is None else minutes(tried), detail)


def paid(now: float, *debts: Owed) -> list[Delivery]:
    desk = Desk("store", "test", {}, minutes(now), lambda: f"d{next(NUMBERS)}")
    ended = Incident("i", "rest", Labels(), Priority.P3, START, ("ops",), {}, ended_at=minutes(1))
    return list(pay_again(debts, {"i": ended}, desk))


def test_a_debt_that_nobody_is_paying_gets_a_resolve_under_its_own_key() -> None:
    [resolve] = paid(5, owed())

    assert (resolve.event, resolve.channel, resolve.destination, resolve.dedup_key) == (
        Event.RESOLVE,
        "ops",
        "#ops",
        "k",
    )
    assert resolve.notice.ended_at == minutes(1)
    assert resolve.reason == "still owed: nothing was on its way"


@pytest.mark.parametrize(
    ("tried", "early", "due"),
    [(1, 1.9, 2), (60, 74.9, 75), (24 * 60, 25 * 60 - 1, 25 * 60)],
    ids=["a minute at least", "a quarter of its age", "an hour at most"],
)
def test_what_was_given_up_is_tried_again_less_and_less_often(tried: float, early: float, due: float) -> None:
    assert paid(early, owed(tried=tried)) == []
    [resolve] = paid(due, owed(tried=tried, detail="400: no such channel"))
    assert resolve.reason == "still owed: 400: no such channel"


def test_a_try_from_before_the_clock_was_set_back_holds_nothing_up() -> None:
    assert paid(1, owed(tried=600))


def test_one_key_is_paid_once_whatever_tiers_it_was_told_at() -> None:
    assert len(paid(5, owed("a"), owed("a"), owed("b"))) == 2


def test_one_audit_writes_only_so_many() -> None:
    assert len(paid(5, *(owed(f"k{number}") for number in range(AT_ONCE + 5)))) == AT_ONCE
