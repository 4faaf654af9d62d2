"""Regular expressions between percent signs: what CloudWatch takes of them, run in linear time.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from watchtower.logpattern.scanner import Cursor

#: Regular expressions that one pattern may hold.
MAX_REGEXES = 2
_PLAIN = frozenset(string.ascii_letters + string.digits + ":_#=@/;,-" + "^$?[]{}|*+.")
_ESCAPABLE = frozenset("^$?[]{}|*+.\\/-:_#=@;,dDsSwW")
_HEX = frozenset(string.hexdigits)
#: Bytes of a compiled expression: `{1000}` inside `{1000}` must not take the memory of the daemon.
_MAX_MEMORY = 1 << 20

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = _MAX_MEMORY


def read_regex(cursor: Cursor) -> Any:
    """The expression at the cursor, which stands on its first percent sign."""
    start = cursor.at
    cursor.at += 1
    while cursor.here != "%":
        if not cursor.here:
            cursor.fail("the regular expression's % is never closed", start)
        _check_next(cursor)
    body = cursor.text[start + 1 : cursor.at]
    cursor.at += 1
    cursor.regexes += 1
    if cursor.regexes > MAX_REGEXES:
        cursor.fail(f"a pattern holds at most {MAX_REGEXES} regular expressions", start)
    if not body:
        cursor.fail("the regular expression is empty", start)
    posix = body.find("[[:")
    if posix >= 0:
        cursor.fail("CloudWatch has no POSIX classes; write \\d, \\s, \\w or a range", start + 1 + posix)
    try:
        return re2.compile(body, _OPTIONS)
    except re2.error:
        cursor.fail("this is not a regular expression", start + 1)


def _check_next(cursor: Cursor) -> None:
    """Step over one character or one escape, if CloudWatch takes it."""
    if cursor.here == "\\":
        _check_escape(cursor)
        return
    if cursor.here in ("(", ")"):
        cursor.fail("CloudWatch takes no ( or ) in a regular expression; the characters themselves are \\x28 and \\x29")
    if cursor.here.isspace():
        cursor.fail("CloudWatch takes no space in a regular expression; write \\s")
    if cursor.here not in _PLAIN:
        cursor.fail(f"CloudWatch does not take {cursor.here!r} in a regular expression")
    cursor.at += 1


def _check_escape(cursor: Cursor) -> None:
    escaped = cursor.text[cursor.at + 1 : cursor.at + 2]
    digits = cursor.text[cursor.at + 2 : cursor.at + 4]
    if escaped == "x" and len(digits) == 2 and _HEX.issuperset(digits):
        cursor.at += 4
        return
    if escaped not in _ESCAPABLE or not escaped:
        cursor.fail(f"CloudWatch does not know \\{escaped} in a regular expression")
    cursor.at += 2
