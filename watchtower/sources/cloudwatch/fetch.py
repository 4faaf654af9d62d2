"""Packed calls, page by page: what came, and what broke them off."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from watchtower.aws.metricdata import Page, get_metric_data
from watchtower.errors import SourceError
from watchtower.model import TroubleReason
from watchtower.sources.base import Place
from watchtower.sources.cloudwatch.pack import pack, shopping_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.metricdata import SeriesPage
    from watchtower.sources.base import Poll
    from watchtower.sources.cloudwatch.pack import Call
    from watchtower.sources.cloudwatch.series import Expansion


@dataclass(frozen=True, slots=True)
class Window:
    """The slots asked for: ``start`` inclusive, ``end`` exclusive, both on the period's grid (epoch seconds)."""

    start: int
    end: int
    period: int
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        # Shared by the points of all series: an integer of its own would make each point a quarter larger.
        object.__setattr__(self, "_starts", tuple(range(self.start, self.end, self.period)))

    def slot(self, at: float) -> int | None:
        """The start of the slot a datapoint belongs to; None outside the window."""
        if not self.start <= at < self.end:
            return None
        return self._starts[int(at - self.start) // self.period]


@dataclass(slots=True)
class Gathered:
    """What all pages so far say about one query; ``several``: one page held it twice, so it is more than a series.

    ``pairs`` are the values of a band by slot, two where both ends came.
    """

    points: dict[int, float] = field(default_factory=dict)
    pairs: dict[int, tuple[float, ...]] = field(default_factory=dict)
    status: str = ""
    message: str = ""
    complete: bool = False
    several: bool = False


@dataclass(slots=True)
class CallAnswer:
    """What one call brought: ``error`` says why it ended early, ``pages`` how far it came."""

    call: Call
    results: dict[str, Gathered] = field(default_factory=dict)
    message: str = ""
    pages: int = 0
    error: SourceError | None = None


async def fetch_all(clients: AwsClients, poll: Poll, expansions: Sequence[Expansion]) -> list[CallAnswer]:
    """Everything the expansions of a poll want, in as few calls as possible, all at once."""
    place, period = Place(poll.unit.account, poll.unit.region), poll.unit.period
    fetches = [
        fetch(clients, place, call, Window(poll.tick - slots * period, poll.tick, period))
        for slots, wants in shopping_lists(expansions)
        for call in pack(wants, period)
    ]
    return await asyncio.gather(*fetches)


async def fetch(clients: AwsClients, place: Place, call: Call, window: Window) -> CallAnswer:
    """Read every page of a call; never raises SourceError: what came before it still counts."""
    answer = CallAnswer(call)
    try:
        await _read_pages(clients, place, window, answer)
    except SourceError as error:
        answer.error = error
    return answer


async def _read_pages(clients: AwsClients, place: Place, window: Window, answer: CallAnswer) -> None:
    queries = answer.call.queries()
    seen: set[str] = set()
    token: str | None = None
    while True:
        page = await get_metric_data(
            clients, place.account, place.region, queries, start=window.start, end=window.end, token=token
        )
        _take(page, window, answer)
        token = page.next_token
        if not token:
            return
        if token in seen:
            raise SourceError(TroubleReason.INTERNAL, "GetMetricData: the same page was announced twice")
        seen.add(token)


def _take(page: Page, window: Window, answer: CallAnswer) -> None:
    answer.pages += 1
    answer.message = page.message or answer.message
    on_this_page: set[str] = set()
    for part in page.results:
        gathered = answer.results.setdefault(part.id, Gathered())
        gathered.several = gathered.several or part.id in on_this_page
        on_this_page.add(part.id)
        wanted = answer.call.returned.get(part.id)
        _add(part, window, gathered, pair=wanted is not None and wanted.pair)


def _add(part: SeriesPage, window: Window, gathered: Gathered, *, pair: bool) -> None:
    gathered.complete = gathered.complete or part.status == "Complete"
    gathered.status = part.status
    gathered.message = part.message or gathered.message
    for at, value in part.points:
        slot = window.slot(at)
        if slot is None or not isfinite(value):
            continue
        if pair:
            gathered.pairs[slot] = (*gathered.pairs.get(slot, ()), value)
        else:
            gathered.points[slot] = value
