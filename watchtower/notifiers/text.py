"""Text that no vendor refuses: without control characters, cut by characters, UTF-16 units or bytes."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from watchtower.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

ELLIPSIS = "…"


def clean(text: str) -> str:
    """The text without control characters and what reverses or hides text; lines end in ``\\n``."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(char for char in unified if _printable(char))


def _printable(char: str) -> bool:
    return char in _KEPT or unicodedata.category(char) not in _UNPRINTABLE


#: Cc control, Cf format (hides or reverses what follows), Cs surrogate, Co private, Zl and Zp line breaks.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
#: Line ends, and the joiner without which emoji of several people fall apart.
_KEPT = frozenset("\n\u200d")


def one_line(text: str) -> str:
    """The clean text on one line, with single spaces."""
    return " ".join(clean(text).split())


def utf16_units(text: str) -> int:
    """The length as Slack's servers may count it: an emoji is two."""
    return len(text) + sum(char > "\uffff" for char in text)


def utf8_bytes(text: str) -> int:
    """The length SNS counts."""
    return len(text.encode())


def cut(text: str, limit: int, measure: Callable[[str], int] = len) -> str:
    """The text, or its longest beginning that fits ``limit`` together with an ellipsis."""
    if measure(text) <= limit:
        return text
    room = limit - measure(ELLIPSIS)
    size = 0
    for index, char in enumerate(text):
        size += measure(char)
        if size > room:
            return text[:index].rstrip() + ELLIPSIS
    return text


def plural(count: int, noun: str) -> str:
    """``1 alert``, ``2 alerts``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def number(value: float) -> str:
    """A value as people read it: six digits, no exponent where none is needed."""
    return f"{value:.6g}"


def clock_time(moment: datetime) -> str:
    """``2026-01-05 14:02 UTC``."""
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def elapsed(start: datetime, end: datetime) -> str:
    """How long it lasted, in whole seconds below ten minutes and whole minutes above."""
    seconds = max((end - start).total_seconds(), 0.0)
    return format_duration(seconds if seconds < 600 else seconds // 60 * 60)
