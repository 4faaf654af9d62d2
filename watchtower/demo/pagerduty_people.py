"""People at the simulated PagerDuty, the webhooks that tell what they did, and the REST API that may be asked.

Who did something is told as PagerDuty does: a person, or the integration that sent an event.
https://developer.pagerduty.com/docs/webhooks-overview
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from watchtower.demo.loopback import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiohttp import web

    from watchtower.clock import Clock
    from watchtower.demo.pagerduty import PagerDutyIncident

DEMO_WEBHOOK_SECRET = "watchtower-simulated-webhook-secret"  # noqa: S105 - it signs for nobody but this simulator
DEMO_API_TOKEN = "simulated-rest-token"  # noqa: S105 - the same
#: Questions one token may ask in a minute (https://developer.pagerduty.com/docs/rest-api-rate-limits).
QUESTIONS_PER_MINUTE = 960
#: Seconds PagerDuty waits for the answer to a webhook, and how often it calls.
PATIENCE = 5.0
ATTEMPTS = 5

_INTEGRATION = {"id": "PINTEG1", "summary": "watchtower", "type": "inbound_integration_reference"}


def user(name: str) -> dict[str, str]:
    """A person, as PagerDuty refers to one."""
    return {
        "id": "P" + hashlib.sha256(name.encode()).hexdigest()[:6].upper(),
        "summary": name,
        "type": "user_reference",
    }


class PagerDutyPeople:
    """Who did what. ``webhook_url`` is where it is told; ``secrets`` sign it, two while they are changed.

    ``keyless``: webhooks do not say the key, as those of a service that makes alerts. ``answers`` are the statuses
    that webhooks got, ``asked`` the keys that the REST API was asked for.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.webhook_url = ""
        self.secrets: tuple[str, ...] = (DEMO_WEBHOOK_SECRET,)
        self.api_token = DEMO_API_TOKEN
        self.keyless = False
        self.bodies: list[bytes] = []
        self.answers: list[int | None] = []
        self.asked: list[str] = []
        self._times: deque[float] = deque()
        self._calls: set[asyncio.Task[None]] = set()

    # -- webhooks ------------------------------------------------------------------------------------------------------

    def did(self, incident: PagerDutyIncident, deed: str, by: str) -> None:
        """Note who did it and tell it; an empty ``by`` is the integration."""
        agent = user(by) if by else dict(_INTEGRATION)
        incident.changed_by = agent
        incident.acknowledgers = [*incident.acknowledgers, agent] if deed == "acknowledged" else []
        if not self.webhook_url:
            return
        body = orjson.dumps({"event": self._event(incident, deed, agent)})
        self.bodies.append(body)
        task = asyncio.get_running_loop().create_task(self._call(body))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    def sign(self, body: bytes) -> dict[str, str]:
        """The header that proves who sent a body."""
        made = (hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in self.secrets)
        return {"X-PagerDuty-Signature": ",".join(f"v1={one}" for one in made), "Content-Type": "application/json"}

    async def told(self) -> list[int | None]:
        """Wait until every webhook was answered, or given up; the statuses so far."""
        while self._calls:
            await asyncio.gather(*self._calls)
        return self.answers

    async def stop(self) -> None:
        """Hang up."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _event(self, incident: PagerDutyIncident, deed: str, agent: Mapping[str, str]) -> dict[str, Any]:
        key = None if self.keyless else incident.key
        data = {**_shown(incident), "incident_key": key}
        return {
            "id": uuid.uuid4().hex,
            "event_type": f"incident.{deed}",
            "resource_type": "incident",
            "occurred_at": self._clock.now().isoformat(),
            "agent": agent,
            "client": None,
            "data": data,
        }

    async def _call(self, body: bytes) -> None:
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for attempt in range(ATTEMPTS):
                await self._clock.sleep(float(attempt))
                self.answers.append(await self._attempt(session, body))
                if not _again(self.answers[-1]):
                    return

    async def _attempt(self, session: aiohttp.ClientSession, body: bytes) -> int | None:
        try:
            async with session.post(self.webhook_url, data=body, headers=self.sign(body)) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    # -- REST ----------------------------------------------------------------------------------------------------------

    def list(self, request: web.Request, incidents: Iterable[PagerDutyIncident]) -> Reply:
        """Answer ``GET /incidents``; the newest first, as it is asked for."""
        if request.headers.get("Authorization") != f"Token token={self.api_token}":
            return Reply(401, {"error": {"message": "Unauthorized", "code": 2006}}, "unauthorized")
        if self._too_many():
            return Reply(429, {"error": {"message": "Rate Limit Exceeded", "code": 2020}}, "throttled", retry_after=60)
        key = request.query.get("incident_key", "")
        self.asked.append(key)
        found = [one for one in incidents if one.key == key]
        found.sort(key=lambda one: one.opened_at, reverse=request.query.get("sort_by") == "created_at:desc")
        shown = [_shown(one) for one in found[: int(request.query.get("limit", "25"))]]
        return Reply(200, {"incidents": shown, "limit": 25, "offset": 0, "more": False})

    def _too_many(self) -> bool:
        now = self._clock.monotonic()
        while self._times and now - self._times[0] >= 60.0:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) > QUESTIONS_PER_MINUTE


def _again(status: int | None) -> bool:
    return status is None or status == 429 or status >= 500


def _shown(incident: PagerDutyIncident) -> dict[str, Any]:
    """An incident as webhooks and the REST API show it; one of alerts does not say its key."""
    at = incident.opened_at.isoformat()
    return {
        "id": "Q" + hashlib.sha256(f"{incident.key} {at}".encode()).hexdigest()[:13].upper(),
        "type": "incident",
        "status": incident.state,
        "incident_key": None,
        "created_at": at,
        "title": incident.summary,
        "last_status_change_by": incident.changed_by,
        "acknowledgements": [{"at": at, "acknowledger": one} for one in incident.acknowledgers],
    }
