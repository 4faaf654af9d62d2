"""Windows hold when the wall clock of their place says so, on the days when clocks change too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchtower.incidents.windows import Window


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def intervals(window: Window, start: str, end: str) -> list[str]:
    """When it holds between two moments of UTC, as its changes tell."""
    now, until, told = utc(start), utc(end), [f"{window.active(utc(start))}"]
    while (change := window.next_change(now)) and change <= until:
        assert window.active(change) is not window.active(change - timedelta(microseconds=1))
        told.append(f"{change:%d %H:%M}")
        now = change
    return told


# 2026-01-05 is a Monday.


@pytest.mark.parametrize(
    ("weekly", "changes"),
    [
        ("Mon 08:00-10:00", ["05 08:00", "05 10:00"]),
        ("mon,wed 08:00-10:00", ["05 08:00", "05 10:00", "07 08:00", "07 10:00"]),
        ("Mon-Wed 08:00-10:00", ["05 08:00", "05 10:00", "06 08:00", "06 10:00", "07 08:00", "07 10:00"]),
        ("Sat-Mon 08:00-10:00", ["05 08:00", "05 10:00", "10 08:00", "10 10:00", "11 08:00", "11 10:00"]),
        ("Monday 08:00-09:00,15:00-16:00", ["05 08:00", "05 09:00", "05 15:00", "05 16:00"]),
        ("Mon 08:00-09:00, Tue 10:00-11:00", ["05 08:00", "05 09:00", "06 10:00", "06 11:00"]),
        ("Mon 22:00-06:00", ["05 22:00", "06 06:00"]),
        ("Mon 20:00-24:00", ["05 20:00", "06 00:00"]),
        ("Mon,Tue 22:00-06:00", ["05 22:00", "06 06:00", "06 22:00", "07 06:00"]),
        ("Mon 20:00-24:00, Tue 00:00-02:00", ["05 20:00", "06 02:00"]),
        ("Tue", ["06 00:00", "07 00:00"]),
        ("Tue-Wed", ["06 00:00", "08 00:00"]),
        ("Mon 08:00-10:00, Mon 09:00-11:00", ["05 08:00", "05 11:00"]),
    ],
)
def test_a_weekly_window_holds_at_its_times(weekly: str, changes: list[str]) -> None:
    assert intervals(Window.parse(weekly), "2026-01-05", "2026-01-12") == ["False", *changes]


def test_times_without_days_hold_every_day() -> None:
    assert len(intervals(Window.parse("22:00-06:00"), "2026-01-05 12:00", "2026-01-12 12:00")) == 15


def test_several_texts_are_one_window() -> None:
    window = Window.parse(["Mon 08:00-09:00", "Tue 08:00-09:00"])
    assert intervals(window, "2026-01-05", "2026-01-12") == ["False", "05 08:00", "05 09:00", "06 08:00", "06 09:00"]


def test_a_window_of_the_week_before_still_holds_after_midnight_on_monday() -> None:
    window = Window.parse("Sun 22:00-06:00")
    assert window.active(utc("2026-01-05 05:59"))
    assert not window.active(utc("2026-01-05 06:00"))


def test_a_window_that_always_holds_never_changes() -> None:
    window = Window.parse("Mon-Sun")
    assert window.active(utc("2026-01-05"))
    assert window.next_change(utc("2026-01-05")) is None


def test_a_window_goes_by_the_clocks_of_its_place() -> None:
    madrid = Window.parse("Mon-Fri 08:00-20:00", "Europe/Madrid")
    assert intervals(madrid, "2026-01-05", "2026-01-06") == ["False", "05 07:00", "05 19:00"]
    assert intervals(madrid, "2026-07-06", "2026-07-07") == ["False", "06 06:00", "06 18:00"]
    kiritimati = Window.parse("Mon 00:00-01:00", "Pacific/Kiritimati")
    assert intervals(kiritimati, "2026-01-04", "2026-01-05") == ["False", "04 10:00", "04 11:00"]


# On 2026-03-29 Madrid's clocks go from 02:00 to 03:00, at 01:00 UTC.


@pytest.mark.parametrize(
    ("weekly", "changes"),
    [
        ("Sun 01:00-04:00", ["29 00:00", "29 02:00"]),
        ("Sun 02:30-04:00", ["29 01:00", "29 02:00"]),
        ("Sun 01:00-02:30", ["29 00:00", "29 01:00"]),
        ("Sun 02:15-02:45", []),
        ("Sun 02:00-03:00", []),
        ("Sun 03:00-04:00", ["29 01:00", "29 02:00"]),
        ("Sat 22:00-06:00", ["28 21:00", "29 04:00"]),
    ],
)
def test_when_the_clock_jumps_over_a_time_it_counts_as_the_moment_of_the_jump(weekly: str, changes: list[str]) -> None:
    window = Window.parse(weekly, "Europe/Madrid")
    assert intervals(window, "2026-03-28", "2026-03-29 12:00") == ["False", *changes]


def test_the_jump_is_found_where_it_is_only_half_an_hour() -> None:
    """Lord Howe's clocks go from 02:00 to 02:30 on 2026-10-04, at 15:30 UTC of the day before."""
    window = Window.parse("Sun 02:10-03:00", "Australia/Lord_Howe")
    assert intervals(window, "2026-10-03", "2026-10-04") == ["False", "03 15:30", "03 16:00"]


# On 2026-10-25 Madrid's clocks go from 03:00 back to 02:00, at 01:00 UTC.


@pytest.mark.parametrize(
    ("weekly", "changes"),
    [
        ("Sun 02:00-03:00", ["25 00:00", "25 02:00"]),
        ("Sun 02:30-04:00", ["25 00:30", "25 03:00"]),
        ("Sun 01:00-02:30", ["24 23:00", "25 01:30"]),
        ("Sun 02:15-02:45", ["25 00:15", "25 01:45"]),
        ("Sun 03:00-04:00", ["25 02:00", "25 03:00"]),
        ("Sat 22:00-06:00", ["24 20:00", "25 05:00"]),
    ],
)
def test_an_hour_that_comes_twice_is_covered_twice_without_a_gap(weekly: str, changes: list[str]) -> None:
    window = Window.parse(weekly, "Europe/Madrid")
    assert intervals(window, "2026-10-24 12:00", "2026-10-25 12:00") == ["False", *changes]


@pytest.mark.parametrize(
    ("weekly", "message"),
    [
        ("", "is not a weekly window; write it like"),
        ("always", "'always' is not a day of the week; write Mon, Tue, Wed, Thu, Fri, Sat, Sun"),
        ("Mno 08:00-10:00", "'Mno' is not a day of the week"),
        ("Monty 08:00-10:00", "'Monty' is not a day of the week"),
        ("Mon 8-10", "'Mon 8-10' is not a weekly window; write it like"),
        ("Mon 08:00-25:00", "08:00-25:00 is not a time of day; hours go from 00:00 to 24:00"),
        ("Mon 08:61-09:00", "08:61-09:00 is not a time of day"),
        ("Mon 24:00-08:00", "24:00-08:00 is not a time of day"),
        ("Mon 08:00-08:00", "08:00-08:00 is empty: it ends when it begins; a whole day is 00:00-24:00"),
        ([], "a weekly window names at least one time"),
    ],
)
def test_what_is_no_window_is_refused_with_a_sentence(weekly: str | list[str], message: str) -> None:
    with pytest.raises(ValueError, match="^.*" + message):
        Window.parse(weekly)


@pytest.mark.parametrize("name", ["Europe/Madird", "Europe", "", "../etc/passwd", "x\0y"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        Window.parse("Mon", name)


def test_a_mistyped_time_zone_is_recognised() -> None:
    with pytest.raises(ValueError, match="did you mean `Europe/Madrid`"):
        Window.parse("Mon", "Europe/Madird")


def test_a_dated_window_holds_once_and_its_end_is_exclusive() -> None:
    window = Window.between(utc("2026-12-01 22:00"), utc("2026-12-02 02:00"))
    assert intervals(window, "2026-11-01", "2027-01-01") == ["False", "01 22:00", "02 02:00"]
    assert window.next_change(utc("2026-12-02 02:00")) is None


@given(
    minutes=st.integers(0, 60 * 24 * 365),
    weekly=st.sampled_from(["Sun 02:30-04:00", "Sat 22:00-06:00", "Mon-Fri 08:00-20:00", "01:59-02:01"]),
    place=st.sampled_from(["Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_between_two_changes_nothing_changes(minutes: int, weekly: str, place: str) -> None:
    window, now = Window.parse(weekly, place), utc("2026-01-01") + timedelta(minutes=minutes)
    change = window.next_change(now)
    assert change is not None
    assert now < change <= now + timedelta(days=8)
    assert window.active(change) is not window.active(now)
    step = (change - now) / 16
    assert all(window.active(now + number * step) is window.active(now) for number in range(16))
