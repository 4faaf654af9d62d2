from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.clock import START
from watchtower.notifiers.text import clean, clock_time, cut, elapsed, number, one_line, plural, utf8_bytes, utf16_units

ANY_TEXT = st.text(alphabet=st.characters(), max_size=200)


@given(ANY_TEXT)
def test_clean_text_has_no_control_character_and_no_surrogate(text: str) -> None:
    left = {unicodedata.category(char) for char in clean(text) if char not in "\n\u200d"}
    assert not left & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(ANY_TEXT)
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


def test_windows_line_ends_and_tabs_become_plain() -> None:
    assert clean("a\r\nb\rc\td") == "a\nb\nc d"


def test_an_emoji_of_a_family_stays_together() -> None:
    assert clean("👩‍👩‍👧") == "👩‍👩‍👧"


def test_text_that_reverses_what_follows_is_defused() -> None:
    assert one_line("pay \u202eEVIL\u202c now") == "pay EVIL now"


@given(ANY_TEXT, st.integers(min_value=3, max_value=300), st.sampled_from([len, utf16_units, utf8_bytes]))
def test_cut_text_fits_its_limit_and_begins_the_same(text: str, limit: int, measure) -> None:  # type: ignore[no-untyped-def]
    whole = clean(text)
    short = cut(whole, limit, measure)
    assert measure(short) <= limit
    assert short == whole or (short.endswith("…") and whole.startswith(short[:-1]))


def test_text_that_just_fits_is_not_cut() -> None:
    assert cut("x" * 150, 150) == "x" * 150
    assert cut("x" * 151, 150) == "x" * 149 + "…"


def test_an_emoji_counts_two_for_slack_and_four_for_sns() -> None:
    assert (utf16_units("🔥"), utf8_bytes("🔥")) == (2, 4)


@pytest.mark.parametrize(("value", "text"), [(96.2, "96.2"), (1_000.0, "1000"), (0.000012, "1.2e-05"), (3.0, "3")])
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (95, "1m35s"), (3725, "1h2m"), (-5, "0s")])
def test_a_long_time_needs_no_seconds(seconds: int, text: str) -> None:
    assert elapsed(START, START + timedelta(seconds=seconds)) == text


def test_one_alert_is_not_plural() -> None:
    assert (plural(1, "alert"), plural(2, "alert")) == ("1 alert", "2 alerts")


def test_times_name_their_zone() -> None:
    assert clock_time(START) == "2026-01-05 00:00 UTC"
