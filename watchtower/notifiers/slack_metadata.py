"""How a delivery is found again in Slack: every message carries its id, unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.model import Delivery

#: Seconds before the first attempt from which history is searched: our clock may run ahead of Slack's.
SEARCH_MARGIN = 60.0
#: The name under which a message carries its delivery id, so that an unanswered post can be found again.
METADATA_TYPE = "watchtower_delivery"


def metadata(delivery: Delivery) -> dict[str, Any]:
    """What a message of this delivery carries."""
    carried = {"delivery_id": delivery.id, "incident_id": delivery.incident_id}
    return {"event_type": METADATA_TYPE, "event_payload": carried}


def delivery_id(found: Mapping[str, Any]) -> str | None:
    """The delivery that a message in Slack is."""
    payload = (found.get("metadata") or {}).get("event_payload") or {}
    return payload.get("delivery_id")
