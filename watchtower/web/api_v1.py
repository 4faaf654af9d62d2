"""``/api/v1/incidents``: the open incidents, and who has them in hand."""

from __future__ import annotations

from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from watchtower.durations import parse_duration
from watchtower.errors import StoreError
from watchtower.incidents.notices import counts, title
from watchtower.web.problems import Problem, answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from watchtower.incidents.model import Incident
    from watchtower.live import Live
    from watchtower.store.store import Store

    Handler = Callable[[Any, web.Request], Awaitable[web.StreamResponse]]

#: Incidents that one answer lists, the newest of them.
LISTED = 500
#: Characters of a name and of a comment.
NAME_LIMIT = 200
COMMENT_LIMIT = 500


class Acknowledging(BaseModel):
    """The body of an acknowledgement; ``for`` is a duration such as ``2h``, by default what the route says."""

    model_config = ConfigDict(strict=True, extra="forbid")

    by: Annotated[str, StringConstraints(strip_whitespace=True, max_length=NAME_LIMIT)] = ""
    comment: Annotated[str, StringConstraints(strip_whitespace=True, max_length=COMMENT_LIMIT)] = ""
    via: Literal["api", "cli"] = "api"
    lasts: str = Field(default="", alias="for")

    @property
    def owner(self) -> str:
        """Who has it in hand, with what they said, in one line."""
        by = self.by or "somebody"
        said = f"{by} ({self.comment})" if self.comment else by
        return " ".join(said.split())

    def until(self, now: datetime) -> datetime | None:
        """When it ends by itself; raises Problem for a duration that cannot be."""
        if not self.lasts:
            return None
        try:
            ends = now + timedelta(seconds=parse_duration(self.lasts))
        except (ValueError, OverflowError) as error:
            raise Problem(400, f"for: {error}") from None
        if ends <= now:
            raise Problem(400, "for: an acknowledgement lasts longer than nothing")
        return ends


def _tells_errors(handler: Handler) -> Handler:
    """Answer what a handler raises on purpose as ``{"error": …}``; a store that fails is 503."""

    @wraps(handler)
    async def told(self: Any, request: web.Request) -> web.StreamResponse:
        try:
            return await handler(self, request)
        except Problem as problem:
            return answer({"error": str(problem)}, status=problem.status)
        except StoreError as error:
            return answer({"error": str(error)}, status=503)
        except web.HTTPRequestEntityTooLarge as error:
            return answer({"error": error.text}, status=413)

    return told


class ApiV1:
    """The handlers; ``store`` answers None until the store could be opened."""

    def __init__(self, live: Live, store: Callable[[], Store | None]) -> None:
        self._live = live
        self._store = store

    def register(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_get("/api/v1/incidents", self.incidents)
        router.add_post("/api/v1/incidents/{id}/acknowledge", self.acknowledge)

    @_tells_errors
    async def incidents(self, _: web.Request) -> web.StreamResponse:
        """Incidents that have not ended, the newest first."""
        found = await self._opened().open_incidents()
        shown = [incident_json(incident) for incident in reversed(found[-LISTED:])]
        return answer({"incidents": shown, "total": len(found)})

    @_tells_errors
    async def acknowledge(self, request: web.Request) -> web.StreamResponse:
        """Somebody has an incident in hand; again while that holds is fine."""
        meant, asked = request.match_info["id"], read_acknowledging(await request.read())
        until = asked.until(self._live.clock.now())
        found = await self._opened().acknowledge(meant, by=asked.owner, via=asked.via, until=until)
        if found is None:
            raise Problem(404, f"no open incident is meant by {meant!r}, or several are")
        self._live.judge()
        return answer(incident_json(found))

    def _opened(self) -> Store:
        store = self._store()
        if store is None:
            raise Problem(503, f"not ready: {self._live.waiting_for}")
        return store


def read_acknowledging(body: bytes) -> Acknowledging:
    """The body, which may be empty; raises Problem 400 naming every field that is wrong."""
    try:
        return Acknowledging.model_validate_json(body or b"{}")
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        told = (": ".join((*map(str, fault["loc"]), fault["msg"])) for fault in faults)
        raise Problem(400, "; ".join(told)) from None


def incident_json(incident: Incident) -> dict[str, Any]:
    """An incident as the API shows it; times are RFC 3339 in UTC."""
    firing, muted, resolved = counts(incident.members)
    return {
        "id": incident.id,
        "route": incident.route,
        "tier": str(incident.tier),
        "title": title(incident.tier, incident.members),
        "opened_at": _moment(incident.opened_at),
        "told": incident.told_tier is not None,
        "acknowledged": None if incident.acknowledged_at is None else _acknowledgement(incident),
        "escalated_at": _moment(incident.escalated_at),
        "channels": list(incident.channels),
        "members": {"firing": firing, "muted": muted, "resolved": resolved},
    }


def _acknowledgement(incident: Incident) -> dict[str, Any]:
    return {
        "by": incident.acknowledged_by,
        "via": incident.acknowledged_via,
        "at": _moment(incident.acknowledged_at),
        "until": _moment(incident.acknowledged_until),
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
