"""A cursor over a pattern's text, and the error that says at which column it stopped making sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from watchtower.errors import WatchtowerError

if TYPE_CHECKING:
    from collections.abc import Callable


class PatternError(WatchtowerError):
    """A pattern that CloudWatch would refuse; ``column`` counts characters from 1."""

    def __init__(self, message: str, column: int) -> None:
        self.message = message
        self.column = column
        super().__init__(f"column {column}: {message}")


class Cursor:
    """Reads a pattern from left to right; ``regexes`` counts those it has met."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.regexes = 0
        self._words: list[str] = []
        self._behind = 0

    @property
    def here(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def skip_space(self) -> None:
        """Go on to the next character that is none; a word ends here, whether there is a space or not."""
        self._end_word()
        while self.here.isspace():
            self.at += 1
        self._behind = self.at

    def words(self) -> tuple[str, ...]:
        """What was read so far, in the pieces between the spaces that were skipped."""
        self._end_word()
        return tuple(self._words)

    def _end_word(self) -> None:
        if self.at > self._behind:
            self._words.append(self.text[self._behind : self.at])
        self._behind = self.at

    def take(self, *choices: str) -> str:
        """The first of the choices that comes next, read; empty if none does."""
        found = next((choice for choice in choices if self.text.startswith(choice, self.at)), "")
        self.at += len(found)
        return found

    def take_while(self, wanted: Callable[[str], bool]) -> str:
        """The longest run of characters that are wanted, read."""
        start = self.at
        while self.here and wanted(self.here):
            self.at += 1
        return self.text[start : self.at]

    def quoted(self) -> str:
        """A text in double quotes, in which a backslash may stand before a quote or a backslash."""
        start = self.at
        self.at += 1
        read: list[str] = []
        while self.here != '"':
            if not self.here:
                self.fail("the quotation mark is never closed", start)
            if self.here == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\"):
                self.at += 1
            read.append(self.here)
            self.at += 1
        self.at += 1
        return "".join(read)

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        """Refuse the pattern, here or at an offset."""
        raise PatternError(message, (self.at if at is None else at) + 1)
