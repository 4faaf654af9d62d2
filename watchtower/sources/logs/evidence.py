"""The lines behind an alert: FilterLogEvents, bounded in pages and bytes, secrets hidden.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from watchtower.inventory.paging import pages
from watchtower.redaction import redact

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping

    from watchtower.aws.clients import AwsClients
    from watchtower.sources.base import Place

#: Pages that are read for one alert; empty ones with a token are normal.
MAX_PAGES = 10
#: Characters of all messages after which no further page is read; one page has at most 1 MB.
MAX_TEXT = 1_000_000
#: Characters of a line that are kept.
MAX_LINE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """The first ``count`` lines that match, from ``since`` until ``until`` (epoch seconds, until exclusive)."""

    log_group: str
    pattern: str
    since: int
    until: int
    count: int


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines as they may be shown, oldest first; ``unreached`` says why there may be more."""

    lines: tuple[str, ...]
    unreached: str = ""


async def matching_lines(clients: AwsClients, place: Place, wanted: Wanted) -> Lines:
    """What FilterLogEvents finds; raises SourceError."""
    request = {
        "logGroupName": wanted.log_group,
        "filterPattern": wanted.pattern,
        "startTime": wanted.since * 1000,
        "endTime": wanted.until * 1000 - 1,  # CloudWatch Logs includes the end
        "limit": wanted.count,
    }
    found = pages(clients, place.account, place.region, "logs", "filter_log_events", "nextToken", **request)
    async with aclosing(found) as answers:
        return await gathered(answers, wanted.count)


async def gathered(answers: AsyncIterable[Mapping[str, Any]], count: int) -> Lines:
    """The first ``count`` lines of a listing, of which only so many pages and characters are read."""
    lines: list[str] = []
    number = read = 0
    async for page in answers:
        number += 1
        messages = [str(event.get("message", "")) for event in page.get("events", ())]
        read += sum(map(len, messages))
        lines += map(shown, messages)
        if len(lines) >= count:
            break
        if page.get("nextToken") and (number >= MAX_PAGES or read >= MAX_TEXT):
            return Lines(tuple(lines), f"lines may be missing: {number} pages were read, and CloudWatch Logs has more")
    return Lines(tuple(lines[:count]))


def shown(message: str) -> str:
    """A message as it may be shown: on one line, without secrets, cut."""
    line = " ".join(redact(message).split())
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"
