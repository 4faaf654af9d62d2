"""What people do at PagerDuty, as it tells us: signed webhooks (v3), and its REST API when we ask.

https://developer.pagerduty.com/docs/webhooks-overview, https://developer.pagerduty.com/docs/verifying-webhook-signatures.
An incident of a service that makes alerts may come without its key: only the REST API finds it by ours then.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from watchtower.errors import Ambiguous
from watchtower.incidents.reports import Deed, Report
from watchtower.notifiers.http import Vendor
from watchtower.notifiers.text import cut, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.notifiers.base import Doors
    from watchtower.notifiers.pagerduty_config import PagerDutyConfig
    from watchtower.secrets import Secret

SIGNATURE = "X-PagerDuty-Signature"
#: Signatures that are compared: one for each secret while secrets are changed.
MOST_SIGNATURES = 10
#: Seconds between two rounds of questions when a 429 does not say.
PATIENCE = 60.0

_DEEDS = {"incident.acknowledged": Deed.ACKNOWLEDGED, "incident.resolved": Deed.RESOLVED}
_NAME_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Keyless:
    """Something was done with an incident that does not say its key."""


def signed(secret: Secret, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether PagerDuty sent this body: any signature may be the one, because secrets are changed without a gap."""
    expected = "v1=" + hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()
    given = headers.get(SIGNATURE, "").split(",")[:MOST_SIGNATURES]
    return any(hmac.compare_digest(expected.encode(), one.strip().encode(errors="replace")) for one in given)


def read(body: bytes) -> Report | Keyless | None:
    """What a webhook says was done; None for whatever changes nothing here, and for what nobody can read."""
    try:
        told = _mapping(_mapping(orjson.loads(body)).get("event"))
    except orjson.JSONDecodeError:
        return None
    deed = _DEEDS.get(str(told.get("event_type")))
    if deed is None:
        return None
    key = _mapping(told.get("data")).get("incident_key")
    return Report(key, deed, person(told.get("agent"))) if isinstance(key, str) and key else Keyless()


def person(agent: object) -> str:
    """The name of the person who did it; empty where it was an integration, a service or a time-out."""
    told = _mapping(agent)
    if not str(told.get("type", "")).startswith("user"):
        return ""
    return cut(one_line(str(told.get("summary") or told.get("id") or "")), _NAME_LIMIT) or "somebody"


class PagerDutyRest:
    """The REST API with one token: https://developer.pagerduty.com/api-reference/9d0b4b12e36f9-list-incidents."""

    def __init__(self, token: Secret, base: str, doors: Doors) -> None:
        self._token = token
        self._base = base
        self._vendor = Vendor("PagerDuty", (token,), doors, PATIENCE)

    @classmethod
    def of(cls, config: PagerDutyConfig, doors: Doors) -> PagerDutyRest | None:
        """The one that a channel is configured for."""
        return cls(config.api_token, config.rest, doors) if config.api_token is not None else None

    async def look(self, key: str) -> Report | None:
        """What was done with the newest incident under a key, if anything; raises Rejected or Ambiguous."""
        newest = await self._newest(key)
        return None if newest is None else _done(key, newest)

    async def knows(self, key: str) -> bool:
        """Whether anything was ever opened under a key; raises Rejected or Ambiguous."""
        return await self._newest(key) is not None

    async def _newest(self, key: str) -> Mapping[str, Any] | None:
        asked = urlencode({"incident_key": key, "date_range": "all", "sort_by": "created_at:desc", "limit": "1"})
        headers = {
            "Authorization": f"Token token={self._token.reveal()}",
            "Accept": "application/vnd.pagerduty+json;version=2",
        }
        answer = self._vendor.check(await self._vendor.get(f"{self._base}/incidents?{asked}", headers))
        said = answer.json()
        found = said.get("incidents") if said is not None else None
        if not isinstance(found, list):
            raise Ambiguous("PagerDuty's answer lists no incidents")
        return _mapping(found[0]) if found else None


def _done(key: str, incident: Mapping[str, Any]) -> Report | None:
    status = incident.get("status")
    if status == "resolved":
        return Report(key, Deed.RESOLVED, person(incident.get("last_status_change_by")))
    if status != "acknowledged":
        return None
    given = incident.get("acknowledgements")
    people = [person(_mapping(one).get("acknowledger")) for one in given] if isinstance(given, list) else []
    return Report(key, Deed.ACKNOWLEDGED, next(filter(None, people), ""))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
