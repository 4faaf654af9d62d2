"""Is a page still itself: its title, language and main text, beside those that were accepted.

Pages are read with RE2, in time linear in their length, because anybody may write them.
"""

from __future__ import annotations

import html
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import re2

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

Part = Literal["title", "language", "text"]

#: Characters of a page that are looked at.
MAX_PAGE = 131_072
#: Hashes that stand for a text: two texts are compared to some 10 % (https://doi.org/10.1109/SEQUEN.1997.666900).
SKETCH = 64
_TITLE_LENGTH = 200
_SHINGLE = 3
_MIX = 2_654_435_761  # spreads crc32's neighbours over 32 bits (Knuth)


def _pattern(text: str) -> Any:
    return re2.compile(text)


_TITLE = _pattern(r"(?is)<title[^>]*>(.*?)</title")
_LANGUAGE = _pattern(r"(?is)<html[^>]*\slang\s*=\s*[\"']?([a-z0-9-]+)")
_MAIN = _pattern(r"(?is)<main\b[^>]*>(.*)</main")
_NO_TEXT = tuple(
    _pattern(rf"(?is)<{tag}\b.*?</{tag}\s*>")
    for tag in ("script", "style", "noscript", "template", "svg", "head", "nav", "header", "footer")
)
_COMMENT = _pattern(r"(?s)<!--.*?-->")
_TAG = _pattern(r"(?s)<[^>]*>")
#: Numbers beyond all characters: Python refuses to read the longest of them.
_NO_CHARACTER = _pattern(r"&#(?:0*[1-9][0-9]{7,}|[xX]0*[1-9a-fA-F][0-9a-fA-F]{6,});?")
_ZEROS = _pattern(r"&#0+([0-9])")
_WORD = _pattern(r"[\pL\pN]+")


@dataclass(frozen=True, slots=True)
class Content:
    """What a page is known by; a part that the rule does not ask for is None. ``text`` holds the smallest hashes."""

    title: str | None = None
    language: str | None = None
    text: tuple[int, ...] | None = None


def content_of(page: str, parts: Collection[Part], shown: Callable[[str, int], str]) -> Content:
    """The parts of a page that are compared; ``shown`` takes secrets out of a text and cuts it, as titles are told."""
    page = page[:MAX_PAGE]
    return Content(
        title=shown(_plain(_first(_TITLE, page)), _TITLE_LENGTH) if "title" in parts else None,
        language=_first(_LANGUAGE, page).lower() if "language" in parts else None,
        text=_sketch(page) if "text" in parts else None,
    )


def compare(accepted: Content, seen: Content) -> tuple[float, str]:
    """How much of what was accepted is still there, 0 to 1, and in words what changed."""
    if seen.title != accepted.title:
        return 0.0, f"the title is {seen.title!r}, accepted was {accepted.title!r}"
    if seen.language != accepted.language:
        return 0.0, f"the language is {seen.language or 'not named'}, accepted was {accepted.language or 'none'}"
    if seen.text is None or accepted.text is None:
        return 1.0, "the page is as accepted"
    share = _similarity(accepted.text, seen.text)
    return share, "the page is as accepted" if share == 1 else f"{share:.0%} of the text is as accepted"


def _first(pattern: Any, page: str) -> str:
    found = pattern.search(page)
    return str(found.group(1)) if found else ""


def _plain(markup: str) -> str:
    text = _ZEROS.sub(r"&#\1", _NO_CHARACTER.sub("&#xfffd;", _TAG.sub(" ", markup)))
    return " ".join(html.unescape(text).split())


def _sketch(page: str) -> tuple[int, ...]:
    for pattern in (_COMMENT, *_NO_TEXT):
        page = pattern.sub(" ", page)
    words = _WORD.findall(_plain(_first(_MAIN, page) or page).lower())
    return tuple(sorted(set(_hashes(words)))[:SKETCH])


def _hashes(words: list[str]) -> Iterator[int]:
    for number in range(max(1, len(words) - _SHINGLE + 1)) if words else ():
        yield zlib.crc32(" ".join(words[number : number + _SHINGLE]).encode()) * _MIX % 2**32


def _similarity(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The share of both texts' parts that both have, estimated from the smallest hashes of either."""
    smallest = sorted({*one, *other})[:SKETCH]
    if not smallest:
        return 1.0
    both = {*one} & {*other}
    return sum(value in both for value in smallest) / len(smallest)
