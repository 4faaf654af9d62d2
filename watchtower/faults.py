"""A fault: what is wrong in a file, and exactly where."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Severity(StrEnum):
    """An error stops the start; a warning is printed and lived with."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One mistake at ``file:line:column`` (both from 1), in a sentence a person can act on."""

    file: str
    line: int
    column: int
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        prefix = "warning: " if self.severity is Severity.WARNING else ""
        return f"{self.file}:{self.line}:{self.column}: {prefix}{self.message}"


class Misread(ValueError):
    """A mistake inside a text that is being read, ``offset`` characters after its beginning."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.72) -> str:
    """`` (did you mean `x`?)`` when one of the known words is as close as ``cutoff`` (0 to 1), else nothing."""
    lowered = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=cutoff)
    return f" (did you mean `{lowered[close[0]]}`?)" if close else ""
