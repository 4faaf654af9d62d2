"""Conditions joined by && and ||, with parentheses: () before && before ||."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchtower.logpattern.scanner import Cursor

T = TypeVar("T")

#: How deep parentheses may stand in each other.
MAX_DEPTH = 50


def read_condition(cursor: Cursor, leaf: Callable[[], Callable[[T], bool]], depth: int = 0) -> Callable[[T], bool]:
    """A whole condition; ``leaf`` reads one comparison."""
    choices = [_read_all(cursor, leaf, depth)]
    while _joined_by(cursor, "||"):
        choices.append(_read_all(cursor, leaf, depth))
    return choices[0] if len(choices) == 1 else lambda subject: any(choice(subject) for choice in choices)


def _read_all(cursor: Cursor, leaf: Callable[[], Callable[[T], bool]], depth: int) -> Callable[[T], bool]:
    parts = [_read_one(cursor, leaf, depth)]
    while _joined_by(cursor, "&&"):
        parts.append(_read_one(cursor, leaf, depth))
    return parts[0] if len(parts) == 1 else lambda subject: all(part(subject) for part in parts)


def _read_one(cursor: Cursor, leaf: Callable[[], Callable[[T], bool]], depth: int) -> Callable[[T], bool]:
    cursor.skip_space()
    start = cursor.at
    if not cursor.take("("):
        return leaf()
    if depth == MAX_DEPTH:
        cursor.fail(f"parentheses are nested deeper than {MAX_DEPTH}", start)
    inner = read_condition(cursor, leaf, depth + 1)
    cursor.skip_space()
    if not cursor.take(")"):
        cursor.fail("the parenthesis is never closed", start)
    return inner


def _joined_by(cursor: Cursor, sign: str) -> bool:
    cursor.skip_space()
    if cursor.here == sign[0] and not cursor.text.startswith(sign, cursor.at):
        cursor.fail(f"{sign} is written with two characters")
    return bool(cursor.take(sign))
