"""``/api/v2``: Alertmanager's published API over our store, so that amtool, karma and Grafana can be clients.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

from aiohttp import web

from watchtower import __version__
from watchtower.matchers import Matcher, Operator, parse_matchers
from watchtower.web.problems import FRESH, Problem, answer, tells_problems
from watchtower.web.v2_alerts import Choice, Scene, alerts_json, groups_json
from watchtower.web.v2_config import configuration
from watchtower.web.v2_silences import carries, decide, in_order, read_silence, silence_json, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchtower.incidents.silences import Silence
    from watchtower.live import Live
    from watchtower.store.store import Store

_YES = {"true": True, "1": True, "false": False, "0": False}


class ApiV2:
    """The handlers; ``store`` answers None until the store could be opened."""

    def __init__(self, live: Live, store: Callable[[], Store | None]) -> None:
        self._live = live
        self._store = store
        self._started = live.clock.now()
        self._changing = asyncio.Lock()

    def register(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_get("/api/v2/status", self.status)
        router.add_get("/api/v2/receivers", self.receivers)
        router.add_get("/api/v2/alerts", self.alerts)
        router.add_post("/api/v2/alerts", self.post_alerts)
        router.add_get("/api/v2/alerts/groups", self.groups)
        router.add_get("/api/v2/silences", self.silences)
        router.add_post("/api/v2/silences", self.post_silence)
        router.add_get("/api/v2/silence/{id}", self.silence)
        router.add_delete("/api/v2/silence/{id}", self.delete_silence)

    # -- what there is --------------------------------------------------------------------------------------------

    @tells_problems
    async def status(self, _: web.Request) -> web.StreamResponse:
        """Versions, since when the daemon runs, and the routes in Alertmanager's words."""
        build = dict.fromkeys(("revision", "branch", "buildUser", "buildDate", "goVersion"), "")
        original = configuration(sorted(self._live.testers), self._live.routes)
        return answer(
            {
                "cluster": {"status": "disabled", "peers": []},
                "config": {"original": original},
                "uptime": stamp(self._started),
                "versionInfo": {"version": __version__, **build},
            }
        )

    @tells_problems
    async def receivers(self, _: web.Request) -> web.StreamResponse:
        """The channels."""
        return answer([{"name": name} for name in sorted(self._live.testers)])

    @tells_problems
    async def alerts(self, request: web.Request) -> web.StreamResponse:
        """Alerts that fire."""
        return await self._shown(request, alerts_json)

    @tells_problems
    async def groups(self, request: web.Request) -> web.StreamResponse:
        """Open incidents with their alerts that fire, by receiver."""
        return await self._shown(request, groups_json)

    @tells_problems
    async def post_alerts(self, _: web.Request) -> web.StreamResponse:
        """Alerts of others are not taken."""
        raise Problem(501, "Watchtower evaluates its own rules and does not take alerts from others")

    async def _shown(self, request: web.Request, shape: Callable[[Scene, Choice, str], Any]) -> web.StreamResponse:
        """In a thread: after a night with thousands of alerts, shaping them must not hold up the ticks."""
        choice, scene = _choice(request), await self._scene()
        return await asyncio.to_thread(lambda: answer(shape(scene, choice, str(request.url.origin()))))

    async def _scene(self) -> Scene:
        store = self._opened()
        return Scene(
            states=await store.alert_states(),
            incidents=await store.open_incidents(),
            outside=await store.outside(),
            silences=await store.silences(),
            routes=self._live.routes,
            now=self._live.clock.now(),
        )

    # -- silences -------------------------------------------------------------------------------------------------

    @tells_problems
    async def silences(self, request: web.Request) -> web.StreamResponse:
        """Silences: active, to come, and ended within five days; ``filter`` names matchers they have."""
        wanted, now = _matchers(request), self._live.clock.now()
        creators = request.query.getall("creator", [])
        found = [
            silence
            for silence in await self._opened().silences(ended=True)
            if carries(silence, wanted) and (not creators or silence.created_by in creators)
        ]
        return answer([silence_json(silence, now) for silence in in_order(found, now)])

    @tells_problems
    async def silence(self, request: web.Request) -> web.StreamResponse:
        """One silence."""
        found = await self._known(request.match_info["id"])
        return answer(silence_json(found, self._live.clock.now()))

    @tells_problems
    async def post_silence(self, request: web.Request) -> web.StreamResponse:
        """A new silence, or a change of one; answers its id, which is another one when the old had to be ended."""
        posted = read_silence(await request.read())
        async with self._changing:
            old = await self._known(posted.id) if posted.id else None
            now = self._live.clock.now()
            kept = decide(posted, old, now, str(uuid.uuid4()))
            await self._opened().save_silence(kept)
            if old is not None and kept.id != old.id:  # afterwards: between the two nothing may ring
                await self._opened().expire_silence(old.id, now)
        self._live.judge()
        return answer({"silenceID": kept.id})

    @tells_problems
    async def delete_silence(self, request: web.Request) -> web.StreamResponse:
        """End a silence now; one that ended before is fine."""
        async with self._changing:
            found = await self._known(request.match_info["id"])
            await self._opened().expire_silence(found.id, self._live.clock.now())
        self._live.judge()
        return web.Response(headers=FRESH)

    async def _known(self, silence_id: str) -> Silence:
        for silence in await self._opened().silences(ended=True):
            if silence.id == silence_id:
                return silence
        raise Problem(404, f"no silence {silence_id}")

    def _opened(self) -> Store:
        store = self._store()
        if store is None:
            raise Problem(503, f"not ready: {self._live.waiting_for}")
        return store


# -- what a request asks for ------------------------------------------------------------------------------------------


def _choice(request: web.Request) -> Choice:
    words = ("active", "silenced", "inhibited", "muted", "unprocessed")
    hidden = frozenset(word for word in words if not _flag(request, word))
    pattern = request.query.get("receiver", "")
    return Choice(hidden, _matchers(request), _receiver(pattern) if pattern else None)


def _flag(request: web.Request, name: str) -> bool:
    text = request.query.get(name, "true")
    if text.lower() not in _YES:
        raise Problem(400, f"{name}={text}: write true or false")
    return _YES[text.lower()]


def _receiver(pattern: str) -> Matcher:
    try:
        return Matcher("receiver", Operator.MATCHES, pattern)
    except ValueError as error:
        raise Problem(400, f"receiver: {error}") from None


def _matchers(request: web.Request) -> tuple[Matcher, ...]:
    try:
        return parse_matchers(request.query.getall("filter", []))
    except ValueError as error:
        raise Problem(400, f"filter: {error}") from None
