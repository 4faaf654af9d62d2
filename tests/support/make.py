"""Values for tests, with everything a test does not care about filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.clock import START
from watchtower.model import Delivery, DeliveryState, Event, Labels, Notice, NoticeMember, Priority, State
from watchtower.rulebook.conditions import Condition
from watchtower.rulebook.rule import Level, Missing, Rule
from watchtower.sources.base import Ask, Unit
from watchtower.store.values import ClaimedUnit, UnitHealth

if TYPE_CHECKING:
    from datetime import datetime


def unit(**changes: Any) -> Unit:
    """A CloudWatch unit of one minute with two minutes of publication delay."""
    values: dict[str, Any] = {
        "id": "cloudwatch/prod/eu-west-1/60/120",
        "source": "cloudwatch",
        "account": "prod",
        "region": "eu-west-1",
        "period": 60,
        "offset": 0,
        "delay": 120,
        "asks": (Ask("CpuHigh", None, 60, 3, Priority.P1),),
        "fingerprint": "f",
    }
    return Unit(**{**values, **changes})


def claimed(**changes: Any) -> ClaimedUnit:
    """A claim of that unit, never ticked before."""
    values: dict[str, Any] = {
        "id": "cloudwatch/prod/eu-west-1/60/120",
        "epoch": 1,
        "due_at": START,
        "last_tick": None,
        "memory": None,
        "failing_since": None,
        "failures": 0,
    }
    return ClaimedUnit(**{**values, **changes})


def health(**changes: Any) -> UnitHealth:
    """A unit that fares well."""
    values: dict[str, Any] = {
        "id": "cloudwatch/prod/eu-west-1/60/120",
        "source": "cloudwatch",
        "account": "prod",
        "region": "eu-west-1",
        "period": 60,
        "due_at": START,
        "last_tick": None,
        "failing_since": None,
        "failures": 0,
        "failure": "",
    }
    return UnitHealth(**{**values, **changes})


def notice(event: Event = Event.TRIGGER, tier: Priority = Priority.P1, at: datetime = START) -> Notice:
    """A notice about one firing alert."""
    member = NoticeMember(
        alert_id="a",
        name="CpuHigh",
        labels=Labels({"alert": "CpuHigh"}),
        state=State.ALARM,
        firing=True,
        priority=tier,
        summary="CPU is high",
        reason="1 of 1",
        value=91.0,
        since=at,
    )
    return Notice(
        incident_id="i",
        event=event,
        tier=tier,
        route="all",
        environment="test",
        group_labels=Labels(),
        opened_at=at,
        at=at,
        title="P1 CpuHigh",
        members=(member,),
        firing=1,
        resolved=0,
    )


def delivery(**changes: Any) -> Delivery:
    """A pending P1 trigger for the channel ``oncall``."""
    tier = changes.get("tier", Priority.P1)
    event = changes.get("event", Event.TRIGGER)
    values: dict[str, Any] = {
        "id": "d",
        "incident_id": "i",
        "channel": "oncall",
        "destination": "pagerduty:1",
        "event": event,
        "tier": tier,
        "dedup_key": "wt:s:i:P1",
        "notice": notice(event, tier),
        "reason": "began",
        "created_at": START,
        "next_at": START,
        "state": DeliveryState.PENDING,
    }
    return Delivery(**{**values, **changes})


def rule(name: str, *priorities: Priority) -> Rule:
    """A rule that fires above 1, at these priorities, most urgent first."""
    return Rule(
        name=name,
        group="g",
        source="cloudwatch",
        query=None,
        period=60,
        levels=tuple(Level(priority, Condition.parse("> 1"), 1, 1, {}) for priority in priorities),
        missing=Missing.MISSING,
        recover=None,
        slots=3,
        labels={},
        annotations={},
        summary=None,
        runbook=None,
        accounts=(),
        regions=(),
        enabled=True,
        notify=True,
        file="rules.yaml",
        line=1,
    )
