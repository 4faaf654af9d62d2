"""How time is cut into rows, and what totals say."""

from __future__ import annotations

import pytest

from watchtower.model import AlertKey, Labels
from watchtower.sources.uptime.ledger import DAY, FINE, HOUR, Spent, Totals, Watched, begin_of, width_of

KEY = AlertKey("SiteDown", Labels({"target": "a"}))


def test_a_span_is_cut_where_rows_end() -> None:
    span = Spent(KEY, Watched.UP, 3_590, 7_210, HOUR)
    assert list(span.rows()) == [(0, 3_590, 3_600), (3_600, 3_600, 7_200), (7_200, 7_200, 7_210)]


@pytest.mark.parametrize(
    ("window", "width"), [(300, FINE), (6 * HOUR, FINE), (DAY, HOUR), (3 * DAY, HOUR), (7 * DAY, DAY)]
)
def test_a_window_is_counted_in_rows_that_are_there_that_long(window: int, width: int) -> None:
    assert width_of(window) == width
    assert begin_of(window, 10 * DAY + 1) % width == 0
    assert 0 <= 10 * DAY + 1 - window - begin_of(window, 10 * DAY + 1) < width


def test_uptime_is_the_share_of_what_was_judged() -> None:
    assert Totals(up=900, down=100, maintenance=5_000, unknown=5_000).ratio == 0.9
    assert Totals(unknown=60).ratio is None


def test_what_nobody_booked_was_not_watched_but_not_before_the_first_look() -> None:
    totals = Totals(up=100, down=20, since=1_000, until=1_300)
    assert totals.seconds(0)[Watched.UNWATCHED] == 180
    assert totals.seconds(1_100)[Watched.UNWATCHED] == 80
    assert sum(totals.seconds(0).values()) == 300
