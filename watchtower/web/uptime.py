"""``GET /api/v1/uptime``: how much of a window each target was up, down, in maintenance, unknown or unwatched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.clock import epoch, from_epoch
from watchtower.durations import format_duration, parse_duration
from watchtower.errors import StoreError
from watchtower.sources.uptime.ledger import DAY, FINE, KEPT_DAYS, begin_of
from watchtower.web.problems import Problem, answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from watchtower.live import Live
    from watchtower.model import AlertKey
    from watchtower.sources.uptime.ledger import Totals
    from watchtower.store.store import Store

PATH = "/api/v1/uptime"
#: Series that one answer lists, those that were down longest.
LISTED = 1_000
_DEFAULT = "30d"


class Uptime:
    """The handler; it reads the store at each request."""

    def __init__(self, live: Live, store: Callable[[], Store | None]) -> None:
        self._live = live
        self._store = store

    def register(self, router: web.UrlDispatcher) -> None:
        """Take the path."""
        router.add_get(PATH, self.get)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """``window`` is a duration; ``alert`` and ``target`` choose."""
        try:
            return answer(await self._told(request))
        except Problem as problem:
            return answer({"error": str(problem)}, status=problem.status)
        except StoreError as error:
            return answer({"error": str(error)}, status=503)

    async def _told(self, request: web.Request) -> dict[str, Any]:
        window = read_window(request.query.get("window", _DEFAULT))
        store = self._store()
        if store is None:
            raise Problem(503, f"not ready: {self._live.waiting_for}")
        begin = begin_of(window, int(epoch(self._live.clock.now())))
        alert, target = request.query.get("alert"), request.query.get("target")
        found = await store.uptime([alert] if alert else None, {window: begin})
        rows = [(key, totals[window]) for key, totals in found.items() if target in (None, key.identity.get("target"))]
        rows.sort(key=lambda row: (-row[1].down, str(row[0])))
        return {
            "window": format_duration(window),
            "from": from_epoch(begin).isoformat().replace("+00:00", "Z"),
            "series": [series_json(key, totals, begin) for key, totals in rows[:LISTED]],
            "total": len(rows),
        }


def read_window(text: str) -> int:
    """Seconds; raises Problem 400."""
    try:
        window = int(parse_duration(text))
    except (ValueError, OverflowError) as error:
        raise Problem(400, f"window: {error}") from None
    if not FINE <= window <= KEPT_DAYS * DAY:
        raise Problem(400, f"window: {format_duration(FINE)} to {KEPT_DAYS}d")
    return window


def series_json(key: AlertKey, totals: Totals, begin: int) -> dict[str, Any]:
    """One series; times in seconds, ``ratio`` null when nothing was judged."""
    seconds = {state.value: round(spent, 3) for state, spent in totals.seconds(begin).items()}
    return {"alert": key.rule, "labels": dict(key.identity), "ratio": totals.ratio, "seconds": seconds}
