"""Where graphs are made: the past is fetched, the picture drawn in a thread of its own, everything within seconds."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

import structlog

from watchtower.errors import Rejected, SourceError
from watchtower.graphs import widget
from watchtower.graphs.canvas import png
from watchtower.graphs.figure import figure
from watchtower.graphs.series import asked, evaluated, window

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchtower.aws.clients import AwsClients
    from watchtower.clock import Clock
    from watchtower.graphs.figure import Figure
    from watchtower.graphs.series import Past, Window
    from watchtower.graphspec import GraphSpec
    from watchtower.model import Notice, NoticeMember

log = structlog.get_logger("watchtower.graphs")

#: Real seconds that AWS may take, and that drawing may.
FETCHED_WITHIN = 3.0
DRAWN_WITHIN = 5.0
#: Pictures that wait for the one thread; more are refused and come again.
MOST_WAITING = 4


class Studio:
    """Draws one picture at a time. ``billed`` is told of the metrics that AWS bills, by rule."""

    def __init__(self, aws: AwsClients, clock: Clock, billed: Callable[[str, int], None]) -> None:
        self._aws = aws
        self._clock = clock
        self._billed = billed
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="graph")
        self._waiting = 0

    async def paint(self, notice: Notice, *, by_aws: bool = False) -> bytes:
        """A PNG of the notice's first member; raises Rejected when there is nothing to draw, or no time.

        ``by_aws``: as CloudWatch draws it, where it does.
        """
        member = notice.members[0] if notice.members else None
        spec = member.graph if member else None
        if member is None or spec is None:
            raise Rejected("there is nothing to draw", permanent=True)
        within = window(spec, member.since, self._clock.now())
        if by_aws and (picture := await self._hosted(spec, member, within)):
            return picture
        drawing = figure(spec, member, await self._past(spec, member, within), within)
        if drawing is None:
            raise Rejected("there are no numbers to draw", permanent=True)
        return await self._draw(drawing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Draw nothing more; what is drawn just now ends by itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _past(self, spec: GraphSpec, member: NoticeMember, within: Window) -> Past:
        """From CloudWatch, else the window that was evaluated."""
        if spec.query is None:
            return evaluated(spec)
        try:
            async with asyncio.timeout(FETCHED_WITHIN):
                self._billed(member.name, spec.query.metrics)
                past = await asked(self._aws, spec.query, within)
        except (SourceError, TimeoutError, KeyError) as error:
            log.warning("graph.past_missing", alert=member.name, detail=_told(error))
            return evaluated(spec)
        return past if past.points else evaluated(spec)

    async def _hosted(self, spec: GraphSpec, member: NoticeMember, within: Window) -> bytes | None:
        if spec.query is None:
            return None
        try:
            async with asyncio.timeout(FETCHED_WITHIN):
                return await widget.drawn(self._aws, spec, spec.query, member, within)
        except (SourceError, TimeoutError, KeyError) as error:
            log.info("graph.not_by_aws", alert=member.name, detail=_told(error))
            return None

    async def _draw(self, drawing: Figure) -> bytes:
        if self._waiting >= MOST_WAITING:
            raise Rejected("too many graphs are waiting", permanent=False)
        self._waiting += 1
        try:
            async with asyncio.timeout(DRAWN_WITHIN):
                return await asyncio.get_running_loop().run_in_executor(self._thread, png, drawing)
        except TimeoutError:
            raise Rejected(f"drawing took longer than {DRAWN_WITHIN:g} s", permanent=False) from None
        finally:
            self._waiting -= 1


def _told(error: Exception) -> str:
    if isinstance(error, SourceError):
        return error.detail
    return f"not there within {FETCHED_WITHIN:g} s" if isinstance(error, TimeoutError) else "account is not configured"
