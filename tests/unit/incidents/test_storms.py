"""Many incidents at once ring a pager ten times and once more; everything else hears of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.clock import START
from tests.unit.incidents.memory import AUDIT, PAGER, Memory, alert, ok, policy, silence, told
from watchtower.incidents.model import MOST_PAGES, Incident, is_storm
from watchtower.model import Delivery, Event, Priority, Transition

P1, P2, P3, P4, P5 = Priority
EACH = {"channels": ["oncall", "ops"], "group_by": ["alert", "db"]}


def memory(**route: object) -> Memory:
    return Memory(policy({**EACH, **route}))


def burst(count: int, first: int = 1, priority: Priority = P2, name: str = "RdsCpuHigh") -> list[Transition]:
    return [alert(name, priority=priority, labels={"db": str(n)}) for n in range(first, first + count)]


def ends(count: int, first: int = 1, priority: Priority = P2, name: str = "RdsCpuHigh") -> list[Transition]:
    return [ok(name, priority, labels={"db": str(n)}) for n in range(first, first + count)]


def storm_of(memory: Memory) -> Incident:
    [storm] = [one for one in memory.incidents.values() if is_storm(one) and one.ended_at is None]
    return storm


def rings(memory: Memory) -> list[Delivery]:
    """What rang the pager, whenever."""
    return [row for row in memory.accepted if row.channel == "oncall" and row.event is Event.TRIGGER]


def test_ten_incidents_ring_ten_times_and_thirty_eleven_times() -> None:
    few, many = memory(), memory()
    few.flush(*burst(MOST_PAGES))
    few.send_all()
    assert len(rings(few)) == MOST_PAGES
    many.flush(*burst(30))
    many.send_all()
    assert len(rings(many)) == MOST_PAGES + 1
    assert sum(row.channel == "ops" for row in many.accepted) == 30, "chat hears of each"
    assert many.flush().empty


def test_the_storm_counts_what_it_carries_by_rule_and_every_alert_says_where_it_went() -> None:
    it = memory()
    it.flush(*burst(10), *burst(20, 20), *burst(12, name="SiteDown"))
    storm = storm_of(it)
    [page] = [row for row in it.plan.deliveries if row.incident_id == storm.id]
    assert page.notice.title == "P2 storm: 32 alerts on oncall: RdsCpuHigh 20, SiteDown 12"
    assert (page.channel, page.dedup_key) == ("oncall", f"wt:store:{storm.id}:P2")
    carried = [decision for decision in it.plan.decisions if decision.outcome == "carried"]
    assert len(carried) == 32
    assert f"storm incident {storm.id}" in carried[0].reason


def test_p1_rings_for_itself_and_the_most_urgent_others_get_the_room_that_is_left() -> None:
    it = memory()
    it.flush(*burst(9, priority=P3), *burst(5, 50, P2), *burst(8, 70, P1))
    it.send_all()
    assert told(rings(it)) == ["P1 trigger oncall"] * 8 + ["P2 trigger oncall"] * 3
    assert {member.priority for member in storm_of(it).members} == {P2, P3}


def test_channels_of_one_place_ring_in_one_storm() -> None:
    twin = replace(PAGER, name="oncall2")
    it = Memory(policy({**EACH, "channels": ["oncall", "oncall2"]}, channels=(PAGER, twin)))
    it.flush(*burst(30))
    it.send_all()
    pages = [row for row in it.accepted if row.event is Event.TRIGGER]
    assert told(pages) == ["P2 trigger oncall"] * (MOST_PAGES + 1)


def test_twenty_p1s_ring_twenty_times() -> None:
    it = memory()
    it.flush(*burst(20, priority=P1))
    it.send_all()
    assert len(rings(it)) == 20


def test_after_five_calm_minutes_incidents_ring_again() -> None:
    it = memory()
    it.flush(*burst(10))
    it.flush(*burst(1, 50), after=299)
    storm_of(it)
    it.flush(*burst(1, 60), after=302)
    it.send_all()
    assert len(rings(it)) == 12


def test_what_goes_on_beginning_goes_on_in_the_storm() -> None:
    it = memory()
    it.flush(*burst(30))
    it.flush(*burst(10, 50), after=200)
    it.flush(*burst(1, 70), after=200)
    assert len(storm_of(it).members) == 31


def test_the_storm_tells_the_pager_of_those_who_join_at_most_once_a_minute_and_of_nobody_who_ends() -> None:
    it = memory()
    it.flush(*burst(12))
    it.send_all()
    it.flush(*burst(5, 50), after=5)
    assert not [row for row in it.plan.deliveries if row.channel == "oncall"]
    it.flush(after=60)
    [update] = [row for row in it.plan.deliveries if row.channel == "oncall"]
    assert (update.event, update.notice.firing) == (Event.UPDATE, 7)
    it.send_all()
    it.flush(*ends(2, 50), after=1)
    it.flush(after=120)
    assert not [row for row in it.plan.deliveries if row.channel == "oncall"]


def test_the_storm_ends_with_the_last_it_carries_and_each_page_has_one_end() -> None:
    it = memory()
    it.flush(*burst(30))
    it.send_all()
    it.flush(*ends(29), after=30)
    storm_of(it)
    it.flush(*ends(1, 30), after=30)
    it.send_all()
    assert not it.debts
    keys = [row.dedup_key for row in it.accepted if row.channel == "oncall" and row.event is Event.RESOLVE]
    assert len(keys) == len(set(keys)) == MOST_PAGES + 1


def test_a_carried_alert_that_becomes_p1_rings_for_itself_once() -> None:
    it = memory()
    it.flush(*burst(12, priority=P3))
    it.send_all()
    before = len(rings(it))
    it.flush(*burst(1, 12, P1), after=60)
    it.send_all()
    [rise] = rings(it)[before:]
    assert (rise.tier, rise.notice.route) == (P1, "route-1")
    it.flush(*ends(12), after=60)
    it.send_all()
    assert not it.debts


def test_a_carried_alert_that_rises_below_p1_raises_the_storm_under_a_new_key() -> None:
    it = memory()
    it.flush(*burst(14, priority=P3))
    it.send_all()
    before = len(rings(it))
    it.flush(*burst(2, 13, P2), after=60)
    it.send_all()
    [rise] = rings(it)[before:]
    assert rise.dedup_key == f"wt:store:{storm_of(it).id}:P2"
    it.flush(*ends(14), after=60)
    it.send_all()
    assert not it.debts


def test_a_silenced_alert_is_not_in_the_storm_until_it_is_free() -> None:
    it = memory()
    it.hush(silence("s", "db=12", until=60))
    it.flush(*burst(12))
    assert [member.labels["db"] for member in storm_of(it).members] == ["11"]
    it.flush(after=61)
    assert {member.labels["db"] for member in storm_of(it).members} == {"11", "12"}


def test_a_storm_that_is_silenced_before_it_was_told_rings_nobody() -> None:
    it = memory()
    it.flush(*burst(12))
    it.hush(silence("s", "alert=RdsCpuHigh"))
    it.flush()
    it.send_all()
    assert not it.accepted


def test_a_rise_that_ends_at_once_is_told_by_the_storm_that_carries_it() -> None:
    it = memory(channels=["oncall"])
    it.flush(*burst(11, priority=P3))
    it.send_all()
    before = len(rings(it))
    it.flush(*burst(1, 11, P2), *ends(1, 11, P2), after=30)
    it.send_all()
    assert told(rings(it)[before:]) == ["P2 trigger oncall"]
    assert "not delivered" not in {decision.outcome for decision in it.plan.decisions}
    assert len(it.debts) == MOST_PAGES


def test_a_reload_that_moves_a_carried_incident_to_other_channels_does_not_ring_for_it() -> None:
    it = memory()
    it.flush(*burst(11))
    it.send_all()
    before = len(rings(it))
    it.policy = policy({**EACH, "channels": ["oncall", "audit"]}, channels=(PAGER, AUDIT))
    it.flush(*burst(1, 11, P1), after=60)
    it.send_all()
    assert told(rings(it)[before:]) == ["P1 trigger oncall"]
    it.flush(*ends(11), after=60)
    it.send_all()
    assert len(rings(it)) == before + 1


def test_a_storm_that_just_ended_tells_nobody_of_whom_begins() -> None:
    it = memory()
    it.flush(*burst(11))
    it.send_all()
    before = len(rings(it))
    it.flush(*ends(1, 11), *burst(1, 50), after=30)
    it.send_all()
    assert len(rings(it)) == before + 1
    assert [member.labels["db"] for member in storm_of(it).members] == ["50"]


def test_who_joins_a_carried_incident_joins_the_storm() -> None:
    it = memory(group_by=["alert", "cluster"])
    it.flush(*(alert(priority=P2, labels={"cluster": str(n), "db": "a"}) for n in range(11)))
    it.flush(alert(priority=P2, labels={"cluster": "10", "db": "b"}), after=10)
    assert len(storm_of(it).members) == 2


def test_who_calls_others_for_carried_incidents_is_the_storm() -> None:
    it = memory(channels=["oncall"], escalate={"after": "15m", "channels": ["audit"]})
    it.flush(*burst(30))
    it.send_all()
    it.flush(after=901)
    called = [row for row in it.plan.deliveries if row.event is Event.ESCALATION]
    assert len(called) == MOST_PAGES + 1
    assert sum(is_storm(it.incidents[row.incident_id]) for row in called) == 1


def test_incidents_that_ended_already_count() -> None:
    it = memory()
    for number in range(0, 30, 5):
        it.flush(*burst(5, number), *ends(4 if number else 0, number - 5), after=20)
        it.send_all()
    assert len(rings(it)) == MOST_PAGES + 1


def test_a_pager_that_rang_under_another_name_rang() -> None:
    it = memory()
    it.flush(*burst(MOST_PAGES))
    it.send_all()
    it.policy = replace(policy({**EACH, "channels": ["pager"]}), channels={"pager": replace(PAGER, name="pager")})
    it.flush(*burst(5, 20), after=20)
    assert told(it.plan.deliveries) == ["P2 trigger pager"]


@pytest.mark.parametrize("wait", ["0s", "30s"])
def test_an_incident_waits_for_company_before_a_storm_carries_it(wait: str) -> None:
    it = memory(group_wait=wait)
    it.flush(*burst(30, priority=P3))
    it.flush(after=31)
    assert len(storm_of(it).members) == 20
    assert storm_of(it).opened_at >= START + timedelta(seconds=0 if wait == "0s" else 30)
