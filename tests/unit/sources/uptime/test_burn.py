"""When an error budget burns so fast that somebody is told: Google's figures for thirty days."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from watchtower.sources.uptime.burn import CALM, PAGE, PAIRS, TICKET, Burn, burn_of, told_by_one
from watchtower.sources.uptime.ledger import Totals, begin_of
from watchtower.sources.uptime.query import SloModel

SLO = SloModel.model_validate({"objective": 99.9})
#: A time at which rows of every width end.
NOW = 30 * 86_400 * 1_000
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def totals(*down: tuple[int, int], now: int = NOW) -> dict[int, Totals]:
    """What the ledger holds when it was down from one age to another, in seconds before now."""
    found = {}
    for window in (5 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, 3 * DAY, 30 * DAY):
        span = now - begin_of(window, now)
        lost = sum(max(0, min(begin, span) - end) for begin, end in down)
        found[window] = Totals(up=span - lost, down=lost)
    return found


def burned(found: dict[int, Totals], *, slo: SloModel = SLO, interval: float = 10) -> Burn:
    return burn_of(slo, found, NOW, interval)


def test_the_rates_are_the_published_ones() -> None:
    assert [round(pair.rate(30 * DAY), 6) for pair in PAIRS] == [14.4, 6, 1]


def test_a_healthy_target_keeps_its_budget() -> None:
    burn = burned(totals())
    assert (burn.value, burn.left, burn.reason) == (CALM, 1.0, "100.0% of the error budget is left")


def test_a_minute_of_downtime_that_goes_on_pages_within_the_hour() -> None:
    assert burned(totals((51, 0))).value == CALM
    burn = burned(totals((52, 0)))
    assert burn.value == PAGE
    assert burn.reason == (
        "downtime is 14.4 times what 99.9 % of 30d allows over 1h, and 173 times over 5m (told from 14.4 times on); "
        "98.0% of the error budget is left"
    )


def test_downtime_that_is_over_pages_nobody_any_more() -> None:
    assert burned(totals((2_700, 1_801))).value == TICKET


def test_a_slower_burn_pages_over_six_hours() -> None:
    spells = [(age + 12, age) for age in range(0, 6 * HOUR, 30 * MINUTE)]
    assert burned(totals(*spells)).reason.startswith("downtime is 6.67 times what 99.9 % of 30d allows over 6h")


def test_a_slow_burn_over_days_is_a_ticket() -> None:
    spells = [(age + 22, age) for age in range(0, 3 * DAY, 6 * HOUR)]
    assert burned(totals(*spells)).value == TICKET


def test_maintenance_and_blindness_spend_no_budget_and_count_as_no_good_time_either() -> None:
    burn = burned({30 * DAY: Totals(up=15 * DAY - 1_296, down=1_296, maintenance=10 * DAY, unknown=5 * DAY)})
    assert burn.left == pytest.approx(0.0)


@pytest.mark.parametrize("interval", [52, 60, 300])
def test_one_failed_look_pages_nobody_however_much_of_the_hour_it_stands_for(interval: int) -> None:
    assert burned(totals((interval, 0)), interval=interval).value == CALM
    assert burned(totals((2 * interval, 0)), interval=interval).value == PAGE


def test_two_failures_that_are_far_apart_do_not_page_as_one_that_goes_on() -> None:
    assert burned(totals((1_860, 1_800), (60, 0)), interval=60).value == CALM


def test_a_look_an_hour_is_judged_by_the_windows_that_have_room_for_two() -> None:
    assert burned(totals((HOUR, 0)), interval=HOUR).value == CALM
    assert "over 6h" in burned(totals((2 * HOUR, 0)), interval=HOUR).reason


def test_a_blip_after_a_long_maintenance_is_still_a_blip() -> None:
    found = {window: Totals(up=200, down=20, maintenance=max(0, min(window, HOUR) - 220)) for window in totals()}
    assert burned(found, interval=5).value == CALM


@pytest.mark.parametrize(("interval", "long"), [(30, None), (51, None), (52, HOUR), (60, HOUR), (3_600, HOUR)])
def test_an_interval_that_reaches_a_rate_by_itself_is_known(interval: float, long: int | None) -> None:
    pair = told_by_one(SLO, interval)
    assert (pair and pair.long) == long


def test_a_target_that_is_watched_for_a_minute_has_not_spent_a_month() -> None:
    found = dict.fromkeys((5 * MINUTE, HOUR, 6 * HOUR, 30 * MINUTE, 3 * DAY, 30 * DAY), Totals(down=30))
    assert burned(found).value == CALM


def test_an_overspent_budget_is_told_as_such() -> None:
    burn = burned(totals((5_000, 0)))
    assert burn.left < 0
    assert "overspent by 92.9%" in burn.reason


def test_a_shorter_window_is_burnt_at_lower_rates() -> None:
    week = SloModel.model_validate({"objective": 99.9, "window": "7d"})
    assert burned(totals((52, 0)), slo=week).value == PAGE
    assert "told from 3.36 times on" in burned(totals((52, 0)), slo=week).reason


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"objective": 100}, "less than 100"),
        (
            {"objective": 90},
            "burns 10 times as fast as it may at most, when all is down, and the first page is at 14.4",
        ),
        ({"objective": 99, "window": "1d"}, "the window is 7d to 90d, not 1d"),
        ({"objective": 99, "page": "P4"}, "`ticket` P4 must be less urgent than `page` P4"),
    ],
)
def test_an_objective_that_could_never_be_told_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SloModel.model_validate(given)
