"""Since when something lasts, where AWS does not say."""

from __future__ import annotations

from watchtower.sources.announced.since import Shortfall, shortfall, since_of


def test_a_shortfall_goes_on_until_all_are_there() -> None:
    began = shortfall(None, desired=4, there=2, now=1000)
    assert began == Shortfall(1000, 4, 2)
    assert shortfall(began, desired=4, there=3, now=1600) == Shortfall(1000, 4, 1)
    assert shortfall(began, desired=4, there=4, now=1600) is None


def test_wanting_more_begins_it_anew_and_wanting_less_does_not() -> None:
    began = Shortfall(1000, 4, 2)
    assert shortfall(began, desired=6, there=2, now=1600) == Shortfall(1600, 6, 4)
    assert shortfall(began, desired=3, there=2, now=1600) == Shortfall(1000, 3, 1)


def test_it_counts_from_the_end_of_its_grace_and_says_how_long_it_lasts() -> None:
    short = Shortfall(1000, 4, 2)
    assert [short.counted(600, now) for now in (1000, 1599, 1600)] == [0.0, 0.0, 2.0]
    assert short.told("2 of 4", 600, 1000) == "2 of 4, just now; 10m are allowed"
    assert short.told("2 of 4", 600, 1659) == "2 of 4, for 10m"


def test_what_was_there_before_keeps_its_beginning() -> None:
    assert since_of({"Launch": 5, "Terminate": 6}, {"Launch", "AZRebalance"}, 9) == {"AZRebalance": 9, "Launch": 5}
