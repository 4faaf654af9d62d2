"""PagerDuty through the Events API v2.

Limits and semantics: https://developer.pagerduty.com/docs/send-alert-event. A trigger on an open key is a log
entry, so repeating one under the same key is safe until its resolve was sent; after that it is a new page.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.errors import DeliveryError
from watchtower.incidents.deliveries import PAGES
from watchtower.incidents.model import ChannelTraits
from watchtower.model import Event, Priority, Receipt
from watchtower.notifiers import message
from watchtower.notifiers.base import Pace
from watchtower.notifiers.http import Vendor
from watchtower.notifiers.pagerduty_reports import PagerDutyRest
from watchtower.notifiers.text import ELLIPSIS, cut, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.model import Delivery, Notice
    from watchtower.notifiers.base import Bulletin, Doors
    from watchtower.notifiers.pagerduty_config import PagerDutyConfig

#: Characters of a summary, and of the other texts of a payload.
SUMMARY_LIMIT = 1024
FIELD_LIMIT = 255
#: Seconds to wait when a 429 does not say: PagerDuty asks to back off for minutes.
PATIENCE = 60.0
#: Seconds that a question before a page may take: the page has to leave within the same lease.
QUESTION = 2.0
#: Events of one routing key, in a sliding window: https://developer.pagerduty.com/docs/events-api-v2-rate-limits
PACE = Pace(120, 60.0)

#: Events that need no payload; PagerDuty drops them where nothing is open under the key.
_SHORT = {Event.RESOLVE: "resolve", Event.ACKNOWLEDGE: "acknowledge"}

SEVERITIES = {
    Priority.P1: "critical",
    Priority.P2: "error",
    Priority.P3: "warning",
    Priority.P4: "info",
    Priority.P5: "info",
}


def traits(name: str, config: PagerDutyConfig) -> ChannelTraits:
    """What the flush must know of a service integration."""
    destination = f"pagerduty:{config.routing_key.digest}"
    return ChannelTraits(
        name, "pagerduty", destination, keyed_by_tier=True, takes_updates=False, takes_acknowledgements=True
    )


class PagerDuty:
    """One service integration of PagerDuty."""

    def __init__(self, name: str, config: PagerDutyConfig, doors: Doors) -> None:
        self._config = config
        self._vendor = Vendor("PagerDuty", (config.routing_key,), doors, PATIENCE)
        self._traits = traits(name, config)
        self._rest = PagerDutyRest.of(config, replace(doors, timeout=min(doors.timeout, QUESTION)))

    @property
    def traits(self) -> ChannelTraits:
        """A raised tier is a new key: it rings although the old one was acknowledged."""
        return self._traits

    def pace(self, delivery: Delivery) -> Pace | None:  # noqa: ARG002
        """Every event counts, resolves too."""
        return PACE

    def doubles(self, delivery: Delivery) -> bool:  # noqa: ARG002
        """Never: under the same key it is a log entry."""
        return False

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one event; an acceptance proves that PagerDuty has it, not that an incident is open."""
        await self._enqueue(payload(delivery, self._config.client_url))
        return Receipt(detail=f"accepted under {delivery.dedup_key}")

    async def ring(self, key: str, bulletin: Bulletin) -> None:
        """Open an incident of the highest severity, past the outbox."""
        told = {**_told(bulletin), "severity": SEVERITIES[Priority.P1]}
        await self._enqueue({"event_action": "trigger", "dedup_key": key, "payload": told})

    async def over(self, key: str) -> None:
        """Resolve it; without an open incident PagerDuty drops this."""
        await self._enqueue({"event_action": "resolve", "dedup_key": key})

    async def sing(self, key: str, bulletin: Bulletin) -> None:
        """Open an incident of the lowest severity and end it at once: whether this way works, where it calls nobody."""
        told = {**_told(bulletin), "severity": SEVERITIES[Priority.P5]}
        await self._enqueue({"event_action": "trigger", "dedup_key": key, "payload": told})
        await self.over(key)

    @property
    def wants_changes(self) -> bool:
        """``change_events: true``."""
        return self._config.change_events

    async def record(self, bulletin: Bulletin) -> None:
        """Send a change event, which shows on incidents and never notifies.

        https://developer.pagerduty.com/docs/send-change-event
        """
        await self._post("/v2/change/enqueue", {"payload": _told(bulletin)})

    async def _enqueue(self, event: Mapping[str, Any]) -> None:
        client_url = {"client_url": self._config.client_url} if self._config.client_url else {}
        await self._post("/v2/enqueue", {"client": "watchtower", **client_url, **event})

    async def _post(self, path: str, event: Mapping[str, Any]) -> None:
        keyed = {"routing_key": self._config.routing_key.reveal(), **event}
        answer = await self._vendor.post(
            f"{self._config.api_url}{path}", orjson.dumps(keyed), {"Content-Type": "application/json"}
        )
        self._vendor.check(answer)

    async def find(self, delivery: Delivery) -> Receipt | None:
        """Ask the REST API, if there is a token, whether a page opened something, even if it is closed by now.

        Without an answer it is sent again: under the same key that changes nothing while what it opened is open.
        A key that another service may have, too, proves nothing about this one.
        """
        if self._rest is None or delivery.event not in PAGES or delivery.shared:
            return None
        try:
            seen = await self._rest.knows(delivery.dedup_key)
        except DeliveryError:
            return None
        return Receipt(detail=f"found under {delivery.dedup_key}") if seen else None


def payload(delivery: Delivery, console: str | None = None) -> dict[str, Any]:
    """The event without its routing key and client; whatever neither resolves nor acknowledges is a trigger."""
    if delivery.event in _SHORT:
        return {"event_action": _SHORT[delivery.event], "dedup_key": delivery.dedup_key}
    notice = delivery.notice
    return {
        "event_action": "trigger",
        "dedup_key": delivery.dedup_key,
        "payload": _details(notice),
        "links": [{"href": href, "text": text} for text, href in _links(notice, console)],
    }


def _links(notice: Notice, console: str | None) -> list[tuple[str, str]]:
    """The runbook, the console, and every annotation of the lead member that is a web address."""
    member = message.lead(notice)
    annotated = message.annotated(member) if member else {}
    named = [("Runbook", message.runbook(notice)), ("Console", console)]
    named += [(name.replace("_", " ").capitalize(), value) for name, value in annotated.items() if _is_link(value)]
    return [(text, href) for text, href in named if href]


def _is_link(text: str) -> bool:
    """A whole address: one that was cut leads nowhere."""
    return text.startswith(("https://", "http://")) and " " not in text and not text.endswith(ELLIPSIS)


def _told(bulletin: Bulletin) -> dict[str, Any]:
    return {
        "summary": cut(one_line(bulletin.summary), SUMMARY_LIMIT),
        "source": _field(bulletin.source) or "watchtower",
        "timestamp": bulletin.at.isoformat(),
        "custom_details": dict(bulletin.details),
    }


def _details(notice: Notice) -> dict[str, Any]:
    member = message.lead(notice)
    labels = member.labels if member else notice.group_labels
    described = {
        "summary": cut(f"{message.status(notice)} · {message.title(notice)}", SUMMARY_LIMIT),
        "source": _field(_source(notice)) or "watchtower",
        "severity": SEVERITIES[notice.tier],
        "timestamp": notice.at.isoformat(),
        "component": _field(labels.get("service") or labels.get("source", "")),
        "group": _field(labels.get("group") or notice.route),
        "class": _field(message.rule(notice)),
        "custom_details": message.document(notice),
    }
    return {name: value for name, value in described.items() if value}


def _source(notice: Notice) -> str:
    """What is affected: a probe's target, else the place the incident groups by, else the environment."""
    member = message.lead(notice)
    if member and "target" in member.labels:
        return member.labels["target"]
    place = [notice.group_labels.get(name, "") for name in ("account", "region")]
    return "/".join(part for part in place if part) or notice.environment


def _field(text: str) -> str:
    return cut(one_line(text), FIELD_LIMIT)
