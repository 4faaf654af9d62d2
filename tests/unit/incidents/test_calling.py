"""Who is called while nobody has an incident in hand, and what an acknowledgement changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import START
from tests.unit.incidents.memory import AUDIT, CHAT, PAGER, Memory, alert, ok, policy, silence, told
from watchtower.incidents.acknowledgement import acknowledged, closed_by_hand
from watchtower.incidents.deliveries import key_of
from watchtower.model import DeliveryState, Event, Priority

if TYPE_CHECKING:
    from watchtower.incidents.model import Incident

P1, P2, P3, P4, P5 = Priority
LEAD = replace(PAGER, name="lead", destination="key-lead")
ESCALATE: dict[str, Any] = {"escalate": {"after": "15m", "channels": ["lead"]}}
MINUTE = 60


def night(*, channels: list[str] | None = None, **route: Any) -> Memory:
    """A store with one route to pager and chat, told of one P1 that every vendor accepted."""
    memory = Memory(policy({"channels": channels or ["oncall", "ops"], **route}, channels=(PAGER, CHAT, AUDIT, LEAD)))
    memory.flush(alert(priority=P1))
    memory.send_all()
    return memory


def only(memory: Memory) -> Incident:
    [found] = [each for each in memory.incidents.values() if each.ended_at is None]
    return found


def acknowledge(memory: Memory, via: str = "cli", lasts: float | None = None) -> None:
    found = only(memory)
    until = None if lasts is None else memory.now + timedelta(seconds=lasts)
    memory.incidents[found.id] = acknowledged(found, "ana", via, until, memory.now)


def outcomes(memory: Memory) -> list[tuple[str, str]]:
    return [(decision.outcome, decision.reason) for decision in memory.plan.decisions]


# --- escalation ------------------------------------------------------------------------------------------------------


def test_nobody_acknowledging_in_time_calls_the_next_ones_once() -> None:
    memory = night(**ESCALATE)
    assert only(memory).due_at == START + timedelta(minutes=10)
    assert memory.flush(after=15 * MINUTE - 1).deliveries == ()
    assert only(memory).due_at == START + timedelta(minutes=15)
    plan = memory.flush(after=1)
    assert told(plan.deliveries) == ["P1 escalation lead"]
    assert plan.deliveries[0].reason == "not acknowledged within 15m"
    assert outcomes(memory) == [("escalated", "not acknowledged within 15m: lead")]
    memory.send_all()
    assert memory.flush(after=3600).empty


def test_an_escalation_is_resolved_with_the_others() -> None:
    memory = night(**ESCALATE)
    memory.flush(after=15 * MINUTE)
    memory.send_all()
    plan = memory.flush(ok(priority=P1))
    assert sorted(told(plan.deliveries)) == ["P1 resolve lead", "P1 resolve oncall", "P1 resolve ops"]


def test_an_acknowledgement_in_time_stops_the_escalation() -> None:
    memory = night(**ESCALATE)
    acknowledge(memory)
    memory.flush(after=60)
    memory.send_all()
    assert memory.flush(after=3600).deliveries == ()


def test_an_acknowledgement_takes_back_an_escalation_that_has_not_left() -> None:
    memory = night(**ESCALATE)
    [call] = memory.flush(after=15 * MINUTE).deliveries
    acknowledge(memory, via="oncall")
    plan = memory.flush()
    assert plan.withdrawn == ((call.id, "acknowledged by ana via oncall"),)
    assert told(plan.deliveries) == ["P1 acknowledge ops"]


def test_what_is_held_back_is_not_escalated_until_the_hold_ends() -> None:
    memory = night(**ESCALATE)
    memory.hush(silence(until=3600))
    assert memory.flush(after=15 * MINUTE).deliveries == ()
    due = only(memory).due_at
    assert due is not None
    assert due > memory.now
    assert "P1 escalation lead" in told(memory.flush(after=45 * MINUTE).deliveries)


def test_an_escalation_that_a_silence_took_back_is_made_when_the_silence_ends() -> None:
    memory = night(**ESCALATE)
    [call] = memory.flush(after=15 * MINUTE).deliveries
    memory.hush(silence(until=3600))
    assert (call.id, f"{only_reason(memory)}, before it was delivered") in memory.flush().withdrawn
    plan = memory.flush(after=45 * MINUTE)
    assert [each.event for each in plan.deliveries if each.channel == "lead"] == [Event.ESCALATION]
    memory.send_all()
    assert not memory.flush(after=600).deliveries


def only_reason(memory: Memory) -> str:
    memory_copy = Memory(memory.policy)
    memory_copy.hush(*memory.silences.values())
    memory_copy.flush(alert(priority=P1))
    return only(memory_copy).members[0].muted_by


def test_a_rise_begins_the_waiting_anew_and_the_next_ones_get_a_new_key_before_the_old_is_resolved() -> None:
    memory = Memory(policy({"channels": ["oncall"], **ESCALATE}, channels=(PAGER, LEAD)))
    memory.flush(alert(priority=P3))
    memory.send_all()
    memory.flush(after=15 * MINUTE)
    memory.send_all()
    memory.flush(alert(priority=P1), after=60)
    memory.send_all()
    assert memory.flush(after=14 * MINUTE).deliveries == ()
    call, old = memory.flush(after=60).deliveries
    assert told([call, old]) == ["P1 escalation lead", "P3 resolve lead"]
    assert call.dedup_key != old.dedup_key
    assert old.after == call.id


def test_an_escalation_goes_under_a_key_that_was_not_told_there_even_by_a_fallback() -> None:
    memory = night(**ESCALATE)
    page = next(row for row in memory.rows.values() if row.channel == "oncall")
    stand_in = replace(page, id="stand-in", channel="lead", destination="key-lead", fallback_of=page.id)
    memory.rows["stand-in"] = replace(stand_in, state=DeliveryState.PENDING, attempts=0, seq=99)
    memory.settle(memory.rows["stand-in"], DeliveryState.ACCEPTED)
    call, old = memory.flush(after=15 * MINUTE).deliveries
    assert call.dedup_key == f"{page.dedup_key}:escalation"
    assert (old.event, old.dedup_key, old.after) == (Event.RESOLVE, page.dedup_key, call.id)


def test_a_channel_that_leads_where_it_is_told_already_rings_under_a_key_of_its_own() -> None:
    memory = night(**ESCALATE)
    memory.policy = replace(
        memory.policy, channels={**memory.policy.channels, "lead": replace(LEAD, destination=PAGER.destination)}
    )
    [call] = memory.flush(after=15 * MINUTE).deliveries
    assert call.dedup_key.endswith(":P1:escalation")


def test_a_channel_that_a_reload_removed_is_not_called() -> None:
    memory = night(**ESCALATE)
    memory.policy = policy({"channels": ["oncall", "ops"]})
    assert memory.flush(after=15 * MINUTE).deliveries == ()
    assert outcomes(memory) == [("not escalated", "lead: not configured any more")]
    assert memory.flush(after=600).empty


def test_who_is_called_today_is_called_in_the_place_of_a_channel_that_a_reload_removed() -> None:
    memory = night(**ESCALATE)
    boss = replace(LEAD, name="boss", destination="key-9")
    channels = {**memory.policy.channels, "boss": boss}
    del channels["lead"]
    today = policy({"channels": ["oncall", "ops"], "escalate": {"after": "15m", "channels": ["boss"]}})
    memory.policy = replace(today, channels=channels)
    assert told(memory.flush(after=15 * MINUTE).deliveries) == ["P1 escalation boss"]


# --- repeat ----------------------------------------------------------------------------------------------------------


def test_chat_is_reminded_and_neither_pager_nor_topic_is() -> None:
    memory = night(channels=["oncall", "ops", "audit"], repeat="4h")
    assert memory.flush(after=4 * 3600 - 1).deliveries == ()
    plan = memory.flush(after=1)
    assert told(plan.deliveries) == ["P1 repeat ops"]
    assert plan.deliveries[0].reason == "still firing and not acknowledged (repeat: 4h)"
    assert outcomes(memory) == [("repeated", "still firing and not acknowledged (repeat: 4h): ops")]
    memory.send_all()
    assert memory.flush(after=4 * 3600 - 1).deliveries == ()
    assert told(memory.flush(after=1).deliveries) == ["P1 repeat ops"]


def test_reminders_do_not_let_members_join_that_would_not_ring() -> None:
    memory = night(repeat="30m")
    memory.flush(after=30 * MINUTE)
    memory.flush(alert(priority=P1, labels={"db": "2"}))
    assert len([each for each in memory.incidents.values() if each.ended_at is None]) == 2


def test_nobody_is_reminded_of_what_somebody_has_in_hand_or_nobody_may_hear_of() -> None:
    memory = night(repeat="30m")
    memory.hush(silence(until=3600))
    assert memory.flush(after=45 * MINUTE).deliveries == ()
    acknowledge(memory)
    memory.flush()
    assert "P1 repeat ops" not in told(memory.flush(after=3600).deliveries)


def test_a_channel_that_has_not_accepted_the_page_is_not_reminded_of_it() -> None:
    memory = Memory(policy({"channels": ["ops"], "repeat": "30m"}))
    memory.flush(alert(priority=P1))
    assert memory.flush(after=30 * MINUTE).deliveries == ()


def test_one_resolve_pays_for_a_page_and_its_reminders() -> None:
    memory = night(repeat="30m")
    memory.flush(after=30 * MINUTE)
    memory.send_all()
    memory.flush(ok(priority=P1))
    memory.send_all()
    assert sorted(told(memory.accepted[-2:])) == ["P1 resolve oncall", "P1 resolve ops"]
    assert not memory.debts


# --- acknowledgement -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("via", "others"),
    [("cli", ["P1 acknowledge oncall", "P1 acknowledge ops"]), ("ops", ["P1 acknowledge oncall"])],
)
def test_an_acknowledgement_is_passed_on_once_to_the_others_that_listen(via: str, others: list[str]) -> None:
    memory = night(channels=["oncall", "ops", "audit"])
    acknowledge(memory, via)
    plan = memory.flush(after=60)
    assert sorted(told(plan.deliveries)) == others
    assert plan.deliveries[0].notice.acknowledged_by == "ana"
    assert outcomes(memory) == [("acknowledged", f"acknowledged by ana via {via}")]
    assert memory.flush().empty


def test_an_acknowledgement_owes_nothing_and_is_not_told_to_a_channel_that_holds_nothing() -> None:
    memory = Memory()
    memory.flush(alert(priority=P1))
    memory.send_all()
    before = dict(memory.debts)
    memory.policy = replace(memory.policy, channels={**memory.policy.channels, "lead": LEAD})
    acknowledge(memory)
    memory.flush()
    memory.send_all()
    assert memory.debts == before


def test_after_an_acknowledgement_a_new_alert_of_the_group_rings_in_an_incident_of_its_own() -> None:
    memory = night()
    acknowledge(memory)
    memory.flush(after=60)
    plan = memory.flush(alert(priority=P1, labels={"db": "2"}))
    assert sorted(told(plan.deliveries)) == ["P1 trigger oncall", "P1 trigger ops"]


def test_a_rise_rings_through_an_acknowledgement_and_ends_it() -> None:
    memory = Memory()
    memory.flush(alert(priority=P3))
    memory.send_all()
    acknowledge(memory)
    memory.flush()
    memory.send_all()
    plan = memory.flush(alert(priority=P1), after=60)
    assert told(plan.deliveries) == ["P1 trigger oncall", "P1 trigger ops", "P3 resolve oncall"]
    assert plan.deliveries[0].notice.acknowledged_by == ""
    assert only(memory).acknowledged_at is None


def test_an_acknowledgement_that_ends_pages_under_a_new_key_before_the_old_one_is_resolved() -> None:
    memory = night()
    old_key = next(key_of(row) for row in memory.rows.values() if row.channel == "oncall")
    acknowledge(memory, lasts=7200)
    memory.flush()
    memory.send_all()
    assert only(memory).due_at == START + timedelta(minutes=10) or only(memory).due_at == START + timedelta(hours=2)
    plan = memory.flush(after=7200)
    assert sorted(told(plan.deliveries)) == ["P1 resolve oncall", "P1 trigger oncall", "P1 trigger ops"]
    page = next(each for each in plan.deliveries if told([each]) == ["P1 trigger oncall"])
    resolve = next(each for each in plan.deliveries if each.event is Event.RESOLVE)
    assert page.dedup_key == f"{old_key.dedup_key}:2"
    assert (resolve.dedup_key, resolve.after) == (old_key.dedup_key, page.id)
    assert page.reason == "still firing: the acknowledgement by ana ended at 02:00 UTC"
    assert outcomes(memory) == [("acknowledgement ended", page.reason)]
    memory.send_all()
    assert memory.flush().empty


def test_an_escalation_waits_anew_after_an_acknowledgement_ended() -> None:
    memory = night(**ESCALATE)
    acknowledge(memory, lasts=7200)
    memory.flush()
    memory.flush(after=7200)
    memory.send_all()
    assert told(memory.flush(after=15 * MINUTE).deliveries) == ["P1 escalation lead"]


def test_an_acknowledgement_does_not_end_while_everything_is_held_back() -> None:
    memory = night()
    acknowledge(memory, lasts=1800)
    memory.flush()
    memory.send_all()
    memory.hush(silence(until=3600))
    assert not memory.flush(after=1800).deliveries
    due = only(memory).due_at
    assert due is not None
    assert due > memory.now
    assert "P1 trigger oncall" in told(memory.flush(after=1800).deliveries)


def test_a_silence_does_not_keep_the_other_pager_ringing() -> None:
    memory = night()
    memory.hush(silence(until=3600))
    memory.flush(after=60)
    acknowledge(memory, via="ops")
    assert told(memory.flush().deliveries) == ["P1 acknowledge oncall"]


def test_what_was_acknowledged_before_it_was_told_is_paged_and_then_said_to_be_in_hand() -> None:
    memory = Memory(policy({"channels": ["oncall"], "group_wait": "5m"}))
    memory.flush(alert(priority=P3))
    acknowledge(memory)
    assert not memory.flush().deliveries
    assert told(memory.flush(after=300).deliveries) == ["P3 trigger oncall", "P3 acknowledge oncall"]
    assert memory.flush().empty


def test_an_acknowledgement_of_what_ended_before_it_left_is_taken_back() -> None:
    memory = night()
    acknowledge(memory)
    passed_on = {each.id for each in memory.flush().deliveries}
    plan = memory.flush(ok(priority=P1))
    assert {row for row, _ in plan.withdrawn} == passed_on
    assert {each.event for each in plan.deliveries} == {Event.RESOLVE}


# --- closed by a person at the vendor --------------------------------------------------------------------------------


def test_closing_it_at_the_vendor_is_an_acknowledgement_for_an_hour_and_then_a_new_key() -> None:
    memory = night()
    found = only(memory)
    memory.incidents[found.id] = closed_by_hand(found, "ana", "oncall", memory.now)
    assert told(memory.flush().deliveries) == ["P1 acknowledge ops"]
    memory.send_all()
    plan = memory.flush(after=3600)
    assert sorted(told(plan.deliveries)) == ["P1 resolve oncall", "P1 trigger oncall", "P1 trigger ops"]
    keys = {each.event: each.dedup_key for each in plan.deliveries if each.channel == "oncall"}
    assert keys[Event.TRIGGER] != keys[Event.RESOLVE]


# --- channels of one place --------------------------------------------------------------------------------------------


def test_two_channels_of_one_place_are_told_once_and_the_decision_says_why() -> None:
    twin = replace(PAGER, name="oncall2")
    memory = Memory(policy({"channels": ["oncall", "oncall2", "ops"]}, channels=(PAGER, CHAT, twin)))
    plan = memory.flush(alert(priority=P2))
    assert told(plan.deliveries) == ["P2 trigger oncall", "P2 trigger ops"]
    assert ("not delivered", "channel oncall2 leads to the same place as oncall") in outcomes(memory)
    memory.send_all()
    risen = memory.flush(alert(priority=P1))
    assert told(risen.deliveries) == ["P1 trigger oncall", "P1 trigger ops", "P2 resolve oncall"]


def test_two_channels_of_one_place_are_called_once() -> None:
    deputy = replace(LEAD, name="deputy")
    route: dict[str, object] = {"channels": ["oncall"], "escalate": {"after": "15m", "channels": ["lead", "deputy"]}}
    memory = Memory(policy(route, channels=(PAGER, LEAD, deputy)))
    memory.flush(alert(priority=P1))
    memory.send_all()
    plan = memory.flush(after=15 * MINUTE)
    assert told(plan.deliveries) == ["P1 escalation lead"]
    assert ("not escalated", "deputy leads to the same place as lead") in outcomes(memory)
