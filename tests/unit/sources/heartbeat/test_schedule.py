"""When a ping is late, and when nobody may be blamed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from watchtower.sources.heartbeat.schedule import History, Schedule, judge

HOUR, DAY = 3600.0, 86_400.0
BACKUP = Schedule(grace=HOUR, cron="0 3 * * *", zone="Europe/Madrid")
DAILY = Schedule(grace=HOUR, every=DAY)


def at(text: str) -> float:
    return datetime.fromisoformat(f"2026-{text}+00:00").timestamp()


def value(schedule: Schedule, now: str, **known: Any) -> float | None:
    return judge(schedule, History(**{"since": at("01-01 00:00"), **known}), at(now)).value


def test_a_cron_ping_is_late_after_the_grace_and_not_before() -> None:
    last = at("01-10 02:04")  # 03:04 in Madrid
    assert value(BACKUP, "01-11 02:59", success=last) == 1.0
    assert value(BACKUP, "01-11 03:01", success=last) == 0.0


def test_an_interval_counts_from_the_last_ping() -> None:
    assert value(DAILY, "01-11 12:59", success=at("01-10 12:00")) == 1.0
    assert value(DAILY, "01-11 13:01", success=at("01-10 12:00")) == 0.0


@pytest.mark.parametrize(
    ("last", "late"),
    [
        ("03-28 02:05", "03-29 02:00"),  # clocks go forward at 02:00: 03:00 is 01:00 UTC
        ("10-24 01:05", "10-25 03:00"),  # clocks go back at 03:00: 03:00 is 02:00 UTC
    ],
)
def test_the_grace_is_an_hour_on_the_days_on_which_clocks_change(last: str, late: str) -> None:
    before, after = at(late) - 1, at(late) + 1
    assert judge(BACKUP, History(0.0, success=at(last)), before).value == 1.0
    assert judge(BACKUP, History(0.0, success=at(last)), after).value == 0.0


def test_a_time_that_comes_twice_is_expected_once_and_one_that_is_jumped_over_at_the_jump() -> None:
    night = Schedule(grace=0.0, cron="30 2 * * *", zone="Europe/Madrid")
    assert night.following(at("10-24 12:00"), at("10-24 12:00")) == at("10-25 00:30")
    assert night.following(at("10-25 00:31"), at("10-25 00:31")) == at("10-26 01:30")
    assert night.following(at("03-28 12:00"), at("03-28 12:00")) == at("03-29 01:00")


def test_a_ping_by_a_clock_that_is_seconds_ahead_is_that_of_its_time() -> None:
    assert value(BACKUP, "01-11 03:30", success=at("01-11 01:59") + 57) == 1.0


def test_who_never_pinged_is_unknown_until_a_period_and_the_grace_have_passed() -> None:
    since = at("01-10 12:00")
    assert value(DAILY, "01-11 12:30", since=since) is None
    assert value(DAILY, "01-11 13:01", since=since) == 0.0


def test_a_run_that_failed_is_down_until_one_succeeds() -> None:
    failed = at("01-10 02:04")
    verdict = judge(BACKUP, History(0.0, success=failed - DAY, failed=failed, said="disk full"), failed + 1)
    assert verdict.value == 0.0
    assert verdict.reason == "the run that ended at 2026-01-10 02:04:00 UTC failed: disk full"
    assert value(BACKUP, "01-10 05:00", success=failed + 60, failed=failed) == 1.0


def test_a_run_that_began_and_does_not_end_within_the_grace_is_down() -> None:
    last, began = at("01-10 02:04"), at("01-10 14:00")
    assert value(BACKUP, "01-10 14:59", success=last, started=began) == 1.0
    assert value(BACKUP, "01-10 15:01", success=last, started=began) == 0.0
    assert value(BACKUP, "01-10 15:01", success=began + 60, started=began) == 1.0


def test_a_ping_that_may_have_come_while_we_could_not_be_reached_is_waited_for_one_period_more() -> None:
    gap = (at("01-11 01:50"), at("01-11 02:30"))
    known: dict[str, Any] = {"success": at("01-10 02:04"), "gaps": (gap,)}
    assert value(BACKUP, "01-11 12:00", **known) == 1.0
    assert value(BACKUP, "01-12 03:01", **known) == 0.0


def test_a_restart_at_another_time_of_the_day_excuses_nothing() -> None:
    gap = (at("01-10 12:00"), at("01-10 12:01"))
    for schedule in (BACKUP, DAILY):
        assert value(schedule, "01-11 03:05", success=at("01-10 02:04"), gaps=(gap,)) == 0.0


def test_a_long_outage_excuses_every_time_within_it_and_none_after() -> None:
    gap = (at("01-10 20:00"), at("01-14 20:00"))
    assert value(DAILY, "01-15 12:59", success=at("01-10 12:00"), gaps=(gap,)) == 1.0
    assert value(DAILY, "01-15 13:01", success=at("01-10 12:00"), gaps=(gap,)) == 0.0


def test_restarts_every_night_excuse_one_night() -> None:
    gaps = tuple((at(f"01-{day} 02:10"), at(f"01-{day} 02:11")) for day in range(11, 15))
    known: dict[str, Any] = {"success": at("01-10 02:04"), "gaps": gaps}
    assert value(BACKUP, "01-12 02:59", **known) == 1.0
    assert value(BACKUP, "01-12 03:01", **known) == 0.0


def test_who_was_late_before_the_outage_is_late_after_it() -> None:
    gap = (at("01-11 05:00"), at("01-11 06:00"))
    assert value(BACKUP, "01-11 06:01", success=at("01-10 02:04"), gaps=(gap,)) == 0.0


def test_the_reason_says_when_it_came_last_and_when_it_was_expected() -> None:
    verdict = judge(BACKUP, History(0.0, success=at("01-10 02:04")), at("01-11 03:01"))
    assert verdict.reason == (
        "the last ping came at 2026-01-10 02:04:00 UTC; one was expected at 2026-01-11 02:00:00 UTC, grace 1h"
    )
