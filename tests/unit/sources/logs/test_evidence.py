"""How much is read for the lines behind an alert, and what is said of lines that were not reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.sources.logs.evidence import MAX_LINE, MAX_PAGES, MAX_TEXT, gathered, shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Pages:
    """Pages of one answer; ``read`` counts those that were asked for."""

    def __init__(self, *pages: list[str], endless: bool = False) -> None:
        self._pages = pages
        self._endless = endless
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        while self._endless or self.read < len(self._pages):
            said = self._pages[self.read] if self.read < len(self._pages) else []
            self.read += 1
            more = {"nextToken": "t"} if self._endless or self.read < len(self._pages) else {}
            yield {"events": [{"message": one} for one in said], **more}


async def test_lines_behind_more_empty_pages_than_are_read_are_said_not_to_be_reached() -> None:
    pages = Pages(endless=True)
    found = await gathered(pages, 10)
    assert (found.lines, pages.read) == ((), MAX_PAGES)
    assert found.unreached == "lines may be missing: 10 pages were read, and CloudWatch Logs has more"


async def test_after_a_million_characters_no_further_page_is_read() -> None:
    long = "x " * (MAX_TEXT // 4)
    pages = Pages([long], [long], [long], ["last"])
    found = await gathered(pages, 10)
    assert pages.read == 2
    assert [len(line) for line in found.lines] == [MAX_LINE, MAX_LINE]
    assert found.unreached == "lines may be missing: 2 pages were read, and CloudWatch Logs has more"


async def test_as_long_as_there_is_room_the_next_page_is_read() -> None:
    pages = Pages(["x " * (MAX_TEXT // 2 - 1)], ["last"])
    found = await gathered(pages, 10)
    assert (pages.read, found.lines[-1], found.unreached) == (2, "last", "")


async def test_nothing_is_missed_where_the_lines_asked_for_are_there_or_the_last_page_was_read() -> None:
    assert (await gathered(Pages(["a", "b", "c"], endless=True), 2)) == (await gathered(Pages(["a", "b"]), 9))
    assert (await gathered(Pages(*([[]] * (MAX_PAGES - 1)), ["a"]), 9)).unreached == ""


def test_a_line_is_shown_without_secrets_in_one_row_and_cut() -> None:
    assert shown("ERROR\n  password=hunter2\tx") == "ERROR password=[redacted] x"
    assert shown("y" * (MAX_LINE + 1)) == "y" * (MAX_LINE - 1) + "…"
    assert len(shown("y" * MAX_LINE)) == MAX_LINE
