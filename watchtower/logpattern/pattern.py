"""A pattern, read once and asked of many lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from watchtower.logpattern.fields import Fields, read_fields
from watchtower.logpattern.scanner import Cursor, PatternError
from watchtower.logpattern.selectors import Selectors, read_selectors
from watchtower.logpattern.terms import Terms, read_terms

#: Characters of a pattern
#: (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html).
MAX_PATTERN = 1024


@dataclass(frozen=True, slots=True)
class Pattern:
    """A filter pattern that CloudWatch would take; ``words`` are its text between the spaces that mean nothing."""

    text: str
    words: tuple[str, ...]
    rule: Terms | Fields | Selectors

    def matches(self, line: str) -> bool:
        """Whether a filter with this pattern counts the line, in time linear in it."""
        return self.rule.matches(line)

    def extract(self, line: str) -> dict[str, str] | None:
        """The fields of a line, if it matches; only a pattern of fields has any."""
        if isinstance(self.rule, Fields):
            return self.rule.extract(line)
        return {} if self.matches(line) else None


def compile_pattern(text: str) -> Pattern:
    """Read a pattern; raises PatternError with the column where CloudWatch would stop."""
    if len(text) > MAX_PATTERN:
        raise PatternError(f"a pattern has at most {MAX_PATTERN} characters, this one {len(text)}", MAX_PATTERN + 1)
    cursor = Cursor(text)
    cursor.skip_space()
    rule = _rule(cursor)
    return Pattern(text, cursor.words(), rule)


def _rule(cursor: Cursor) -> Terms | Fields | Selectors:
    if cursor.here == "{":
        return read_selectors(cursor)
    return read_fields(cursor) if cursor.here == "[" else read_terms(cursor)


@lru_cache(maxsize=4096)
def normalised(text: str) -> tuple[str, ...]:
    """A pattern without the spaces that its reader steps over: two that are only spaced differently are equal so.

    One that cannot be read is equal to itself alone.
    """
    try:
        return compile_pattern(text).words
    except PatternError:
        return (text,)
