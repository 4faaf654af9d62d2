"""Patterns for JSON lines: selectors compared with strings and numbers, null, booleans, what does not exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.logpattern.conditions import read_condition
from watchtower.logpattern.numbers import read_json
from watchtower.logpattern.operands import node_of_json, read_test

if TYPE_CHECKING:
    from watchtower.logpattern.scanner import Cursor

#: In the place of a property's name or an element's number: all of them.
ALL = None
Step = str | int | None
Holds = Callable[[Any], bool]

_STATES: dict[str, Callable[[list[Any]], bool]] = {
    "NULL": lambda found: any(value is None for value in found),
    "TRUE": lambda found: any(value is True for value in found),
    "FALSE": lambda found: any(value is False for value in found),
}


@dataclass(frozen=True, slots=True)
class Selectors:
    """A condition over a JSON object."""

    holds: Holds

    def matches(self, line: str) -> bool:
        """Whether a filter with this pattern counts the line; one that is no JSON object is never counted."""
        content = read_json(line)
        return isinstance(content, dict) and self.holds(content)


def read_selectors(cursor: Cursor) -> Selectors:
    """The whole pattern as a condition; the cursor stands on its first brace."""
    start = cursor.at
    cursor.at += 1
    holds: Holds = read_condition(cursor, lambda: _read_leaf(cursor))
    cursor.skip_space()
    if not cursor.here:
        cursor.fail("the brace is never closed", start)
    if not cursor.take("}"):
        cursor.fail("`&&`, `||` or `}` is missing here")
    cursor.skip_space()
    if cursor.here:
        cursor.fail("nothing may stand behind the closing brace")
    return Selectors(holds)


def _read_leaf(cursor: Cursor) -> Holds:
    steps = _read_selector(cursor)
    cursor.skip_space()
    test = read_test(cursor)
    if test is not None:
        # A selector that lands on an array, an object or nothing matches no comparison, not even !=.
        return lambda content: any(
            test(node) for value in _found(content, steps) if (node := node_of_json(value)) is not None
        )
    return _read_state(cursor, steps)


def _read_state(cursor: Cursor, steps: tuple[Step, ...]) -> Holds:
    start = cursor.at
    first = cursor.take_while(str.isalpha)
    cursor.skip_space()
    second = cursor.take_while(str.isalpha)
    if (first, second) == ("NOT", "EXISTS"):
        return lambda content: not _found(content, steps)
    if first != "IS" or second not in _STATES:
        cursor.fail("a comparison, IS NULL, IS TRUE, IS FALSE or NOT EXISTS is missing here", start)
    state = _STATES[second]
    return lambda content: state(_found(content, steps))


def _read_selector(cursor: Cursor) -> tuple[Step, ...]:
    start = cursor.at
    if not cursor.take("$."):
        cursor.fail("a selector begins with `$.`")
    steps = [_read_bracket(cursor) if cursor.take("[") else _read_name(cursor)]
    while sign := cursor.take(".[", "[", "."):
        steps.append(_read_name(cursor) if sign == "." else _read_bracket(cursor))
    if steps.count(ALL) > 1:
        cursor.fail("a selector holds at most one `*`", start)
    return tuple(steps)


def _read_name(cursor: Cursor) -> Step:
    if cursor.take("*"):
        return ALL
    name = cursor.take_while(_named)
    if not name:
        cursor.fail("the name of a property is missing here; one with other characters is written ['so.and.so']")
    return name


def _named(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in "_-")


def _read_bracket(cursor: Cursor) -> Step:
    """What stands behind an opening bracket: an element's number, ``*``, or a property's name in quotes."""
    step: Step = ALL
    quote = cursor.take("'", '"')
    if quote:
        step = cursor.take_while(lambda character: character != quote)
        if not cursor.take(quote):
            cursor.fail("the quotation mark is never closed")
    elif not cursor.take("*"):
        digits = cursor.take_while(lambda character: character in "0123456789")
        if not digits:
            cursor.fail("an element's number, `*` or a name in quotes is missing here")
        step = int(digits)
    if not cursor.take("]"):
        cursor.fail("`]` is missing here")
    return step


def _found(content: Any, steps: tuple[Step, ...]) -> list[Any]:
    values = [content]
    for step in steps:
        values = [inner for value in values for inner in _inside(value, step)]
    return values


def _inside(value: Any, step: Step) -> list[Any]:
    if isinstance(value, dict):
        if step is ALL:
            return list(value.values())
        return [value[step]] if step in value else []
    if isinstance(value, list):
        if step is ALL:
            return value
        return [value[step]] if isinstance(step, int) and step < len(value) else []
    return []
