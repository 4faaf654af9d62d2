"""Deliveries to hand to a notifier: an ordinary one, changed where a test says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.support.clock import START
from watchtower.model import Delivery, Event, Labels, Notice, NoticeMember, Priority, State

RUNBOOK = "https://runbooks.example.com/rds-cpu"


def a_member(**changes: Any) -> NoticeMember:
    labels = Labels(
        {
            "alert": "RdsCpuHigh",
            "group": "rds",
            "source": "cloudwatch",
            "account": "prod",
            "region": "eu-west-1",
            "service": "database",
            "DBInstanceIdentifier": "db-1",
        }
    )
    ordinary = NoticeMember(
        alert_id="a1",
        name="RdsCpuHigh",
        labels=labels,
        state=State.ALARM,
        firing=True,
        priority=Priority.P2,
        summary="db-1: CPU at 96.2 %",
        reason="2 of 2 datapoints > 95",
        value=96.2,
        since=START,
        runbook=RUNBOOK,
    )
    return replace(ordinary, **changes)


def a_notice(**changes: Any) -> Notice:
    members = changes.pop("members", (a_member(),))
    ordinary = Notice(
        incident_id="inc-1",
        event=Event.TRIGGER,
        tier=Priority.P2,
        route="urgent",
        environment="production",
        group_labels=Labels({"alert": "RdsCpuHigh", "account": "prod", "region": "eu-west-1"}),
        opened_at=START,
        at=START + timedelta(minutes=2),
        title="P2 RdsCpuHigh: db-1: CPU at 96.2 %",
        members=members,
        firing=sum(member.firing for member in members),
        resolved=sum(not member.firing for member in members),
    )
    return replace(ordinary, **changes)


def a_delivery(number: int = 1, event: Event = Event.TRIGGER, **changes: Any) -> Delivery:
    """Delivery ``number`` of incident inc-1; ``notice`` may be given whole."""
    ended = START + timedelta(minutes=12) if event is Event.RESOLVE else None
    notice = changes.pop("notice", a_notice(event=event, ended_at=ended))
    ordinary = Delivery(
        id=f"00000000-0000-4000-8000-{number:012d}",
        incident_id=notice.incident_id,
        channel="ops",
        destination="somewhere",
        event=event,
        tier=notice.tier,
        dedup_key=f"wt:store-1:{notice.incident_id}:{notice.tier}",
        notice=notice,
        reason="route urgent",
        created_at=START,
        next_at=START,
        first_attempt_at=START,
    )
    return replace(ordinary, **changes)


def nasty_notices() -> dict[str, Notice]:
    """Notices that careless code has lost pages over, by what is wrong with them."""
    long = "x" * 10_000
    markup = "<!channel> <@U012AB3CD> & <https://evil.example|click> ```\n*b* _i_ ~s~ `c`"
    control = "".join(map(chr, range(32))) + "\x7f\x85\u2028\u202e\ud800 end"
    many = tuple(a_member(alert_id=f"a{n}", summary=f"db-{n}: CPU at 97 % {'é' * 300}") for n in range(500))
    wide = Labels({f"label_{n}" + "k" * 300: "✓" * 3000 for n in range(60)})
    texts = {
        "long": long,
        "emoji": "🔥👩‍👩‍👧" * 3000,
        "markup": markup * 300,
        "ampersands": "&<>" * 4000,
        "control": control,
    }
    notices = {name: _everywhere(text) for name, text in texts.items()}
    notices["empty"] = _everywhere("")
    notices["nobody"] = a_notice(members=(), title="")
    notices["five hundred members"] = a_notice(members=many, group_labels=wide)
    notices["wide labels"] = a_notice(members=(a_member(labels=wide, evidence=(long,) * 50),) * 20)
    notices["no number"] = a_notice(members=(a_member(value=float("nan")), a_member(value=None)))
    notices["odd runbook"] = a_notice(members=(a_member(runbook="https://x.example/a|b>c d?q=<1>&r=é"),))
    return notices


def _everywhere(text: str) -> Notice:
    member = a_member(
        name=text,
        summary=text,
        reason=text,
        runbook=f"https://x.example/{text}",
        labels=Labels({"target": text, "service": text, "odd": text, text[:50] or "none": text}),
        annotations=Labels({"text": text}),
        evidence=(text, text),
    )
    group = Labels({"tenant": text})
    return a_notice(title=text, members=(member, member), route=text, environment=text, reason=text, group_labels=group)
