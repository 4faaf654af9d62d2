"""Evidence that was late follows the page to every place that was told without it, and rings nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.support.clock import START
from tests.unit.incidents.memory import AUDIT, CHAT, PAGER, Memory, alert, ok, policy, silence, told
from watchtower.incidents.evidence import MOST, WITHIN
from watchtower.incidents.lanes import channel_of, evidence_lane, is_lane
from watchtower.lookup import Lookup
from watchtower.model import Delivery, DeliveryState, Event, Labels, Priority, State, Transition

P1, P2, P3, P4, P5 = Priority
TALKS, MAIL = replace(CHAT, follow_ups=True), replace(AUDIT, follow_ups=True)
LATE = "evidence is late: not there within 3 s"


def night(*routes: dict[str, object], **more: Any) -> Memory:
    return Memory(policy(*routes or ({"channels": ["oncall", "ops", "audit"]},), channels=(PAGER, TALKS, MAIL), **more))


def lookup(group: str = "/a", at: float = 0.0) -> Lookup:
    return Lookup("RdsCpuHigh", Labels({"log_group": group}), 0, 60, START + timedelta(seconds=at))


def late(*args: Any, at: float = 0.0, group: str = "/a", **more: Any) -> Transition:
    """An alert whose evidence was not there in time."""
    return replace(alert(*args, labels={"log_group": group}, **more), evidence=(LATE,), late=lookup(group, at))


def follow_ups(deliveries: tuple[Delivery, ...]) -> list[Delivery]:
    return [each for each in deliveries if each.event is Event.EVIDENCE]


def test_it_follows_the_page_to_chat_and_mail_and_never_to_a_pager() -> None:
    plan = night().flush(late())
    assert told(plan.deliveries) == [
        "P3 trigger oncall",
        "P3 trigger ops",
        "P3 trigger audit",
        "P3 evidence ops/evidence",
        "P3 evidence audit/evidence",
    ]
    pages = {page.channel: page for page in plan.deliveries if page.event is Event.TRIGGER}
    for each in follow_ups(plan.deliveries):
        page = pages[channel_of(each.channel)]
        assert (each.after, each.destination) == (page.id, page.destination)
        assert each.dedup_key != page.dedup_key, "nothing of the page's key waits for it"


def test_it_is_about_its_alert_alone_and_says_that_it_is_no_new_one() -> None:
    [first, _] = follow_ups(night().flush(alert("SiteDown", priority=P1), late()).deliveries)
    [member] = first.notice.members
    assert (member.name, member.evidence, member.late) == ("RdsCpuHigh", (), lookup())
    assert first.notice.label == "no new alert"
    assert "RdsCpuHigh" in first.notice.title


def test_pages_carry_the_word_that_it_is_late_and_nothing_to_ask_for() -> None:
    pages = [each for each in night().flush(late()).deliveries if each.event is Event.TRIGGER]
    assert {(member.evidence, member.late) for page in pages for member in page.notice.members} == {((LATE,), None)}


def test_evidence_that_was_there_is_not_told_again() -> None:
    shown = replace(alert(), evidence=("CRITICAL no rooms",))
    assert follow_ups(night().flush(shown).deliveries) == []


def test_it_is_written_once_whatever_happens_later() -> None:
    memory = night()
    memory.flush(late())
    memory.send_all()
    rise = replace(alert(priority=P1, labels={"log_group": "/a"}), evidence=("CRITICAL no rooms",))
    later = [memory.flush(after=5), memory.flush(rise, after=5), memory.flush(after=120)]
    assert [follow_ups(plan.deliveries) for plan in later] == [[], [], []]


def test_who_joins_an_incident_that_was_told_is_followed_up_as_well() -> None:
    memory = night({"channels": ["ops"]})
    memory.flush(late())
    memory.send_all()
    [joined] = follow_ups(memory.flush(late(group="/b", at=5), after=5).deliveries)
    assert joined.notice.members[0].late == lookup("/b", 5)
    assert follow_ups(memory.flush(after=60).deliveries) == []


def test_of_many_that_are_late_a_few_are_followed_up() -> None:
    plan = night({"channels": ["ops"]}).flush(*(late(group=f"/{n}") for n in range(MOST + 3)))
    assert len(follow_ups(plan.deliveries)) == MOST


def test_what_ended_is_not_followed_up() -> None:
    over = ok(priority=P1, labels={"log_group": "/a"})
    assert follow_ups(night().flush(late(priority=P1), over).deliveries) == []


def test_an_alert_that_ended_in_an_open_incident_takes_its_follow_up_back() -> None:
    memory = night({"channels": ["ops"]})
    [first, other] = follow_ups(memory.flush(late(), late(group="/b")).deliveries)
    assert {each.notice.members[0].labels["log_group"] for each in (first, other)} == {"/a", "/b"}
    plan = memory.flush(ok(labels={"log_group": "/a"}), after=1)
    assert [row for row, _ in plan.withdrawn] == [first.id]
    assert follow_ups(memory.flush(after=60).deliveries) == []


def test_a_silence_holds_it_back_with_its_page_and_it_comes_again_with_the_next() -> None:
    memory = night({"channels": ["ops"]})
    [first] = follow_ups(memory.flush(late()).deliveries)
    memory.hush(silence(until=60))
    assert first.id in {row for row, _ in memory.flush(after=1).withdrawn}
    assert len(follow_ups(memory.flush(after=60).deliveries)) == 1


def test_a_silence_after_the_page_takes_it_back_for_good() -> None:
    memory = night({"channels": ["ops"]})
    [first] = follow_ups(memory.flush(late()).deliveries)
    page = next(row for row in memory.rows.values() if row.event is Event.TRIGGER)
    memory.rows[page.id] = replace(page, state=DeliveryState.ACCEPTED, attempts=1)
    memory.hush(silence(until=60))
    assert [row for row, _ in memory.flush(after=1).withdrawn] == [first.id]
    assert follow_ups(memory.flush(after=60).deliveries) == []


def test_who_is_called_after_it_came_reads_it_in_the_page() -> None:
    memory = night({"channels": ["ops"], "escalate": {"after": "15s", "channels": ["audit"]}})
    [_] = follow_ups(memory.flush(late()).deliveries)
    memory.send_all()
    [incident] = memory.incidents.values()
    [member] = incident.members
    shown = replace(member, evidence=("CRITICAL no rooms",), late=replace(lookup(), found=True))
    memory.incidents[incident.id] = replace(incident, members=(shown,))
    plan = memory.flush(after=16)
    assert told(plan.deliveries) == ["P3 escalation audit"]
    assert plan.deliveries[0].notice.members[0].evidence == ("CRITICAL no rooms",)


def test_who_is_called_while_it_is_late_is_followed_up_as_well() -> None:
    memory = night({"channels": ["ops"], "escalate": {"after": "15s", "channels": ["audit"]}})
    memory.flush(late())
    memory.send_all()
    assert told(memory.flush(after=16).deliveries) == ["P3 escalation audit", "P3 evidence audit/evidence"]


def test_who_stands_in_for_a_pager_is_followed_up_as_well() -> None:
    memory = night({"channels": ["oncall"]}, fallback={"oncall": "ops"})
    memory.flush(late(priority=P1))
    plan = memory.flush(after=61)
    assert told(plan.deliveries) == ["P1 trigger ops", "P1 evidence ops/evidence"]
    assert memory.flush().deliveries == ()


def test_an_alert_that_calms_down_keeps_what_is_known_of_it() -> None:
    memory = night({"channels": ["ops"]})
    memory.flush(late(priority=P2))
    calmer = replace(alert(priority=P3, labels={"log_group": "/a"}), from_state=State.ALARM, from_priority=P2)
    plan = memory.flush(calmer, after=1)
    [member] = next(iter(memory.incidents.values())).members
    assert (member.evidence, member.late) == ((LATE,), lookup())
    assert plan.withdrawn == ()


def test_a_page_that_comes_much_later_is_not_followed_up() -> None:
    memory = night({"channels": ["ops"], "escalate": {"after": "1h", "channels": ["audit"]}})
    memory.flush(late())
    memory.send_all()
    assert timedelta(hours=1) > WITHIN
    assert told(memory.flush(after=3601).deliveries) == ["P3 escalation audit"]


def test_one_that_is_given_up_is_told_to_nobody_else_and_not_again() -> None:
    memory = night({"channels": ["ops"]}, fallback={"ops": "oncall"})
    [each] = follow_ups(memory.flush(late(priority=P1)).deliveries)
    memory.send_all()
    memory.rows[each.id] = replace(memory.rows[each.id], state=DeliveryState.DEAD)
    assert memory.flush(after=120).deliveries == ()


def test_lanes_are_told_from_channels_by_their_names() -> None:
    assert is_lane(evidence_lane("ops"))
    assert channel_of(evidence_lane("ops")) == "ops"
    assert not is_lane("evidence")
