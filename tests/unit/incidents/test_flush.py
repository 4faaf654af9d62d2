"""Transitions become incidents, and incidents speak when they should."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.clock import START
from tests.unit.incidents.memory import AUDIT, CHAT, PAGER, Memory, alert, dark, ok, policy, silence, told
from watchtower.incidents.flush import decide
from watchtower.model import DeliveryState, Event, Priority, State, Transition

P1, P2, P3, P4, P5 = Priority


def outcomes(memory: Memory) -> list[str]:
    return [decision.outcome for decision in memory.plan.decisions]


# --- beginning -------------------------------------------------------------------------------------------


def test_an_alert_pages_every_channel_of_its_route_once_and_says_why() -> None:
    memory = Memory()
    plan = memory.flush(alert("SiteDown", priority=P1, summary="www.example.com is down"))
    assert told(plan.deliveries) == ["P1 trigger oncall", "P1 trigger ops"]
    page, message = plan.deliveries
    incident = plan.incidents[0]
    assert page.dedup_key == f"wt:store:{incident.id}:P1"
    assert message.dedup_key == f"wt:store:{incident.id}"
    assert page.destination == "key-1"
    assert page.reason == "P1 alert SiteDown began"
    assert page.notice.title == "P1 SiteDown: www.example.com is down"
    assert (page.notice.environment, page.notice.route) == ("test", "route-1")
    assert plan.decisions[0].reason == "route route-1 matches every alert"
    assert memory.flush().empty


def test_nothing_is_said_of_a_rule_that_does_not_notify() -> None:
    memory = Memory()
    plan = memory.flush(alert(notify=False), ok(notify=False))
    assert plan.consumed == (1, 2)
    assert not plan.deliveries
    assert not plan.incidents
    assert {decision.reason for decision in plan.decisions} == {"rule has notify: false"}


def test_what_is_too_old_to_page_says_so_and_the_fresh_breach_that_follows_pages() -> None:
    memory = Memory()
    plan = memory.flush(replace(alert(priority=P1), notify=False, unsent="too old to page: yesterday"))
    assert [decision.reason for decision in plan.decisions] == ["too old to page: yesterday"]
    assert not plan.deliveries
    fresh = replace(alert(priority=P1), from_state=State.ALARM)
    assert told(memory.flush(fresh).deliveries) == ["P1 trigger oncall", "P1 trigger ops"]


def test_an_alert_that_no_route_matches_is_decided_with_the_reason() -> None:
    memory = Memory(policy({"channels": ["ops"], "match": ["team=db"]}))
    assert memory.flush(alert()).decisions[0].reason == "no route matches its labels"
    assert not memory.incidents


@pytest.mark.parametrize("transition", [ok(), dark()])
def test_what_no_incident_holds_is_consumed_with_a_decision(transition: Transition) -> None:
    memory = Memory()
    assert memory.flush(transition).consumed == (1,)
    assert outcomes(memory) == ["ignored"]


def test_alerts_of_one_group_share_an_incident_and_others_do_not() -> None:
    memory = Memory()
    plan = memory.flush(
        alert(labels={"db": "1"}),
        alert(labels={"db": "2"}),
        alert("Other"),
        alert(labels={"region": "us-east-1"}),
    )
    assert [len(incident.members) for incident in plan.incidents] == [2, 1, 1]
    assert len(plan.deliveries) == 6


def test_an_alert_that_two_routes_take_opens_an_incident_in_each() -> None:
    memory = Memory(policy({"channels": ["audit"], "continue": True}, {"channels": ["ops"]}))
    plan = memory.flush(alert())
    assert [incident.route for incident in plan.incidents] == ["route-1", "route-2"]
    assert told(plan.deliveries) == ["P3 trigger audit", "P3 trigger ops"]


def test_the_most_urgent_deliveries_come_first() -> None:
    memory = Memory()
    plan = memory.flush(alert("A", priority=P4), alert("B", priority=P1), alert("C", priority=P3))
    assert [delivery.tier for delivery in plan.deliveries] == [P1, P1, P3, P3, P4, P4]


# --- group_wait ------------------------------------------------------------------------------------------


def waiting() -> Memory:
    return Memory(policy({"channels": ["oncall", "ops"], "group_wait": "30s"}))


def test_a_warning_waits_for_company_and_is_told_once_with_it() -> None:
    memory = waiting()
    assert not memory.flush(alert(labels={"db": "1"})).deliveries
    assert memory.plan.decisions[0].reason.endswith("waits 30s for company (group_wait)")
    assert memory.plan.incidents[0].due_at == START + timedelta(seconds=30)
    assert not memory.flush(alert(labels={"db": "2"}), after=29).deliveries
    plan = memory.flush(after=1)
    assert told(plan.deliveries) == ["P3 trigger oncall", "P3 trigger ops"]
    assert plan.deliveries[0].notice.firing == 2
    assert plan.deliveries[0].reason == "P3 alert RdsCpuHigh began with 1 more, group_wait 30s over"


@pytest.mark.parametrize("priority", [P1, P2])
def test_an_urgent_alert_does_not_wait(priority: Priority) -> None:
    assert len(waiting().flush(alert(priority=priority)).deliveries) == 2


def test_a_rise_ends_the_waiting() -> None:
    memory = waiting()
    memory.flush(alert(priority=P5))
    plan = memory.flush(alert(priority=P3), after=1)
    assert told(plan.deliveries) == ["P3 trigger oncall", "P3 trigger ops"]
    assert plan.deliveries[0].reason == "raised to P3 before it was told"


def test_what_ends_while_it_waits_is_never_sent_and_the_decision_says_so() -> None:
    memory = waiting()
    memory.flush(alert())
    plan = memory.flush(ok(), after=5)
    assert not plan.deliveries
    assert plan.incidents[0].ended_at == memory.now
    assert plan.decisions[-1].reason == "P3 incident ended before it was told"
    assert plan.decisions[-1].transition_seq == 2


def test_an_urgent_alert_that_began_and_ended_between_two_flushes_is_told_and_resolved() -> None:
    memory = waiting()
    plan = memory.flush(alert(priority=P1), ok(priority=P1))
    assert told(plan.deliveries) == [
        "P1 trigger oncall",
        "P1 trigger ops",
        "P1 resolve oncall",
        "P1 resolve ops",
    ]
    memory.send_all()
    assert not memory.debts


# --- members ---------------------------------------------------------------------------------------------


def test_a_member_that_joins_does_not_ring_but_is_an_update_after_the_interval() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}))
    memory.send_all()
    assert not memory.flush(alert(labels={"db": "2"}), after=10).deliveries
    assert outcomes(memory) == ["joined"]
    assert memory.plan.incidents[0].due_at == START + timedelta(seconds=60)
    plan = memory.flush(after=50)
    assert told(plan.deliveries) == ["P3 update ops"]
    assert plan.deliveries[0].reason == "members changed: 2 firing (0 without data), 0 resolved"
    assert memory.flush(after=60).empty


def test_updates_keep_the_interval_between_each_other() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}))
    memory.send_all()
    memory.flush(alert(labels={"db": "2"}), after=70)
    assert told(memory.plan.deliveries) == ["P3 update ops"]
    assert not memory.flush(alert(labels={"db": "3"}), after=59).deliveries
    assert told(memory.flush(after=1).deliveries) == ["P3 update ops"]


def test_a_newer_update_takes_the_place_of_one_that_is_still_unsent() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}))
    memory.send_all()
    old = memory.flush(alert(labels={"db": "2"}), after=70).deliveries[0]
    plan = memory.flush(alert(labels={"db": "3"}), after=70)
    assert plan.withdrawn == ((old.id, "members changed again before it was delivered"),)


def test_a_member_resolving_while_others_fire_is_an_update_and_no_end() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}), alert(labels={"db": "2"}))
    memory.send_all()
    plan = memory.flush(ok(labels={"db": "1"}), after=60)
    assert told(plan.deliveries) == ["P3 update ops"]
    notice = plan.deliveries[0].notice
    assert (notice.firing, notice.resolved) == (1, 1)
    assert [member.firing for member in notice.members] == [True, False]
    assert told(memory.flush(ok(labels={"db": "2"}), after=1).deliveries) == [
        "P3 resolve oncall",
        "P3 resolve ops",
    ]


def test_an_alert_that_loses_its_data_stays_open_and_says_since_when() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    lost_at = START + timedelta(seconds=90)
    plan = memory.flush(dark(reason="no datapoints"), after=90)
    assert told(plan.deliveries) == ["P3 update ops"]
    member = plan.deliveries[0].notice.members[0]
    assert (member.firing, member.state, member.no_data_since) == (True, State.INSUFFICIENT_DATA, lost_at)
    memory.flush(dark(), after=60)
    assert memory.plan.incidents[0].members[0].no_data_since == lost_at
    plan = memory.flush(alert(), after=60)
    assert outcomes(memory) == ["continues"]
    member = plan.incidents[0].members[0]
    assert (member.no_data_since, member.since) == (None, START)


def test_an_alert_that_fires_again_within_ten_minutes_rejoins_and_does_not_ring() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}), alert(labels={"db": "2"}))
    memory.flush(ok(labels={"db": "1"}), after=60)
    plan = memory.flush(alert(labels={"db": "1"}), after=60)
    assert outcomes(memory) == ["rejoined"]
    assert told(plan.deliveries) == ["P3 update ops"]
    assert plan.incidents[0].members[0].firing


def test_ten_minutes_after_the_last_page_a_new_alert_opens_a_new_incident() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}), alert(labels={"db": "2"}))
    memory.flush(ok(labels={"db": "1"}), after=60)
    plan = memory.flush(alert(labels={"db": "1"}), after=540)
    assert outcomes(memory) == ["opened"]
    assert told(plan.deliveries)[-2:] == ["P3 trigger oncall", "P3 trigger ops"]
    assert [incident.taking_members for incident in plan.incidents] == [False, True]


def test_an_incident_stops_taking_members_when_it_is_due_for_it() -> None:
    memory = Memory()
    memory.flush(alert())
    assert memory.plan.incidents[0].due_at == START + timedelta(minutes=10)
    plan = memory.flush(after=600)
    assert not plan.incidents[0].taking_members
    assert plan.incidents[0].due_at is None


def test_a_flap_between_two_flushes_is_its_net_change() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    plan = memory.flush(ok(), alert(), after=5)
    assert not plan.deliveries
    assert plan.incidents[0].ended_at is None


def test_another_alert_of_the_group_does_not_slip_into_an_incident_that_just_ended() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}))
    memory.send_all()
    plan = memory.flush(ok(labels={"db": "1"}), alert(labels={"db": "2"}), after=5)
    assert sorted(told(plan.deliveries)) == [
        "P3 resolve oncall",
        "P3 resolve ops",
        "P3 trigger oncall",
        "P3 trigger ops",
    ]


def test_an_alert_that_returns_after_its_place_was_taken_joins_the_new_incident() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}))
    first = alert(labels={"db": "1"})
    memory.flush(ok(labels={"db": "1"}), alert(labels={"db": "2"}), first, after=5)
    old, new = memory.plan.incidents
    assert old.ended_at == memory.now
    assert [member.alert_id for member in new.members if member.firing][-1] == first.key.id


def test_a_channel_that_never_took_the_page_is_not_updated() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}))
    for row in memory.claimable():
        memory.settle(row, DeliveryState.DEAD)
    assert not memory.flush(alert(labels={"db": "2"}), after=70).deliveries


def test_a_notice_shows_fifty_members_urgent_and_firing_first_and_counts_all() -> None:
    memory = Memory()
    memory.flush(*(alert(labels={"db": f"{n:02}"}, priority=P4) for n in range(70)))
    memory.flush(*(ok(labels={"db": f"{n:02}"}) for n in range(10)), after=1)
    plan = memory.flush(alert(labels={"db": "99"}, priority=P2, summary="hot"), after=1)
    notice = plan.deliveries[0].notice
    assert (len(notice.members), notice.firing, notice.resolved) == (50, 61, 10)
    assert notice.members[0].priority is P2
    assert all(member.firing for member in notice.members)
    assert notice.title == "P2 RdsCpuHigh: hot (and 60 more)"


# --- rises -----------------------------------------------------------------------------------------------


def test_a_rise_pages_the_new_key_at_once_and_then_resolves_the_old_one() -> None:
    memory = Memory()
    memory.flush(alert(priority=P3))
    memory.send_all()
    plan = memory.flush(alert(priority=P1), after=5)
    assert told(plan.deliveries) == ["P1 trigger oncall", "P1 trigger ops", "P3 resolve oncall"]
    page, message, resolve = plan.deliveries
    assert resolve.after == page.id
    assert resolve.dedup_key.endswith(":P3")
    assert page.dedup_key.endswith(":P1")
    assert page.reason == "raised from P3 to P1 by RdsCpuHigh"
    assert page.notice.members[0].since == START
    assert message.dedup_key == f"wt:store:{plan.incidents[0].id}"
    memory.send_all()
    ending = memory.flush(ok(priority=P1), after=5).deliveries
    assert sorted(told(ending)) == ["P1 resolve oncall", "P1 resolve ops"]


@pytest.mark.parametrize("afterwards", [None, DeliveryState.ACCEPTED], ids=["unsettled", "accepted since"])
def test_an_old_key_whose_page_was_not_answered_is_resolved_once_more_a_minute_later(
    afterwards: DeliveryState | None,
) -> None:
    """The lost request may arrive after the resolve: it would open an incident that nobody closes."""
    memory = Memory(policy({"channels": ["oncall"]}))
    [old] = memory.flush(alert(priority=P2)).deliveries
    for outcome in filter(None, (DeliveryState.AMBIGUOUS, afterwards)):
        memory.settle(memory.rows[old.id], outcome)
    page, resolve, again = memory.flush(alert(priority=P1), after=5).deliveries
    assert told([page, resolve, again]) == ["P1 trigger oncall", "P2 resolve oncall", "P2 resolve oncall"]
    assert (resolve.dedup_key, again.dedup_key) == (old.dedup_key, old.dedup_key)
    assert (again.after, again.next_at) == (resolve.id, memory.now + timedelta(seconds=60))
    assert "may come late" in again.reason


def test_with_the_page_that_is_taken_back_go_both_resolves_of_the_old_key() -> None:
    memory = Memory(policy({"channels": ["oncall"]}))
    [old] = memory.flush(alert(priority=P2)).deliveries
    memory.settle(old, DeliveryState.AMBIGUOUS)
    risen = memory.flush(alert(priority=P1), after=5).deliveries
    memory.hush(silence())
    plan = memory.flush(after=1)
    assert {row for row, _ in plan.withdrawn} == {each.id for each in risen}


def test_a_more_urgent_member_raises_the_incident_and_its_resolve_does_not_lower_it() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}))
    plan = memory.flush(alert(labels={"db": "2"}, priority=P2), after=5)
    assert "P2 trigger oncall" in told(plan.deliveries)
    memory.send_all()
    plan = memory.flush(ok(labels={"db": "2"}), after=70)
    assert told(plan.deliveries) == ["P2 update ops"]
    assert memory.incidents["id-1"].tier is P2


def test_a_second_rise_does_not_resolve_the_first_key_again() -> None:
    memory = Memory(policy({"channels": ["oncall"]}))
    memory.flush(alert(priority=P3))
    memory.send_all()
    memory.flush(alert(priority=P2), after=1)
    plan = memory.flush(alert(priority=P1), after=1)
    assert told(plan.deliveries) == ["P1 trigger oncall", "P2 resolve oncall"]
    assert told(memory.flush(ok(priority=P1), after=1).deliveries) == ["P1 resolve oncall"]


def test_a_trigger_that_a_rise_overtakes_before_it_left_is_withdrawn_and_owes_nothing() -> None:
    memory = Memory()
    old = memory.flush(alert(priority=P4)).deliveries
    plan = memory.flush(alert(priority=P3), after=1)
    assert told(plan.deliveries) == ["P3 trigger oncall", "P3 trigger ops"]
    assert plan.withdrawn == tuple((row.id, "raised to P3 before it was delivered") for row in old)


def test_an_urgent_trigger_is_never_withdrawn_even_by_a_rise() -> None:
    memory = Memory()
    memory.flush(alert(priority=P2))
    plan = memory.flush(alert(priority=P1), after=1)
    assert not plan.withdrawn
    assert told(plan.deliveries)[-1] == "P2 resolve oncall"


def test_a_priority_that_falls_changes_neither_tier_nor_route() -> None:
    memory = Memory(policy({"channels": ["oncall"], "match": ["priority=P1"]}, {"channels": ["ops"]}))
    memory.flush(alert(priority=P1))
    plan = memory.flush(alert(priority=P4), after=70)
    assert not plan.deliveries
    assert list(memory.incidents) == ["id-1"]
    assert memory.incidents["id-1"].tier is P1


def routed_by_priority() -> Memory:
    urgent: dict[str, object] = {"name": "urgent", "match": ['priority=~"P1|P2"'], "channels": ["oncall"]}
    return Memory(policy(urgent, {"name": "rest", "channels": ["ops"]}))


def test_a_rise_onto_another_route_pages_there_and_then_the_old_incident_says_moved() -> None:
    memory = routed_by_priority()
    memory.flush(alert(priority=P3))
    memory.send_all()
    plan = memory.flush(alert(priority=P1), after=5)
    page, moved = plan.deliveries
    assert told(plan.deliveries) == ["P1 trigger oncall", "P3 resolve ops"]
    assert moved.after == page.id
    assert moved.reason == "RdsCpuHigh moved to route urgent, which tells of it from now on"
    assert moved.notice.moved_to == "urgent"
    assert outcomes(memory) == ["opened", "leaves", "moved"]
    memory.send_all()
    assert told(memory.flush(ok(priority=P1), after=5).deliveries) == ["P1 resolve oncall"]
    memory.send_all()
    assert not memory.debts


def test_an_alert_that_moved_does_not_raise_the_incident_it_left_when_its_data_returns() -> None:
    memory = routed_by_priority()
    memory.flush(alert(priority=P3))
    memory.flush(alert(priority=P1), after=1)
    memory.flush(dark(priority=P1), after=1)
    memory.flush(alert(priority=P1), after=1)
    assert [incident.tier for incident in memory.incidents.values()] == [P3, P1]


def test_a_rise_that_no_route_takes_is_told_where_the_alert_already_is() -> None:
    memory = Memory(policy({"channels": ["ops"], "match": ["priority=P3"]}))
    memory.flush(alert(priority=P3))
    assert told(memory.flush(alert(priority=P1), after=1).deliveries) == ["P1 trigger ops"]


def test_a_rise_that_ended_before_it_was_told_is_told_only_when_urgent() -> None:
    memory = Memory()
    memory.flush(alert("Low", priority=P5), alert("High", priority=P3))
    memory.send_all()
    plan = memory.flush(
        alert("Low", priority=P4),
        ok("Low", priority=P4),
        alert("High", priority=P1),
        ok("High", priority=P1),
        after=5,
    )
    assert sorted(told(plan.deliveries)) == [
        "P1 resolve oncall",
        "P1 resolve ops",
        "P1 trigger oncall",
        "P1 trigger ops",
        "P3 resolve oncall",
        "P5 resolve oncall",
        "P5 resolve ops",
    ]
    assert "the rise to P4 ended before it was told" in [each.reason for each in plan.decisions]
    memory.send_all()
    assert not memory.debts


# --- ending and debt -------------------------------------------------------------------------------------


def test_every_delivered_trigger_gets_one_resolve_that_says_why() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    plan = memory.flush(ok(reason="61 is not above 80"), after=300)
    assert told(plan.deliveries) == ["P3 resolve oncall", "P3 resolve ops"]
    resolve = plan.deliveries[0]
    assert resolve.reason == "last member resolved: RdsCpuHigh (61 is not above 80)"
    assert resolve.notice.ended_at == memory.now
    incident = plan.incidents[0]
    assert (incident.ended_at, incident.taking_members, incident.due_at) == (memory.now, False, None)


def test_the_resolve_goes_where_the_trigger_went_though_the_channel_has_a_new_key() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    memory.policy = policy(channels=(replace(PAGER, destination="key-2"), CHAT))
    plan = memory.flush(alert(priority=P1), after=5)
    assert [(each.tier, each.event, each.destination) for each in plan.deliveries] == [
        (P1, Event.TRIGGER, "key-2"),
        (P1, Event.TRIGGER, "#ops"),
        (P3, Event.RESOLVE, "key-1"),
    ]


def test_a_channel_that_a_reload_removed_is_still_resolved_but_told_nothing_new() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    memory.policy = policy({"channels": ["ops"]}, channels=(CHAT,))
    plan = memory.flush(alert(priority=P2), after=5)
    assert told(plan.deliveries) == ["P2 trigger ops"]
    assert plan.decisions[-1].reason == "channel oncall is not configured any more"
    memory.send_all()
    plan = memory.flush(ok(), after=5)
    assert [(each.channel, each.dedup_key[-3:]) for each in plan.deliveries] == [
        ("ops", "d-1"),
        ("oncall", ":P3"),
    ]


def test_a_rise_does_not_take_back_what_a_removed_channel_still_has_to_say() -> None:
    memory = Memory()
    memory.flush(alert(priority=P4))
    memory.policy = policy({"channels": ["ops"]}, channels=(CHAT,))
    plan = memory.flush(alert(priority=P3), after=5)
    assert [memory.rows[row].channel for row, _ in plan.withdrawn] == ["ops"]


def test_a_rise_rings_the_pager_that_took_the_place_of_a_removed_one_though_chat_is_still_there() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    pager = replace(PAGER, name="pager", destination="key-2")
    memory.policy = policy({"channels": ["pager", "ops"]}, channels=(pager, CHAT))
    assert memory.flush(after=5).deliveries == ()
    assert sorted(told(memory.flush(alert(priority=P1), after=5).deliveries)) == ["P1 trigger ops", "P1 trigger pager"]
    memory.send_all()
    ends = told(memory.flush(ok(), after=5).deliveries)
    assert sorted(ends) == ["P1 resolve ops", "P1 resolve pager", "P3 resolve oncall"]


def test_a_route_that_leaves_out_a_channel_there_still_is_changes_no_open_incident() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    memory.policy = policy({"channels": ["audit"]})
    assert told(memory.flush(alert(priority=P1), after=5).deliveries)[:2] == ["P1 trigger oncall", "P1 trigger ops"]


def test_an_incident_whose_channels_are_all_gone_is_told_where_its_route_points_today() -> None:
    memory = waiting()
    memory.flush(alert())
    memory.policy = policy({"channels": ["audit"], "group_wait": "30s"}, channels=(AUDIT,))
    assert told(memory.flush(after=30).deliveries) == ["P3 trigger audit"]


def test_what_ended_before_it_was_delivered_is_withdrawn_unless_urgent() -> None:
    memory = Memory()
    memory.flush(alert("Low", priority=P3), alert("High", priority=P2))
    plan = memory.flush(ok("Low"), ok("High"), after=5)
    assert told(plan.deliveries) == ["P2 resolve oncall", "P2 resolve ops"]
    assert [reason for _, reason in plan.withdrawn] == ["ended before it was delivered"] * 2


@pytest.mark.parametrize(
    ("state", "resolves"),
    [
        (DeliveryState.PENDING, 1),  # refused once, to be tried again
        (DeliveryState.SENDING, 1),
        (DeliveryState.AMBIGUOUS, 1),
        (DeliveryState.ACCEPTED, 1),
        (DeliveryState.DEAD, 0),
        (DeliveryState.WITHDRAWN, 0),
    ],
)
def test_a_trigger_that_was_attempted_owes_a_resolve_unless_it_surely_failed(
    state: DeliveryState, resolves: int
) -> None:
    memory = Memory(policy({"channels": ["ops"]}))
    memory.flush(alert())
    memory.settle(memory.claimable()[0], state)
    plan = memory.flush(ok(), after=5)
    assert len(plan.deliveries) == resolves
    assert not plan.withdrawn


def test_a_rule_made_silent_while_its_incident_is_open_still_ends_it() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    assert len(memory.flush(ok(notify=False), after=5).deliveries) == 2


def test_an_incident_without_members_ends_and_pays_what_it_owes() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    memory.incidents["id-1"] = replace(memory.incidents["id-1"], members=())
    plan = memory.flush()
    assert [each.reason for each in plan.deliveries] == ["no member is left"] * 2


def test_settings_that_cannot_be_read_fall_back_to_the_defaults() -> None:
    memory = Memory()
    memory.flush(alert(labels={"db": "1"}))
    memory.send_all()
    memory.incidents["id-1"] = replace(memory.incidents["id-1"], settings={"group_interval": "soon"})
    assert told(memory.flush(alert(labels={"db": "2"}), after=60).deliveries) == ["P3 update ops"]


def test_an_alarm_without_a_priority_is_told_all_the_same() -> None:
    assert told(Memory().flush(alert(priority=None)).deliveries) == ["P3 trigger oncall", "P3 trigger ops"]


def test_asking_twice_with_what_the_store_then_has_decides_nothing_more() -> None:
    memory = Memory()
    memory.flush(alert(), alert("Other", priority=P1), dark(), after=5)
    assert decide(memory.seen(), memory.policy, memory.now, lambda: "new").empty
