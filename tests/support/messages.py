"""Every kind of Slack message, from fixed notices.

``python -m tests.support.messages`` writes them to docs/messages.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.clock import START, ManualClock
from watchtower.engine.testing import send_test
from watchtower.incidents.deliveries import NO_ALERT
from watchtower.incidents.digests import Batch, Kind, compose
from watchtower.incidents.model import ChannelTraits
from watchtower.model import Delivery, Event, Heard, Labels, Notice, NoticeMember, Priority, Receipt, State
from watchtower.notifiers.blocks import PLAIN, Look
from watchtower.notifiers.digests import content
from watchtower.notifiers.slack_evidence import reply
from watchtower.notifiers.slack_thread import news, remembered

if TYPE_CHECKING:
    from watchtower.notifiers.base import Pace

FOLDER = Path(__file__).parents[2] / "docs" / "messages"
#: A channel whose buttons work and that calls somebody.
LOOK = Look(buttons=True, mention="<!subteam^S012AB3CD>")
INCIDENT = "1f0c9d52-7d1e-4b8e-9a43-6f3a52f0e0c1"
OPENED = START.replace(hour=14)

_DATABASE = Labels(
    {
        "alert": "RdsCpuHigh",
        "group": "rds",
        "source": "cloudwatch",
        "environment": "production",
        "account": "prod",
        "region": "eu-west-1",
        "team": "data",
        "service": "database",
        "DBInstanceIdentifier": "orders-1",
    }
)


def _at(minutes: float) -> Any:
    return OPENED + timedelta(minutes=minutes)


def database(number: int = 1, *, priority: Priority = Priority.P2, value: float = 96.2, **more: Any) -> NoticeMember:
    """The CPU of one database."""
    member = NoticeMember(
        alert_id=f"orders-{number}",
        name="RdsCpuHigh",
        labels=_DATABASE.merged({"DBInstanceIdentifier": f"orders-{number}"}),
        state=State.ALARM,
        firing=True,
        priority=priority,
        summary=f"orders-{number}: CPU at {value} %",
        reason="2 of 2 datapoints > 95",
        value=value,
        since=_at(number - 1),
        runbook="https://runbooks.example.com/rds-cpu",
        annotations=Labels({"namespace": "AWS/RDS", "metric": "CPUUtilization"}),
    )
    return replace(member, **more)


def site() -> NoticeMember:
    """A site that is down, with what was seen of it."""
    return NoticeMember(
        alert_id="shop",
        name="SiteDown",
        labels=Labels(
            {
                "alert": "SiteDown",
                "group": "sites",
                "source": "probe",
                "environment": "production",
                "kind": "http",
                "target": "https://shop.example.com/",
                "tenant": "shop",
                "owner": "web",
            }
        ),
        state=State.ALARM,
        firing=True,
        priority=Priority.P1,
        summary="https://shop.example.com/ is down: status 503, expected 200-299",
        reason="the last 2 datapoints were down",
        value=0.0,
        since=OPENED,
        runbook="https://runbooks.example.com/site-down",
        evidence=("HTTP/1.1 503 Service Unavailable", "server: envoy", "upstream connect error or disconnect/reset"),
    )


def booking() -> NoticeMember:
    """A log group with critical lines, which were not there when it was told."""
    labels = {"alert": "PmsCritical", "group": "logs", "source": "logs", "environment": "production"}
    place = {"account": "prod", "region": "eu-west-1", "log_group": "/ecs/prod/pms", "tenant": "hotel"}
    return NoticeMember(
        alert_id="pms",
        name="PmsCritical",
        labels=Labels({**labels, **place}),
        state=State.ALARM,
        firing=True,
        priority=Priority.P2,
        summary="2 critical lines in /ecs/prod/pms",
        reason="1 of 1 datapoints > 0",
        value=2.0,
        since=OPENED,
        evidence=("CRITICAL no rooms for booking 4711, token=[redacted]", "CRITICAL payment gateway timed out"),
    )


def notice(event: Event, *members: NoticeMember, minutes: float = 0, **more: Any) -> Notice:
    """What is said of the incident some minutes after it began."""
    told = members or (database(),)
    lead = told[0]
    told_as = Notice(
        incident_id=INCIDENT,
        event=event,
        tier=min(member.priority for member in told),
        route="urgent",
        environment="production",
        group_labels=Labels({"alert": lead.name, "account": "prod", "region": "eu-west-1"})
        if lead.name == "RdsCpuHigh"
        else Labels({"alert": lead.name}),
        opened_at=OPENED,
        at=_at(minutes),
        title=f"{min(member.priority for member in told)} {lead.name}: {lead.summary}",
        members=told,
        firing=sum(member.firing and not member.muted_by for member in told),
        muted=sum(member.firing and bool(member.muted_by) for member in told),
        resolved=sum(not member.firing for member in told),
        reason="",
        ended_at=_at(minutes) if event is Event.RESOLVE else None,
    )
    return replace(told_as, **more)


def delivery(told: Notice, before: Delivery | None = None, **more: Any) -> Delivery:
    """A delivery to Slack; ``before`` is the one that wrote the message as it stands."""
    ref = remembered(before, "C024BE91L", "1767621600.000100", logged=before.ref is not None) if before else None
    made = Delivery(
        id="00000000-0000-4000-8000-000000000001",
        incident_id=told.incident_id,
        channel="ops",
        destination="slack:0123456789ab:#ops",
        event=told.event,
        tier=told.tier,
        dedup_key=f"wt:0123456789ab:{told.incident_id}",
        notice=told,
        reason=told.reason,
        created_at=told.at,
        next_at=told.at,
        ref=ref,
    )
    return replace(made, **more)


PAGED = (Heard("oncall", "pagerduty", OPENED + timedelta(seconds=1)),)
TRIGGER = delivery(notice(Event.TRIGGER, reason="P2 alert RdsCpuHigh began"))
P1 = delivery(notice(Event.TRIGGER, site(), reason="P1 alert SiteDown began"), receipts=PAGED)
UPDATE = delivery(
    notice(
        Event.UPDATE,
        database(1),
        database(2, value=97.5),
        minutes=2,
        reason="members changed: 2 firing (0 without data), 0 resolved",
    ),
    TRIGGER,
    receipts=PAGED,
)
RAISE = delivery(
    notice(
        Event.TRIGGER,
        database(1, priority=Priority.P1, value=99.9, reason="3 of 3 datapoints > 99"),
        database(2, value=97.5),
        minutes=5,
        reason="raised from P2 to P1 by RdsCpuHigh",
    ),
    UPDATE,
    receipts=PAGED,
)
IN_HAND = {"acknowledged_by": "ana", "acknowledged_at": _at(6)}
ACKNOWLEDGED = delivery(
    replace(RAISE.notice, event=Event.ACKNOWLEDGE, at=_at(6), reason="acknowledged by ana (slack:ops)", **IN_HAND),
    RAISE,
    receipts=PAGED,
)
REPEAT = delivery(
    replace(UPDATE.notice, event=Event.REPEAT, at=_at(240), reason="nobody acknowledged it for 4h"),
    UPDATE,
    receipts=PAGED,
)
_OVER: dict[str, Any] = {"firing": False, "state": State.OK, "reason": "2 of 2 datapoints < 75"}
RESOLVE = delivery(
    notice(
        Event.RESOLVE,
        database(1, priority=Priority.P1, value=41.3, **_OVER),
        database(2, value=38.0, **_OVER),
        minutes=42,
        reason="last member resolved: RdsCpuHigh (2 of 2 datapoints < 75)",
        **IN_HAND,
    ),
    ACKNOWLEDGED,
    receipts=PAGED,
)
MUTED = delivery(
    notice(
        Event.UPDATE,
        database(1, muted_by="silenced by ana until 2026-01-05 16:00 UTC (resizing)"),
        database(2, value=97.5, muted_by="silenced by ana until 2026-01-05 16:00 UTC (resizing)"),
        minutes=8,
        reason="members changed: 0 firing (0 without data), 2 muted, 0 resolved",
    ),
    UPDATE,
    receipts=PAGED,
)
FALLBACK = delivery(
    notice(
        Event.TRIGGER,
        site(),
        minutes=1,
        reason="oncall did not accept it within 1m: PagerDuty answered 503",
        label="fallback for oncall",
    ),
)
MOVED = delivery(
    notice(
        Event.RESOLVE,
        database(1, moves_to="phones"),
        minutes=5,
        reason="raised to P1: route phones goes on with it",
        moved_to="phones",
    ),
    TRIGGER,
)
EVIDENCE = delivery(
    notice(
        Event.EVIDENCE,
        booking(),
        minutes=0.5,
        reason="evidence of PmsCritical that was not there when it was told",
        label=NO_ALERT,
    ),
)
LATE = delivery(notice(Event.TRIGGER, minutes=0, reason="P2 alert RdsCpuHigh began", label="late by 4m"))


def digest() -> Delivery:
    """Twelve incidents that waited for one channel."""
    rows = []
    for number in range(1, 13):
        told = notice(Event.TRIGGER, database(number, priority=Priority.P3), incident_id=f"incident-{number}")
        rows.append(delivery(told, id=f"d{number}", incident_id=f"incident-{number}"))
    return compose(Batch("digest-1", Kind.POST, tuple(rows), tuple(rows)), _at(3))


@dataclass
class Listener:
    """A notifier that keeps what it is given."""

    heard: list[Delivery] = field(default_factory=list)

    @property
    def traits(self) -> ChannelTraits:
        return ChannelTraits("ops", "slack", "slack:0123456789ab:#ops")

    def pace(self, delivery: Delivery) -> Pace | None:
        return None

    def doubles(self, delivery: Delivery) -> bool:
        return True

    async def send(self, delivery: Delivery) -> Receipt:
        self.heard.append(delivery)
        return Receipt({"channel": "C024BE91L", "ts": "1.1"})

    async def find(self, delivery: Delivery) -> Receipt | None:
        return None


def tested() -> Delivery:
    """What ``watchtower send-test`` begins with."""
    listener, numbers = Listener(), count(1)

    async def send() -> None:
        await send_test(listener, "production", ManualClock(OPENED), lambda: f"test-{next(numbers)}")()

    asyncio.run(send())
    return listener.heard[0]


def messages() -> dict[str, dict[str, Any]]:
    """Every message by the name of its file."""
    posted = {"trigger": TRIGGER, "trigger-p1": P1, "fallback": FALLBACK, "late": LATE, "digest": digest()}
    edited = {
        "update": UPDATE,
        "raise": RAISE,
        "acknowledged": ACKNOWLEDGED,
        "repeat": REPEAT,
        "muted": MUTED,
        "resolve": RESOLVE,
        "moved": MOVED,
    }
    made = {name: content(one, LOOK) for name, one in posted.items()}
    made |= {name: content(one, LOOK, edited=True) for name, one in edited.items()}
    for name, one in edited.items():
        if told := news(one, LOOK):
            made[f"{name}-in-the-thread"] = {"text": told.text, "blocks": told.blocks}
    thread = reply(EVIDENCE)
    made["evidence-in-the-thread"] = {"text": thread["text"], "blocks": thread["blocks"]}
    made["evidence-webhook"] = content(EVIDENCE, PLAIN)
    return made | {"webhook": content(P1, replace(PLAIN, mention="<!here>")), "test": content(tested(), LOOK)}


def written(message: dict[str, Any]) -> str:
    """A message as its file holds it."""
    return json.dumps(message, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files, and nothing else there."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, message in messages().items():
        (FOLDER / f"{name}.json").write_text(written(message), encoding="utf-8")


if __name__ == "__main__":
    main()
