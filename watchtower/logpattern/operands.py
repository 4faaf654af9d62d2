"""What a field or a selector is compared with: a text with wildcards, a number, a regular expression."""

from __future__ import annotations

import operator
import string
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from watchtower.logpattern.numbers import as_number
from watchtower.logpattern.regex import read_regex

if TYPE_CHECKING:
    from watchtower.logpattern.scanner import Cursor

#: Operators, longest first.
OPERATORS = ("!=", ">=", "<=", "=", ">", "<")

_BARE = frozenset(string.ascii_letters + string.digits + "_*.+-:/#;?")
_ORDERS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """A value found in a log line: its text, and its number where it is one.

    The number is exact: ids of orders and accounts often have more digits than a float can tell apart.
    """

    text: str
    number: Decimal | None

    @classmethod
    def of_text(cls, text: str) -> Node:
        """A field's text; one that reads as a number is one, too."""
        return cls(text, as_number(text))


Test = Callable[[Node], bool]


def read_test(cursor: Cursor) -> Test | None:
    """An operator and its operand; None when no operator comes next."""
    sign = cursor.take(*OPERATORS)
    if not sign:
        return None
    cursor.skip_space()
    start = cursor.at
    if cursor.here == "%":
        expression = read_regex(cursor)
        if sign in _ORDERS:
            cursor.fail(f"a regular expression cannot stand after {sign}", start)
        return _negated(sign, lambda node: expression.search(node.text) is not None)
    quoted = cursor.here == '"'
    text = cursor.quoted() if quoted else _bare(cursor, sign)
    number = None if quoted else as_number(text)
    if sign in _ORDERS:
        if number is None:
            cursor.fail(f"{sign} needs a number", start)
        return _ordered(_ORDERS[sign], number)
    return _negated(sign, like(text) if number is None else _equal(number, text))


def like(text: str) -> Test:
    """Equal to a text; a ``*`` at its beginning or end stands for anything, one inside it for itself."""
    core, starts, ends = text.strip("*"), text.startswith("*"), text.endswith("*")
    if starts and ends:
        return lambda node: core in node.text
    if starts:
        return lambda node: node.text.endswith(core)
    if ends:
        return lambda node: node.text.startswith(core)
    return lambda node: node.text == text


def _bare(cursor: Cursor, sign: str) -> str:
    text = cursor.take_while(_BARE.__contains__)
    if not text:
        if cursor.here == "!":
            cursor.fail("not equal is written !=")
        cursor.fail(f"{sign} needs a value" if not cursor.here or cursor.here in ",)]}&|" else _needs_quotes(cursor))
    if cursor.here and cursor.here not in " \t\r\n,)]}&|":
        cursor.fail(_needs_quotes(cursor))
    return text


def _needs_quotes(cursor: Cursor) -> str:
    return f"a value with {cursor.here!r} belongs in double quotes"


def _equal(number: Decimal, text: str) -> Test:
    return lambda node: node.text == text or node.number == number


def _ordered(holds: Callable[[Decimal, Decimal], bool], limit: Decimal) -> Test:
    return lambda node: node.number is not None and holds(node.number, limit)


def _negated(sign: str, test: Test) -> Test:
    return test if sign == "=" else lambda node: not test(node)


def node_of_json(value: Any) -> Node | None:
    """A JSON string, number or boolean; None for null, arrays and objects: no comparison holds for them."""
    if isinstance(value, bool):
        return Node(str(value).lower(), None)
    if isinstance(value, str):
        return Node.of_text(value)
    if isinstance(value, int | float | Decimal):
        return Node(str(value), Decimal(str(value)))
    return None
