"""Which slot of a unit's grid is due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.clock import START
from tests.support.make import unit
from watchtower.clock import epoch
from watchtower.engine.plan import Plan, due_at, newest_slot, skipped_slots, unit_rows

T = int(epoch(START))


@pytest.mark.parametrize(
    ("seconds", "slot"),
    [(0, -120), (59, -120), (60, -60), (119, -60), (120, 0), (179, 0), (180, 60)],
)
def test_a_slot_is_due_once_its_publication_delay_has_passed(seconds: int, slot: int) -> None:
    assert newest_slot(unit(), START + timedelta(seconds=seconds)) == T + slot


def test_the_grid_of_a_spread_unit_keeps_its_offset() -> None:
    spread = unit(offset=7, delay=0)

    assert newest_slot(spread, START + timedelta(seconds=6)) == T - 53
    assert newest_slot(spread, START + timedelta(seconds=7)) == T + 7


def test_the_newest_slot_is_due_by_now_and_the_next_one_is_not() -> None:
    one = unit(period=900, delay=300)
    now = START + timedelta(seconds=12_345)

    tick = newest_slot(one, now)

    assert due_at(one, tick) <= now < due_at(one, tick + one.period)


def test_slots_that_were_jumped_over_are_counted() -> None:
    assert skipped_slots(unit(), T, T + 60) == 0
    assert skipped_slots(unit(), T, T + 600) == 9
    assert skipped_slots(unit(), None, T) == 0


def test_a_retry_of_the_same_slot_skips_nothing() -> None:
    assert skipped_slots(unit(), T, T) == 0


def test_a_new_unit_begins_at_once_but_a_spread_one_at_its_own_next_slot() -> None:
    plan = Plan({}, {"a": unit(id="a"), "b": unit(id="b", offset=7, delay=0)})

    due = {row.id: row.due_at for row in unit_rows(plan, START)}

    assert due == {"a": START, "b": START + timedelta(seconds=7)}


def test_a_window_that_slides_ticks_on_its_own_step() -> None:
    sliding = unit(period=300, step=60, delay=300)

    assert newest_slot(sliding, START + timedelta(seconds=421)) == T + 120
    assert skipped_slots(sliding, T, T + 180) == 2
    [row] = unit_rows(Plan({}, {"a": sliding}), START)
    assert row.period == 60
