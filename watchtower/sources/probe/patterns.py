"""Users' regular expressions: RE2, which needs time linear in the text, whatever the pattern."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

import re2
from pydantic import AfterValidator

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


def _sound(pattern: str) -> str:
    if not pattern:
        raise ValueError("an empty pattern matches everything")
    try:
        _compiled(pattern)
    except re2.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {_words(error)}") from None
    return pattern


@lru_cache(maxsize=1_024)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern, _OPTIONS)


def found(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text."""
    return _compiled(pattern).search(text) is not None


def matches_stars(pattern: str, text: str) -> bool:
    """Whether the whole text is as the pattern says, in which ``*`` stands for any text and all else for itself."""
    return found(rf"(?s)\A{'.*'.join(map(re2.escape, pattern.split('*')))}\z", text)


def _words(error: Exception) -> str:
    """RE2 speaks in bytes."""
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


#: A regular expression in RE2's syntax: https://github.com/google/re2/wiki/Syntax
Pattern = Annotated[str, AfterValidator(_sound)]
