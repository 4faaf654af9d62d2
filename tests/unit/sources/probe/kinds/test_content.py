"""Whether a page is still what was accepted."""

from __future__ import annotations

import time

import pytest

from watchtower.sources.probe.kinds.http.content import Content, Part, compare, content_of

PARTS: tuple[Part, ...] = ("title", "language", "text")
TITLE: tuple[Part, ...] = ("title",)
SENTENCES = " ".join(f"sentence {number} tells of something else." for number in range(60))


def cut(text: str, most: int) -> str:
    return text[:most]


def page(title: str = "Welcome", language: str = "en", text: str = SENTENCES, around: str = "") -> str:
    return f"""<!DOCTYPE html><html class="x" lang="{language}"><head><title>{title}</title>
    <script>if (a < b) {{ say("hidden {around}") }}</script></head>
    <body><nav>Menu {around}</nav><p>{text}</p><!-- {around} --><footer>{around}</footer></body></html>"""


def share(one: str, other: str) -> float:
    return compare(content_of(one, PARTS, cut), content_of(other, PARTS, cut))[0]


def test_a_page_is_known_by_title_language_and_text() -> None:
    seen = content_of(page("Caf&eacute;  &amp; more"), PARTS, cut)

    assert (seen.title, seen.language) == ("Café & more", "en")
    assert seen.text


def test_what_a_rule_does_not_ask_for_is_not_looked_at() -> None:
    assert content_of(page(), TITLE, cut) == Content("Welcome", None, None)


def test_scripts_menus_footers_and_comments_are_no_text() -> None:
    assert share(page(around="one"), page(around="two")) == 1.0


def test_where_a_page_names_its_main_part_the_rest_is_no_text() -> None:
    main = f"<main>{SENTENCES}</main>"
    assert share(f"<p>Sale today</p>{main}", f"<p>Sold out</p>{main}") == 1.0


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (page(), "the page is as accepted"),
        (page("Hacked"), "the title is 'Hacked', accepted was 'Welcome'"),
        (page(language="ru"), "the language is ru, accepted was en"),
        (page(text="all your pages are belong to us"), "0% of the text is as accepted"),
    ],
)
def test_a_change_is_told_in_words(other: str, reason: str) -> None:
    assert compare(content_of(page(), PARTS, cut), content_of(other, PARTS, cut))[1] == reason


def test_a_paragraph_more_is_a_small_change_and_another_page_a_whole_one() -> None:
    assert 0.75 < share(page(), page(text=SENTENCES + " A paragraph that was added this morning.")) < 1
    assert share(page(), page(text="Other words altogether.")) == 0


@pytest.mark.parametrize("filler", ["<!--", "<title", "<main>", "<script ", "&amp", "<a b='", "</", "<![CDATA["])
def test_a_page_that_is_made_to_be_slow_is_not(filler: str) -> None:
    hostile = filler * (1_000_000 // len(filler))
    began = time.process_time()
    content_of(hostile, PARTS, cut)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("a &#" + "1" * 5_000 + "; b", "a � b"),
        ("a &#x" + "f" * 5_000 + "; b", "a � b"),
        ("a &#" + "0" * 5_000 + "65; b", "a A b"),
        ("a &#8364; b", "a € b"),
    ],
)
def test_a_number_that_is_no_character_is_no_reason_to_give_up(written: str, title: str) -> None:
    assert content_of(page(written), TITLE, cut).title == title
