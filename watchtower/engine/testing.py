"""`watchtower send-test`: one labelled trigger and its resolve, straight through a notifier."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.model import Delivery, Event, Labels, Notice, NoticeMember, Priority, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from watchtower.clock import Clock
    from watchtower.notifiers.base import Notifier

SUMMARY = "This is a test of this channel. Nothing is wrong."


def send_test(
    notifier: Notifier, environment: str, clock: Clock, new_id: Callable[[], str]
) -> Callable[[], Awaitable[str]]:
    """A call that sends the test; it raises DeliveryError when the vendor does not accept."""

    async def send() -> str:
        trigger = _trigger(notifier, environment, clock, new_id)
        receipt = await notifier.send(trigger)
        resolved = replace(
            trigger,
            id=new_id(),
            event=Event.RESOLVE,
            ref=receipt.ref,
            notice=replace(
                trigger.notice,
                event=Event.RESOLVE,
                ended_at=clock.now(),
                firing=0,
                resolved=1,
                members=(replace(trigger.notice.members[0], state=State.OK, firing=False),),
            ),
        )
        pace = notifier.pace(resolved)
        await clock.sleep(pace.seconds / pace.events if pace else 0.0)
        await notifier.send(resolved)
        return "trigger and resolve accepted"

    return send


def _trigger(notifier: Notifier, environment: str, clock: Clock, new_id: Callable[[], str]) -> Delivery:
    now, incident = clock.now(), new_id()
    labels = Labels({"alert": "WatchtowerTest", "environment": environment})
    member = NoticeMember(
        alert_id="test",
        name="WatchtowerTest",
        labels=labels,
        state=State.ALARM,
        firing=True,
        priority=Priority.P5,
        summary=SUMMARY,
        reason="somebody ran watchtower send-test",
        value=None,
        since=now,
    )
    notice = Notice(
        incident_id=incident,
        event=Event.TRIGGER,
        tier=Priority.P5,
        route="send-test",
        environment=environment,
        group_labels=labels,
        opened_at=now,
        at=now,
        title="P5 WatchtowerTest: test message",
        members=(member,),
        firing=1,
        resolved=0,
        reason="send-test",
    )
    return Delivery(
        id=new_id(),
        incident_id=incident,
        channel=notifier.traits.name,
        destination=notifier.traits.destination,
        event=Event.TRIGGER,
        tier=Priority.P5,
        dedup_key=f"wt:test:{incident}",
        notice=notice,
        reason="send-test",
        created_at=now,
        next_at=now,
    )
