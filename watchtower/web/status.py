"""``GET /api/v1/status``: how this Watchtower fares, on one bounded page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from watchtower import __version__
from watchtower.errors import StoreError
from watchtower.model import Priority
from watchtower.store.values import ChannelHealth, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from watchtower.live import Live
    from watchtower.model import Delivery
    from watchtower.store.store import Store
    from watchtower.store.values import OutboxDepth

PATH = "/api/v1/status"
#: What was given up and is shown, the newest; all of it is counted.
LETTERS_SHOWN = 50
#: Loops and channels that are shown.
SHOWN = 200
#: Characters of a title or a reason.
_TEXT = 300


class Status:
    """The handler; it reads the store at each request."""

    def __init__(self, live: Live, store: Callable[[], Store | None]) -> None:
        self._live = live
        self._store = store

    def register(self, router: web.UrlDispatcher) -> None:
        """Take the path."""
        router.add_get(PATH, self.get)

    async def get(self, _: web.Request) -> web.StreamResponse:
        """200 also where something is wrong: the page says what."""
        reason = self._live.unready()
        stored: dict[str, Any] = {"store": None, "incidents": {}, "channels": [], "dead_letters": []}
        store = self._store()
        if store is not None:
            try:
                stored = await _stored(store, self._live)
            except StoreError as error:
                reason = str(error)
        return web.json_response({**_process(self._live), "ready": not reason, "reason": reason, **stored})


def _process(live: Live) -> dict[str, Any]:
    facts, late = live.facts, live.late_loops()
    return {
        "version": __version__,
        "environment": facts.environment,
        "uptime_seconds": round(live.uptime, 1),
        "rules": facts.rules,
        "loaded_at": _stamp(facts.loaded_at),
        "reload": {"ok": facts.refused_at is None, "refused_at": _stamp(facts.refused_at), "faults": facts.faults},
        "loops": [
            {"name": name, "seconds_ago": round(age, 1), "late": name in late}
            for name, age in list(live.loops().items())[:SHOWN]
        ],
    }


async def _stored(store: Store, live: Live) -> dict[str, Any]:
    health, depths, tiers = await store.channel_health(), await store.outbox(), await store.open_tiers()
    letters = await store.dead_letters(limit=LETTERS_SHOWN)
    now = live.clock.now()
    lost = sorted(place for place in await store.places_owed() if not live.reaches(*place))
    names = sorted({*live.testers, *health, *(depth.channel for depth in depths)})[:SHOWN]
    channels = [
        channel(health.get(name, ChannelHealth(name, Standing())), [d for d in depths if d.channel == name], now)
        | {"configured": name in live.testers, "unreachable": [where for one, where in lost if one == name][:SHOWN]}
        for name in names
    ]
    return {
        "store": store.store_id,
        "incidents": {str(priority): tiers.get(priority, 0) for priority in Priority},
        "channels": channels,
        "dead_letters": [_letter(one) for one in letters],
    }


def channel(health: ChannelHealth, depths: Sequence[OutboxDepth], now: datetime) -> dict[str, Any]:
    """How one channel fares: ``ok``, ``waits`` (something is not accepted yet) or ``rests`` (after failures)."""
    standing = health.standing
    oldest = min((depth.oldest for depth in depths), default=None)
    return {
        "name": health.name,
        "state": "rests" if standing.open else "waits" if depths else "ok",
        "failures": standing.failures,
        "rests_until": _stamp(standing.rest_until),
        "waiting": {str(depth.priority): depth.count for depth in depths},
        "oldest_seconds": None if oldest is None else round(max(0.0, (now - oldest).total_seconds()), 1),
        "resolves_owed": health.owed,
        "resolves_overdue": health.overdue,
        "dead_letters": health.dead,
        "last_accepted": _stamp(health.accepted_at),
    }


def _letter(dead: Delivery) -> dict[str, Any]:
    return {
        "id": dead.id,
        "incident": dead.incident_id,
        "channel": dead.channel,
        "event": str(dead.event),
        "tier": str(dead.tier),
        "title": dead.notice.title[:_TEXT],
        "why": dead.last_error[:_TEXT],
        "when": _stamp(dead.finished_at),
    }


def _stamp(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
