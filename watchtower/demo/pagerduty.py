"""A PagerDuty that remembers: incidents by key, whose phone rang, and every limit of the Events API.

Semantics: a trigger on a new or closed key opens an incident and rings; on an open key it is a log entry; while
somebody has acknowledged, nothing rings; a resolve without an open incident is dropped, and answered 202 all the
same. https://developer.pagerduty.com/docs/events-api-v2-overview
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from watchtower.demo.loopback import LoopbackVendor, Reply
from watchtower.demo.pagerduty_people import PagerDutyPeople
from watchtower.demo.pagerduty_rules import change_problems, event_problems

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aiohttp import web

    from watchtower.clock import Clock

#: Events one routing key may send in sixty seconds
#: (https://developer.pagerduty.com/docs/events-api-v2-rate-limits).
EVENTS_PER_MINUTE = 120
WINDOW = 60.0
#: Bytes of one event.
MAX_EVENT = 512 * 1024

DEMO_KEY = "watchtower0demo0routing0key00000"


@dataclass(slots=True)
class PagerDutyIncident:
    """One incident; ``state`` is triggered, acknowledged or resolved, ``rang`` how often a phone did."""

    routing_key: str
    key: str
    summary: str
    severity: str
    opened_at: datetime
    state: str = "triggered"
    rang: int = 1
    resolved_at: datetime | None = None
    log: list[str] = field(default_factory=list)
    changed_by: dict[str, str] | None = None
    acknowledgers: list[dict[str, str]] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Not resolved."""
        return self.state != "resolved"


class PagerDutyServer(LoopbackVendor):
    """The Events API v2 for some routing keys, and its people; ``limit`` None lifts the rate limit."""

    def __init__(self, clock: Clock, keys: Sequence[str] = (DEMO_KEY,), limit: int | None = EVENTS_PER_MINUTE) -> None:
        super().__init__(clock)
        self.keys = tuple(keys)
        self.limit = limit
        self.people = PagerDutyPeople(clock)
        self.incidents: list[PagerDutyIncident] = []
        self.changes: list[dict[str, Any]] = []
        self._times: dict[str, list[float]] = {}

    @property
    def url(self) -> str:
        """What a channel's ``api_url`` is set to."""
        return self.origin

    @property
    def phones_rung(self) -> int:
        """How often a person was woken."""
        return sum(incident.rang for incident in self.incidents)

    def of(self, key: str) -> list[PagerDutyIncident]:
        """The incidents opened under a dedup key, oldest first; more than one is a second page."""
        return [incident for incident in self.incidents if incident.key == key]

    async def stop(self) -> None:
        """Stop listening, and tell nothing more."""
        await self.people.stop()
        await super().stop()

    def acknowledge(self, key: str, by: str = "ana") -> None:
        """Somebody takes the open incident; raises LookupError when none is open."""
        incident = self._open_or_fail(key)
        incident.state = "acknowledged"
        self.people.did(incident, "acknowledged", by)

    def resolve(self, key: str, by: str = "ana") -> None:
        """Somebody closes the open incident by hand; raises LookupError when none is open."""
        incident = self._open_or_fail(key)
        self._close(incident)
        self.people.did(incident, "resolved", by)

    def act(self, request: web.Request, body: bytes) -> Reply:
        """Take one event, or a question."""
        if (request.method, request.path) == ("GET", "/incidents"):
            return self.people.list(request, self.incidents)
        if (request.method, request.path) == ("POST", "/v2/change/enqueue"):
            return self._change(self.read(request, body))
        if request.method != "POST" or request.path != "/v2/enqueue":
            return Reply(404, "", "not_found")
        event = self.read(request, body)
        problems = event_problems(event, self.keys)
        if len(body) > MAX_EVENT:
            problems.append("the event is larger than 512 KB")
        if problems:
            return self.refuse("; ".join(problems))
        if self._too_many(event["routing_key"]):
            return Reply(429, {"status": "throttle exceeded"}, "throttled", retry_after=WINDOW)
        key = self._apply(event)
        return Reply(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def _change(self, event: Any) -> Reply:
        """Keep a change event: it is shown, and nobody is called."""
        problems = change_problems(event, self.keys)
        if problems:
            return self.refuse("; ".join(problems))
        self.changes.append(event["payload"])
        return Reply(202, {"status": "success", "message": "Change event processed"})

    def refuse(self, error: str, operation: str = "") -> Reply:  # noqa: ARG002
        """A 400: never to be repeated."""
        document = {"status": "invalid event", "message": "Event object is invalid", "errors": [error]}
        return Reply(400, document, error)

    def _too_many(self, routing_key: str) -> bool:
        now = self.clock.monotonic()
        times = [at for at in self._times.get(routing_key, []) if now - at < WINDOW]
        refused = self.limit is not None and len(times) >= self.limit
        self._times[routing_key] = times if refused else [*times, now]
        return refused

    def _apply(self, event: dict[str, Any]) -> str:
        key = event.get("dedup_key") or uuid.uuid4().hex
        found = self._find(event["routing_key"], key)
        action = event["event_action"]
        if action == "trigger":
            self._trigger(event, key, found)
        elif found is not None:
            found.log.append(action)
            self._move(found, action)
        return key

    def _trigger(self, event: dict[str, Any], key: str, found: PagerDutyIncident | None) -> None:
        payload = event["payload"]
        if found is not None:
            found.log.append(f"trigger: {payload['summary']}")
            return
        self.incidents.append(
            PagerDutyIncident(event["routing_key"], key, payload["summary"], payload["severity"], self.clock.now())
        )

    def _move(self, incident: PagerDutyIncident, action: str) -> None:
        if action == "resolve":
            self._close(incident)
        else:
            incident.state = "acknowledged"
        self.people.did(incident, incident.state, "")

    def _close(self, incident: PagerDutyIncident) -> None:
        incident.state = "resolved"
        incident.resolved_at = self.clock.now()

    def _find(self, routing_key: str, key: str) -> PagerDutyIncident | None:
        same = (one for one in self.incidents if (one.routing_key, one.key) == (routing_key, key))
        return next((incident for incident in same if incident.open), None)

    def _open_or_fail(self, key: str) -> PagerDutyIncident:
        for incident in self.of(key):
            if incident.open:
                return incident
        raise LookupError(f"no open incident under {key}")
