"""Patterns for lines without structure: terms that must be there, may be there, must not be there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchtower.logpattern.regex import read_regex

if TYPE_CHECKING:
    from watchtower.logpattern.scanner import Cursor

Term = Callable[[str], bool]


@dataclass(slots=True)
class Terms:
    """A line matches when it has every wanted term and no unwanted one.

    Terms with a question mark are looked at only when there are no others: CloudWatch ignores them otherwise.
    """

    wanted: list[Term] = field(default_factory=list)
    unwanted: list[Term] = field(default_factory=list)
    choices: list[Term] = field(default_factory=list)

    def matches(self, line: str) -> bool:
        """Whether a filter with this pattern counts the line."""
        if self.choices and not self.wanted and not self.unwanted:
            return any(term(line) for term in self.choices)
        return all(term(line) for term in self.wanted) and not any(term(line) for term in self.unwanted)


def read_terms(cursor: Cursor) -> Terms:
    """The whole pattern as terms."""
    terms = Terms()
    cursor.skip_space()
    while cursor.here:
        sign = cursor.take("?", "-")
        if sign == "-":
            cursor.skip_space()
        kept = {"": terms.wanted, "-": terms.unwanted, "?": terms.choices}[sign]
        kept.append(_read_term(cursor, sign))
        cursor.skip_space()
    return terms


def _read_term(cursor: Cursor, sign: str) -> Term:
    if cursor.here == '"':
        phrase = cursor.quoted()
        # AWS: `" "` finds everything.
        return (lambda line: phrase in line) if phrase.strip() else (lambda _line: True)
    if cursor.here == "%":
        expression = read_regex(cursor)
        return lambda line: expression.search(line) is not None
    if sign and (not cursor.here or cursor.here.isspace()):
        cursor.fail(f"{sign} needs a term")
    word = cursor.take_while(_plain)
    if not word or (cursor.here and not cursor.here.isspace()):
        cursor.fail(f"a term with {cursor.here!r} belongs in double quotes")
    return lambda line: word in line


def _plain(character: str) -> bool:
    return character.isalnum() or character == "_"
