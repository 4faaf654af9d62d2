"""A rise that another route takes: the new incident pages first, and the old one says that it moved."""

from __future__ import annotations

from typing import Any

from tests.unit.incidents.memory import Memory, alert, dark, ok, policy, silence, told
from watchtower.model import DeliveryState, Event, Priority

P1, P2, P3, P4, P5 = Priority
URGENT: dict[str, object] = {"name": "urgent", "match": ['priority=~"P1|P2"'], "channels": ["oncall", "ops"]}
REST: dict[str, object] = {"name": "rest", "channels": ["oncall", "ops", "audit"]}


def warned(urgent: dict[str, object] | None = None, rest: dict[str, object] | None = None, **labels: Any) -> Memory:
    """One P3 that was told on the second of two routes."""
    memory = Memory(policy({**URGENT, **(urgent or {})}, {**REST, **(rest or {})}))
    memory.flush(alert(priority=P3, **labels))
    memory.send_all()
    return memory


def outcomes(memory: Memory) -> list[str]:
    return [decision.outcome for decision in memory.plan.decisions]


def test_where_both_routes_lead_to_one_pager_the_new_key_rings_and_then_the_old_one_is_resolved() -> None:
    memory = warned()
    plan = memory.flush(alert(priority=P1), after=60)
    assert told(plan.deliveries) == [
        "P1 trigger oncall",
        "P1 trigger ops",
        "P3 resolve oncall",
        "P3 resolve ops",
        "P3 resolve audit",
    ]
    ring, post, *ends = plan.deliveries
    assert [end.after for end in ends] == [ring.id, post.id, ring.id]
    memory.send_all()
    assert not [debt for debt in memory.debts.values() if debt.tier is P3]
    memory.flush(ok(priority=P1), after=60)
    memory.send_all()
    assert not memory.debts


def test_the_old_incident_keeps_the_alert_while_the_pager_has_not_accepted_the_new_page() -> None:
    memory = warned()
    memory.flush(alert(priority=P1), after=60)
    page = next(row for row in memory.claimable() if row.channel == "oncall")
    memory.settle(page, DeliveryState.PENDING)
    assert [row.channel for row in memory.claimable() if row.event is Event.RESOLVE] == []


def test_others_of_the_old_incident_go_on_there_and_its_update_says_that_one_moved() -> None:
    memory = warned(labels={"db": "1"})
    memory.flush(alert(priority=P3, labels={"db": "2"}), after=60)
    memory.send_all()
    plan = memory.flush(alert(priority=P1, labels={"db": "1"}), after=90)
    update = next(each for each in plan.deliveries if each.event is Event.UPDATE)
    assert update.reason == "members changed: 1 firing (0 without data), 0 resolved, 1 moved to another route"
    memory.send_all()
    plan = memory.flush(ok(priority=P3, labels={"db": "2"}), after=60)
    assert all(each.notice.moved_to == "" for each in plan.deliveries)
    assert {each.tier for each in plan.deliveries} == {P3}


def test_what_the_new_route_may_not_tell_yet_stays_where_it_was_told() -> None:
    memory = warned({"during": {"weekly": "Mon-Fri 08:00-20:00"}})
    plan = memory.flush(alert(priority=P1), after=60)
    assert not plan.deliveries
    assert outcomes(memory) == ["opened", "leaves", "held back"]
    memory.flush(dark(priority=P1), after=60)
    memory.flush(alert(priority=P1), after=60)
    plan = memory.flush(after=8 * 3600 - 180)
    assert told(plan.deliveries)[:3] == ["P1 trigger oncall", "P1 trigger ops", "P3 resolve oncall"]
    assert "moved" in outcomes(memory)


def test_an_alert_that_ends_before_it_moved_has_ended_and_not_moved() -> None:
    memory = warned()
    memory.hush(silence(until=3600))
    memory.flush(alert(priority=P1), after=60)
    plan = memory.flush(ok(priority=P1), after=60)
    assert told(plan.deliveries) == ["P3 resolve oncall", "P3 resolve ops", "P3 resolve audit"]
    assert {each.notice.moved_to for each in plan.deliveries} == {""}


def test_what_was_told_to_nobody_leaves_without_a_word() -> None:
    memory = Memory(policy(URGENT, {**REST, "group_wait": "5m"}))
    memory.flush(alert(priority=P3, labels={"db": "1"}), alert(priority=P4, labels={"db": "2"}))
    plan = memory.flush(alert(priority=P1, labels={"db": "1"}), after=60)
    assert told(plan.deliveries) == ["P1 trigger oncall", "P1 trigger ops"]
    plan = memory.flush(after=300)
    assert told(plan.deliveries) == ["P4 trigger oncall", "P4 trigger ops", "P4 trigger audit"]
    assert plan.deliveries[0].notice.resolved == 0


def test_an_alert_that_rises_twice_between_two_flushes_is_told_where_it_is_most_urgent() -> None:
    highest: dict[str, object] = {"name": "highest", "match": ["priority=P1"], "channels": ["oncall"]}
    memory = Memory(policy(highest, URGENT, REST))
    plan = memory.flush(alert(priority=P3), alert(priority=P2), alert(priority=P1))
    assert told(plan.deliveries) == ["P1 trigger oncall"]
    assert [incident.route for incident in memory.incidents.values() if incident.ended_at is None] == ["highest"]
    assert not memory.flush().deliveries


def test_a_rise_does_not_wait_for_company_on_the_new_route() -> None:
    memory = Memory(
        policy({"match": ["priority=P3"], "channels": ["ops"], "group_wait": "5m"}, {"channels": ["audit"]})
    )
    memory.flush(alert(priority=P5))
    memory.send_all()
    assert told(memory.flush(alert(priority=P3), after=60).deliveries) == ["P3 trigger ops", "P5 resolve audit"]
