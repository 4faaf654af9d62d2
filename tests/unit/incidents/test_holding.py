"""What is held back is not told, and told at once when the hold ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.clock import START
from tests.unit.incidents.memory import CHAT, PAGER, Memory, alert, dark, ok, policy, silence, told
from watchtower.model import DeliveryState, Event, Priority, Transition

P1, P2, P3, P4, P5 = Priority

SUNDAY: dict[str, object] = {"name": "backups", "match": ["alert=RdsCpuHigh"], "weekly": "Mon 00:10-00:30"}
HOURS: dict[str, object] = {"name": "rest", "channels": ["ops"], "during": {"weekly": "Mon-Fri 08:00-20:00"}}
FAILOVER: dict[str, object] = {"source": ["alert=Failover"], "target": ["alert=RdsCpuHigh"], "equal": ["db"]}


def one(db: str, priority: Priority = P3, **more: object) -> Transition:
    return alert(priority=priority, labels={"db": db}, **more)  # type: ignore[arg-type]


def gone(db: str, priority: Priority = P3) -> Transition:
    return ok(priority=priority, labels={"db": db})


def silenced(*silences: object, **more: object) -> Memory:
    memory = Memory(policy(**more))  # type: ignore[arg-type]
    memory.hush(*silences or (silence(),))  # type: ignore[arg-type]
    return memory


def reasons(memory: Memory, outcome: str) -> list[str]:
    return [decision.reason for decision in memory.plan.decisions if decision.outcome == outcome]


# --- silences --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("priority", Priority)
def test_a_silenced_alert_is_told_to_nobody_and_the_decision_says_by_whom_and_until_when(priority: Priority) -> None:
    memory = silenced()
    plan = memory.flush(alert(priority=priority))
    assert not plan.deliveries
    assert reasons(memory, "held back") == ["silenced by ana until 2026-01-05 01:00 UTC (silence s1: moving)"]
    [incident] = plan.incidents
    assert incident.due_at == START + timedelta(hours=1)
    assert incident.members[0].muted_by
    assert memory.flush(after=60).empty


def test_what_still_fires_when_its_silence_ends_is_told_at_once() -> None:
    memory = silenced()
    memory.flush(alert())
    assert not memory.flush(after=3599).deliveries
    plan = memory.flush(after=1)
    assert told(plan.deliveries) == ["P3 trigger oncall", "P3 trigger ops"]
    assert plan.deliveries[0].reason == (
        "P3 alert RdsCpuHigh began; until now silenced by ana until 2026-01-05 01:00 UTC (silence s1: moving)"
    )
    assert reasons(memory, "free") == ["no longer silenced by ana until 2026-01-05 01:00 UTC (silence s1: moving)"]
    memory.send_all()
    assert told(memory.flush(ok(), after=5).deliveries) == ["P3 resolve oncall", "P3 resolve ops"]


def test_what_still_fires_when_its_silence_is_deleted_is_told_at_once() -> None:
    memory = silenced()
    memory.flush(alert(priority=P1), after=10)
    memory.expire("s1")
    assert memory.due() == memory.now
    assert told(memory.flush().deliveries) == ["P1 trigger oncall", "P1 trigger ops"]


def test_an_edited_silence_holds_until_its_new_end() -> None:
    memory = silenced()
    memory.flush(alert())
    memory.hush(silence(until=7200))
    memory.flush(after=10)
    assert memory.due() == START + timedelta(seconds=7200)


@pytest.mark.parametrize("priority", Priority)
def test_what_began_and_ended_within_a_silence_is_never_told(priority: Priority) -> None:
    memory = silenced()
    memory.flush(alert(priority=priority))
    plan = memory.flush(ok(priority=priority), after=60)
    assert not plan.deliveries
    assert plan.incidents[0].ended_at
    [why] = reasons(memory, "not delivered")
    assert why.startswith(f"{priority} incident ended before it was told: silenced by ana")
    assert memory.flush(after=7200).empty


def test_what_began_and_ended_between_two_flushes_within_a_silence_is_never_told() -> None:
    assert not silenced().flush(alert(priority=P1), ok(priority=P1)).deliveries


def test_what_ended_in_a_silence_that_is_over_when_it_is_looked_at_is_never_told() -> None:
    memory = silenced()
    memory.flush(alert(priority=P1))
    memory.happen(ok(priority=P1))
    assert not memory.flush(after=3600).deliveries


def test_a_silence_of_another_alert_holds_nothing_back() -> None:
    assert silenced(silence("s1", "alert=Other")).flush(alert()).deliveries


def test_a_silence_that_has_not_begun_holds_nothing_back() -> None:
    assert silenced(silence(since=60)).flush(alert()).deliveries


def test_the_resolve_of_a_delivered_trigger_goes_out_through_a_silence() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    memory.hush(silence())
    assert not memory.flush(after=10).deliveries
    assert told(memory.flush(ok(), after=10).deliveries) == ["P3 resolve oncall", "P3 resolve ops"]
    memory.send_all()
    assert not memory.debts


def test_an_alert_that_was_told_is_not_told_again_when_its_silence_ends() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    memory.hush(silence())
    memory.flush(after=10)
    assert told(memory.flush(after=3600).deliveries) == ["P3 update ops"]


def test_a_silence_holds_back_updates_of_its_members() -> None:
    memory = Memory()
    memory.flush(one("1"))
    memory.send_all()
    memory.hush(silence())
    memory.flush(after=61)
    assert not memory.flush(dark(labels={"db": "1"}), after=61).deliveries


def test_a_rise_is_held_back_and_told_when_the_silence_ends() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    memory.hush(silence())
    memory.flush(after=10)
    plan = memory.flush(alert(priority=P1), after=10)
    assert not plan.deliveries
    assert reasons(memory, "held back")
    assert plan.incidents[0].tier is P3
    plan = memory.flush(after=3600)
    assert told(plan.deliveries) == ["P1 trigger oncall", "P1 trigger ops", "P3 resolve oncall"]
    memory.send_all()
    memory.flush(ok(priority=P1), after=10)
    memory.send_all()
    assert not memory.debts


def test_a_rise_that_ended_within_the_silence_is_never_told() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    memory.hush(silence())
    memory.flush(after=10)
    assert told(memory.flush(alert(priority=P1), ok(priority=P1), after=10).deliveries) == [
        "P3 resolve oncall",
        "P3 resolve ops",
    ]


def test_a_silence_of_one_priority_lets_the_rise_through() -> None:
    memory = silenced(silence("s1", "priority=P3"))
    assert not memory.flush(alert()).deliveries
    assert told(memory.flush(alert(priority=P1), after=10).deliveries) == ["P1 trigger oncall", "P1 trigger ops"]


# --- three sets ------------------------------------------------------------------------------------------


def test_a_muted_member_is_counted_apart_and_never_reported_resolved() -> None:
    memory = Memory()
    memory.flush(one("1"), one("2"))
    memory.send_all()
    memory.hush(silence("s1", "db=2"))
    memory.flush(after=60)
    [update] = memory.flush(gone("1"), after=60).deliveries
    notice = update.notice
    assert (notice.firing, notice.muted, notice.resolved) == (0, 1, 1)
    assert update.reason == "members changed: 0 firing (0 without data), 1 muted, 1 resolved"
    assert [(each.labels["db"], bool(each.muted_by), each.firing) for each in notice.members] == [
        ("2", True, True),
        ("1", False, False),
    ]
    assert not memory.incidents[update.incident_id].ended_at, "one member still fires"
    assert told(memory.flush(gone("2"), after=60).deliveries) == ["P3 resolve oncall", "P3 resolve ops"]


def test_a_silenced_alert_neither_joins_nor_prolongs_what_others_are_told_of() -> None:
    memory = silenced(silence("s1", "db=2"))
    assert [page.notice.firing for page in memory.flush(one("1"), one("2")).deliveries] == [1, 1]
    memory.send_all()
    assert told(memory.flush(gone("1"), after=60).deliveries) == ["P3 resolve oncall", "P3 resolve ops"]
    plan = memory.flush(after=3600)
    assert told(plan.deliveries) == ["P3 trigger oncall", "P3 trigger ops"]
    assert [each.labels["db"] for each in plan.deliveries[0].notice.members] == ["2"]


def test_who_is_free_pages_on_its_own_although_others_of_its_group_were_paged_just_now() -> None:
    memory = silenced(silence("s1", "db=2", until=60))
    memory.flush(one("1"), one("2"))
    memory.send_all()
    plan = memory.flush(after=60)
    assert told(plan.deliveries) == ["P3 trigger oncall", "P3 trigger ops"]
    taking = [each for each in memory.incidents.values() if each.taking_members]
    assert [each.labels["db"] for incident in taking for each in incident.members] == ["2"], "the newest page takes"


def test_silenced_alerts_of_one_group_are_told_as_one_when_the_silence_ends() -> None:
    memory = silenced()
    memory.flush(one("1"))
    memory.flush(one("2"), after=10)
    plan = memory.flush(after=3600)
    assert [page.notice.firing for page in plan.deliveries] == [2, 2]


def test_of_two_silenced_alerts_the_one_that_is_free_first_is_told_without_the_other() -> None:
    memory = silenced(silence("s1", "db=1", until=60), silence("s2", "db=2", until=120))
    memory.flush(one("1", P4), one("2", P1))
    plan = memory.flush(after=60)
    assert told(plan.deliveries) == ["P4 trigger oncall", "P4 trigger ops"]
    assert plan.deliveries[0].notice.firing == 1
    assert reasons(memory, "set apart")
    plan = memory.flush(after=60)
    assert told(plan.deliveries) == ["P1 trigger oncall", "P1 trigger ops"]


def test_who_ended_in_a_silence_is_not_mentioned_when_the_others_are_told() -> None:
    memory = silenced()
    memory.flush(one("1"), one("2"))
    memory.flush(gone("1"), after=60)
    [page, _] = memory.flush(after=3600).deliveries
    assert [each.labels["db"] for each in page.notice.members] == ["2"]
    assert page.notice.resolved == 0


def test_a_silence_made_while_company_is_awaited_takes_out_who_it_covers() -> None:
    memory = Memory(policy({"channels": ["ops"], "group_wait": "30s"}))
    memory.flush(one("1"), one("2"))
    memory.hush(silence("s1", "db=2"))
    memory.flush(after=10)
    [page] = memory.flush(after=20).deliveries
    assert [each.labels["db"] for each in page.notice.members] == ["1"]


def test_who_resolved_and_fires_again_in_a_silence_is_held_back() -> None:
    memory = Memory()
    memory.flush(one("1"), one("2"))
    memory.send_all()
    memory.flush(gone("2"), after=60)
    memory.hush(silence("s1", "db=2"))
    assert not [page for page in memory.flush(one("2"), after=61).deliveries if page.event is Event.TRIGGER]
    assert told(memory.flush(after=3600).deliveries)[:2] == ["P3 trigger oncall", "P3 trigger ops"]


# --- what waits in the outbox ----------------------------------------------------------------------------


@pytest.mark.parametrize("priority", Priority)
def test_a_page_that_was_never_tried_is_withdrawn_when_a_silence_holds_and_owes_nothing(priority: Priority) -> None:
    memory = Memory()
    memory.flush(alert(priority=priority))
    memory.hush(silence())
    assert not memory.claimable(), "judged before it leaves"
    plan = memory.flush(after=10)
    assert len(plan.withdrawn) == 2
    assert plan.withdrawn[0][1].startswith("silenced by ana until 2026-01-05 01:00 UTC")
    assert not memory.flush(after=10).deliveries
    plan = memory.flush(after=3600)
    assert told(plan.deliveries) == [f"{priority} trigger oncall", f"{priority} trigger ops"]


def test_a_withdrawn_page_is_followed_by_nothing_when_its_alert_ends_in_the_silence() -> None:
    memory = Memory()
    memory.flush(alert(priority=P1))
    memory.hush(silence())
    assert not memory.flush(ok(priority=P1), after=10).deliveries
    assert len(memory.plan.withdrawn) == 2
    assert memory.incidents[memory.plan.incidents[0].id].ended_at


def test_a_page_that_was_tried_stays_and_its_resolve_is_owed() -> None:
    memory = Memory(policy({"channels": ["oncall"]}))
    memory.flush(alert())
    memory.settle(memory.claimable()[0], DeliveryState.AMBIGUOUS)
    memory.hush(silence())
    assert not memory.flush(after=10).withdrawn
    assert told(memory.flush(ok(), after=10).deliveries) == ["P3 resolve oncall"]


def test_the_channel_whose_page_was_withdrawn_is_told_when_the_silence_ends_and_the_other_is_not() -> None:
    memory = Memory()
    memory.flush(alert())
    page = next(row for row in memory.claimable() if row.channel == "oncall")
    memory.settle(page, DeliveryState.ACCEPTED)
    memory.hush(silence())
    assert len(memory.flush(after=10).withdrawn) == 1
    plan = memory.flush(after=3600)
    assert told(plan.deliveries) == ["P3 trigger ops"]
    assert plan.deliveries[0].reason == "P3 alert RdsCpuHigh began; nothing holds it back any more"
    memory.send_all()
    memory.flush(ok(), after=10)
    memory.send_all()
    assert not memory.debts


def test_a_withdrawn_rise_leaves_the_old_key_as_it_is() -> None:
    memory = Memory()
    memory.flush(alert())
    memory.send_all()
    memory.flush(alert(priority=P1), after=10)
    memory.hush(silence())
    plan = memory.flush(after=10)
    assert len(plan.withdrawn) == 3, "two pages, and the resolve of the key that one was to replace"
    assert not memory.send_all()
    assert told(memory.flush(after=3600).deliveries) == [
        "P1 trigger oncall",
        "P1 trigger ops",
        "P3 resolve oncall",
    ]


def test_a_page_that_waits_is_judged_again_when_a_window_begins() -> None:
    memory = Memory(policy(mute=[SUNDAY | {"weekly": "Mon 00:07-00:30"}]))
    memory.flush(alert())
    assert memory.due() == START + timedelta(minutes=7)
    assert len(memory.flush(after=420).withdrawn) == 2
    assert memory.due() == START + timedelta(minutes=30)
    assert told(memory.flush(after=1380).deliveries) == ["P3 trigger oncall", "P3 trigger ops"]


def test_a_page_that_waits_is_judged_again_when_a_silence_or_the_end_of_the_hours_comes() -> None:
    memory = Memory(policy(HOURS), now=START + timedelta(hours=19))
    memory.flush(alert())
    memory.send_all()
    memory.flush(after=900)
    assert memory.due() == START + timedelta(hours=20)
    memory.hush(silence(since=19.5 * 3600, until=21 * 3600))
    memory.flush()
    assert memory.due() == START + timedelta(hours=19, minutes=30)


def test_an_update_that_waits_is_withdrawn_when_all_that_fires_falls_silent() -> None:
    memory = Memory(policy({"channels": ["ops"]}))
    memory.flush(one("1"))
    memory.send_all()
    memory.flush(one("2"), after=61)
    memory.hush(silence())
    assert len(memory.flush(after=1).withdrawn) == 1


def test_news_of_who_may_be_told_outlasts_flushes_while_the_others_are_muted() -> None:
    memory = Memory(policy({"channels": ["ops"]}))
    memory.flush(one("1"), one("2"))
    memory.send_all()
    memory.hush(silence("s1", "db=2"))
    memory.flush(after=1)
    assert told(memory.flush(gone("1"), after=61).deliveries) == ["P3 update ops"]
    assert not memory.flush(alert("Other"), after=1).withdrawn


def test_only_who_may_be_told_is_named_when_the_page_is_written_again() -> None:
    memory = Memory()
    memory.flush(one("1"), one("2"))
    memory.hush(silence("s1", "db=2"))
    plan = memory.flush(after=10)
    assert len(plan.withdrawn) == 2
    assert [page.notice.firing for page in plan.deliveries] == [1, 1]
    assert told(memory.flush(after=3600).deliveries)[:2] == ["P3 trigger oncall", "P3 trigger ops"]


# --- expire_on_resolve -----------------------------------------------------------------------------------


def test_a_brief_silence_ends_with_the_last_alert_it_held_back() -> None:
    memory = silenced(silence(brief=True))
    memory.flush(one("1"), one("2"))
    assert not memory.flush(gone("1"), after=10).expired
    assert memory.flush(gone("2"), after=10).expired == ("s1",)
    assert told(memory.flush(one("1"), after=10).deliveries) == ["P3 trigger oncall", "P3 trigger ops"]


def test_a_brief_silence_that_held_nothing_back_goes_on() -> None:
    memory = silenced(silence("s1", "alert=Other", brief=True))
    memory.flush(alert())
    assert not memory.flush(ok(), after=10).expired


def test_a_lasting_silence_does_not_end_with_its_alert() -> None:
    memory = silenced()
    memory.flush(alert())
    assert not memory.flush(ok(), after=10).expired


# --- mute windows ----------------------------------------------------------------------------------------


def test_an_alert_in_a_mute_window_is_told_at_once_when_the_window_ends() -> None:
    memory = Memory(policy(mute=[SUNDAY]))
    memory.flush(after=600)
    assert not memory.flush(alert(priority=P1), after=60).deliveries
    assert reasons(memory, "held back") == ["mute window backups until 2026-01-05 00:30 UTC"]
    assert memory.due() == START + timedelta(minutes=30)
    assert told(memory.flush(after=1140).deliveries) == ["P1 trigger oncall", "P1 trigger ops"]


def test_what_began_and_ended_within_a_mute_window_is_never_told() -> None:
    memory = Memory(policy(mute=[SUNDAY]))
    memory.flush(alert(), after=660)
    assert not memory.flush(ok(), after=60).deliveries
    assert memory.flush(after=7200).empty


def test_a_window_that_a_reload_removes_frees_what_it_held() -> None:
    memory = Memory(policy(mute=[SUNDAY]))
    memory.flush(alert(), after=660)
    memory.policy = policy()
    assert memory.flush(after=1).deliveries


def test_a_silence_that_ends_inside_a_window_leaves_the_window_in_charge() -> None:
    memory = Memory(policy(mute=[SUNDAY]))
    memory.hush(silence(until=900))
    memory.flush(alert(), after=660)
    assert not memory.flush(after=240).deliveries
    assert reasons(memory, "held back") == ["mute window backups until 2026-01-05 00:30 UTC"]
    assert memory.due() == START + timedelta(minutes=30)


# --- route hours -----------------------------------------------------------------------------------------


def test_outside_its_hours_a_route_holds_back_what_it_carries_and_tells_it_when_they_begin() -> None:
    memory = Memory(policy(HOURS))
    assert not memory.flush(alert(priority=P1)).deliveries
    assert reasons(memory, "held back") == ["outside route hours of rest until 2026-01-05 08:00 UTC"]
    assert told(memory.flush(after=8 * 3600).deliveries) == ["P1 trigger ops"]


def test_inside_its_hours_a_route_tells() -> None:
    assert Memory(policy(HOURS), now=START + timedelta(hours=9)).flush(alert()).deliveries


def test_the_hours_of_one_route_do_not_hold_back_another() -> None:
    memory = Memory(policy({"name": "all", "channels": ["oncall"], "continue": True}, HOURS))
    assert told(memory.flush(alert()).deliveries) == ["P3 trigger oncall"]
    assert told(memory.flush(after=8 * 3600).deliveries) == ["P3 trigger ops"]


def test_resolves_go_out_outside_the_hours_of_their_route() -> None:
    memory = Memory(policy(HOURS), now=START + timedelta(hours=19))
    memory.flush(alert())
    memory.send_all()
    assert told(memory.flush(ok(), after=7200).deliveries) == ["P3 resolve ops"]


# --- flapping --------------------------------------------------------------------------------------------


def calmed() -> Memory:
    """Silenced for an hour, and flapping: well at this moment, its end withheld."""
    memory = silenced()
    memory.flush(alert(priority=P1))
    memory.calm = frozenset(memory.alerts) or frozenset({alert().key.id})
    return memory


def test_a_hold_that_ends_while_a_flapping_alert_is_well_wakes_nobody_until_it_breaches_again() -> None:
    memory = calmed()
    assert not memory.flush(after=3600).deliveries
    assert reasons(memory, "held back") == ["flapping, and well at this moment"]
    due = memory.due()
    assert due is not None
    assert due - memory.now <= timedelta(seconds=30)
    assert not memory.flush(after=30).deliveries
    memory.calm = frozenset()
    assert "P1 trigger oncall" in told(memory.flush(after=30).deliveries)


def test_a_flapping_alert_that_calms_down_after_its_hold_is_never_told() -> None:
    memory = calmed()
    memory.flush(after=3600)
    assert not memory.flush(ok(priority=P1), after=600).deliveries


def test_an_alert_that_nothing_held_back_is_told_whatever_it_is_at_this_moment() -> None:
    memory = Memory(policy())
    memory.calm = frozenset({alert().key.id})
    assert "P1 trigger oncall" in told(memory.flush(alert(priority=P1)).deliveries)


# --- inhibition ------------------------------------------------------------------------------------------


def failover(db: str = "1") -> Transition:
    return alert("Failover", labels={"db": db})


def over(db: str = "1") -> Transition:
    return ok("Failover", labels={"db": db})


def inhibited(**more: object) -> Memory:
    return Memory(policy(inhibit=[FAILOVER | more]))


def pages(memory: Memory, name: str = "RdsCpuHigh") -> list[str]:
    return [
        str(page.event)
        for page in memory.plan.deliveries
        if page.channel == "ops" and page.notice.group_labels["alert"] == name
    ]


def test_a_target_is_held_while_its_source_fires_and_told_when_it_ends() -> None:
    memory = inhibited()
    memory.flush(failover(), one("1"))
    assert pages(memory) == []
    assert reasons(memory, "held back") == ["inhibited by Failover"]
    memory.flush(after=600)
    assert pages(memory) == []
    memory.flush(over(), after=1)
    assert pages(memory) == ["trigger"]


def test_only_targets_with_equal_labels_are_held() -> None:
    memory = inhibited()
    memory.flush(failover(), one("2"))
    assert pages(memory) == ["trigger"]


def test_a_label_that_is_missing_on_both_sides_is_equal() -> None:
    memory = inhibited(equal=["shard"])
    memory.flush(failover(), one("2"))
    assert pages(memory) == []


def test_alerts_that_match_both_sides_never_hold_each_other_back() -> None:
    memory = Memory(policy(inhibit=[{"source": ["account=prod"], "target": ["account=prod"], "equal": ["account"]}]))
    memory.flush(one("1"), one("2"))
    assert pages(memory) == ["trigger"]


def test_an_alert_that_matches_both_sides_is_held_by_one_that_is_only_a_source() -> None:
    both: dict[str, object] = {
        "source": ["alert=~Failover|RdsCpuHigh"],
        "target": ["alert=RdsCpuHigh"],
        "equal": ["db"],
    }
    memory = Memory(policy(inhibit=[both]))
    memory.flush(failover(), one("1"))
    assert pages(memory) == []


def test_a_source_that_is_silenced_or_lost_its_data_still_holds_its_targets() -> None:
    memory = inhibited()
    memory.hush(silence("s1", "alert=Failover"))
    memory.flush(failover())
    memory.flush(dark("Failover", labels={"db": "1"}), one("1"), after=60)
    assert pages(memory) == []


def test_a_source_holds_its_targets_for_the_extension_after_it_ended() -> None:
    memory = inhibited(extension="5m")
    memory.flush(failover(), one("1"))
    memory.flush(over(), after=60)
    assert pages(memory) == []
    assert reasons(memory, "held back") == [
        "inhibited by Failover, which ended at 2026-01-05 00:01 UTC until 2026-01-05 00:06 UTC"
    ]
    assert memory.due() == START + timedelta(seconds=360)
    memory.flush(after=299)
    assert pages(memory) == []
    memory.flush(after=1)
    assert pages(memory) == ["trigger"]


def test_a_target_that_begins_within_the_extension_is_held() -> None:
    memory = inhibited(extension="5m")
    memory.flush(failover())
    memory.flush(over(), after=60)
    memory.flush(one("1"), after=60)
    assert pages(memory) == []


def test_a_target_waits_for_its_source_before_it_is_told() -> None:
    memory = inhibited(wait="2m")
    memory.flush(one("1", P1))
    assert pages(memory) == []
    assert reasons(memory, "held back") == ['waiting 2m for alert="Failover" to inhibit it']
    assert memory.due() == START + timedelta(minutes=2)
    memory.flush(failover(), after=60)
    assert pages(memory) == []
    memory.flush(after=600)
    assert pages(memory) == []
    memory.flush(over(), after=60)
    assert pages(memory) == ["trigger"]


def test_a_target_whose_source_does_not_come_is_told_after_its_wait() -> None:
    memory = inhibited(wait="2m")
    memory.flush(one("1"))
    memory.flush(after=120)
    assert pages(memory) == ["trigger"]


def test_who_may_inhibit_does_not_wait() -> None:
    memory = inhibited(wait="2m")
    memory.flush(failover())
    assert pages(memory, "Failover") == ["trigger"]


def test_a_target_that_was_told_before_its_source_fired_resolves_all_the_same() -> None:
    memory = inhibited()
    memory.flush(one("1"))
    memory.send_all()
    memory.flush(failover(), after=60)
    memory.flush(gone("1"), after=60)
    assert pages(memory) == ["resolve"]


def test_the_oldest_of_several_sources_is_named() -> None:
    memory = Memory(policy(inhibit=[{"source": ["alert=~Failover|Outage"], "target": ["alert=RdsCpuHigh"]}]))
    memory.flush(alert("Outage"))
    memory.flush(failover(), after=1)
    memory.flush(one("1"), after=1)
    assert reasons(memory, "held back") == ["inhibited by Outage"]


def test_a_re_keyed_channel_hears_of_what_was_withdrawn() -> None:
    memory = Memory(policy(channels=(PAGER, CHAT)))
    memory.flush(alert())
    memory.hush(silence())
    memory.flush(after=10)
    memory.policy = policy({"channels": ["ops"]}, channels=(CHAT,))
    assert told(memory.flush(after=3600).deliveries) == ["P3 trigger ops"]


def test_who_is_free_while_others_of_its_group_wait_to_be_told_is_told_with_them() -> None:
    memory = Memory(policy({"channels": ["ops"], "group_wait": "30s"}))
    memory.hush(silence("s1", "db=1", until=120))
    memory.flush(one("1"))
    memory.flush(one("2"), after=110)
    memory.flush(after=10)
    [page] = memory.flush(after=20).deliveries
    assert page.notice.firing == 2
    assert memory.flush().empty
