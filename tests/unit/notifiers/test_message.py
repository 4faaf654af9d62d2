from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from tests.support.clock import START
from tests.support.deliveries import RUNBOOK, a_delivery, a_member, a_notice, nasty_notices
from watchtower.model import Event, Labels, Priority
from watchtower.notifiers import message


def test_the_headline_says_colour_priority_status_and_what() -> None:
    assert message.headline(a_notice()) == "🟠 P2 FIRING · RdsCpuHigh: db-1: CPU at 96.2 %"


@pytest.mark.parametrize(
    ("event", "beginning"),
    [
        (Event.TRIGGER, "🟠 P2 FIRING · "),
        (Event.UPDATE, "🟠 P2 FIRING · "),
        (Event.REPEAT, "🟠 P2 STILL FIRING · "),
        (Event.ESCALATION, "🟠 P2 ESCALATED · "),
        (Event.ACKNOWLEDGE, "🟠 P2 ACKNOWLEDGED · "),
        (Event.RESOLVE, "🟢 P2 RESOLVED · "),
    ],
)
def test_each_event_has_its_word_and_a_resolve_is_green(event: Event, beginning: str) -> None:
    assert message.headline(a_notice(event=event)).startswith(beginning)


def test_what_another_route_tells_from_now_on_has_moved_and_is_not_resolved() -> None:
    moved = a_notice(event=Event.RESOLVE, moved_to="urgent")
    assert message.headline(moved).startswith("➡️ P2 MOVED · ")
    assert message.course(moved).startswith("Moved to another route after ")


def test_each_priority_has_its_own_colour() -> None:
    assert len({message.emoji(a_notice(tier=tier)) for tier in Priority}) == len(Priority)


def test_an_incident_without_a_title_is_called_by_its_rule() -> None:
    assert message.title(a_notice(title=" ")) == "RdsCpuHigh"
    assert message.title(a_notice(title="", members=())) == "urgent"


def test_the_statement_sets_the_value_against_the_threshold() -> None:
    assert message.statement(a_member()) == "db-1: CPU at 96.2 % (value 96.2; 2 of 2 datapoints > 95)"


def test_an_alert_without_value_and_reason_is_its_summary_alone() -> None:
    assert message.statement(a_member(value=None, reason="")) == "db-1: CPU at 96.2 %"


def test_an_alert_that_fires_blind_says_since_when() -> None:
    assert "no data since 2026-01-05 00:00 UTC" in message.statement(a_member(no_data_since=START))


def test_a_firing_incident_says_since_when_and_why_it_is_told_now() -> None:
    said = message.course(a_notice(reason="priority rose from P3"))
    assert said == "Firing for 2m, since 2026-01-05 00:00 UTC. priority rose from P3"


def test_a_resolved_incident_says_how_long_it_lasted() -> None:
    ended = a_notice(event=Event.RESOLVE, ended_at=START + timedelta(minutes=12))
    assert message.course(ended) == "Resolved after 12m."


def test_what_stands_before_the_course_is_not_said_twice() -> None:
    last = a_member(name="CpuHigh", reason="2 of 2 < 75")
    ended = a_notice(event=Event.RESOLVE, members=(last,), reason="last member resolved: CpuHigh (2 of 2 < 75)")
    assert message.course(ended).endswith("last member resolved: CpuHigh (2 of 2 < 75)")
    assert message.course(ended, told=last).endswith("last member resolved: CpuHigh")
    assert message.course(ended, told=a_member(reason="3 of 3 < 75")).endswith("(2 of 2 < 75)")


def test_ten_members_are_listed_and_the_rest_is_counted() -> None:
    members = tuple(a_member(summary=f"db-{n}") for n in range(12))
    lines = message.members(a_notice(members=members))
    assert len(lines) == 11
    assert lines[-1] == "and 2 more"


def test_members_the_notice_does_not_carry_are_counted_too() -> None:
    assert message.members(a_notice(firing=300))[-1] == "and 299 more"


def test_a_resolved_member_is_green_among_firing_ones() -> None:
    lines = message.members(a_notice(members=(a_member(), a_member(firing=False))))
    assert [line[0] for line in lines] == ["🟠", "🟢"]


def test_counts_name_resolved_members_only_where_there_are_some() -> None:
    assert message.counts(a_notice()) == "1 alert firing"
    assert message.counts(a_notice(firing=3, resolved=1)) == "3 alerts firing, 1 resolved"
    assert message.counts(a_notice(firing=1, muted=2, resolved=1)) == "1 alert firing, 2 muted, 1 resolved"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "/etc/passwd", "https://" + "x" * 3000, None])
def test_only_a_bearable_web_address_is_a_runbook(link: str | None) -> None:
    assert message.runbook(a_notice(members=(a_member(runbook=link),))) is None


def test_the_first_runbook_of_any_member_is_taken() -> None:
    assert message.runbook(a_notice(members=(a_member(runbook=None), a_member()))) == RUNBOOK


def test_the_answer_of_a_page_takes_the_room_that_other_evidence_leaves() -> None:
    short = ("phase reached: transfer", "address: 192.0.2.1:443", "status: 500")
    member = a_member(evidence=(*short, "answer: " + "x" * 1_024, "y" * 1_024))
    lines = message.evidence(a_notice(members=(member,)))
    assert tuple(lines[:3]) == short
    assert len(lines[3]) == message.EVIDENCE_LONGEST
    assert sum(map(len, lines)) == message.EVIDENCE_ROOM


def test_evidence_is_ten_lines_of_one_member() -> None:
    member = a_member(evidence=tuple(f"line {n} " + "x" * 500 for n in range(30)))
    lines = message.evidence(a_notice(members=(a_member(), member)))
    assert len(lines) == message.EVIDENCE_LINES
    assert max(map(len, lines)) <= message.EVIDENCE_WIDTH


def test_the_mail_reads_from_headline_to_footer() -> None:
    delivery = a_delivery(notice=a_notice(members=(a_member(evidence=("CRITICAL out of memory",)),)))
    assert message.body(delivery).splitlines() == [
        "🟠 P2 FIRING · RdsCpuHigh: db-1: CPU at 96.2 %",
        "",
        "db-1: CPU at 96.2 % (value 96.2; 2 of 2 datapoints > 95)",
        "Firing for 2m, since 2026-01-05 00:00 UTC.",
        "",
        "Labels:",
        "  DBInstanceIdentifier = db-1",
        "  account = prod",
        "  alert = RdsCpuHigh",
        "  group = rds",
        "  region = eu-west-1",
        "  service = database",
        "  source = cloudwatch",
        "",
        "Evidence:",
        "  CRITICAL out of memory",
        "",
        f"Runbook: {RUNBOOK}",
        "",
        "Environment: production, route: urgent",
        f"Incident inc-1, delivery {delivery.id}, sent by watchtower",
    ]


def test_a_mail_about_several_alerts_lists_them() -> None:
    text = message.body(a_delivery(notice=a_notice(members=(a_member(), a_member(summary="db-2 too")))))
    assert "2 alerts firing:\n  🟠 db-1" in text
    assert "  🟠 db-2 too" in text


@pytest.mark.parametrize("name", nasty_notices())
def test_the_document_for_machines_is_bounded(name: str) -> None:
    assert len(orjson.dumps(message.document(nasty_notices()[name]))) < 200 * 1024


def test_the_document_carries_what_a_machine_would_ask_for() -> None:
    document = message.document(replace(a_notice(), reason="route urgent"))
    assert (document["priority"], document["incident"], document["firing"]) == ("P2", "inc-1", 1)
    assert document["members"][0]["labels"]["DBInstanceIdentifier"] == "db-1"
    assert document["members"][0]["value"] == 96.2


def test_annotations_are_told_where_there_are_any() -> None:
    member = a_member(annotations=Labels({"console": "https://console.example.com"}))
    notice = a_notice(members=(member,))
    assert "console = https://console.example.com" in message.body(a_delivery(notice=notice))
    assert message.document(notice)["members"][0]["annotations"] == {"console": "https://console.example.com"}
    assert "Annotations:" not in message.body(a_delivery())


def test_a_muted_member_is_marked_with_what_holds_it_back_and_counted() -> None:
    quiet = tuple(a_member(summary=f"db-{n}", muted_by="silenced by ana") for n in range(12))
    lines = message.members(a_notice(members=quiet, firing=0, muted=14))
    assert lines[0].startswith("🔇 db-0")
    assert "silenced by ana" in lines[0]
    assert lines[-1] == "and 4 more"
    assert "silenced" not in message.statement(a_member(muted_by="silenced by ana", firing=False))


@pytest.mark.parametrize(
    ("firing", "muted", "said"), [(0, 2, "🔇 P2 MUTED"), (1, 1, "🟠 P2 FIRING"), (0, 0, "🟠 P2 FIRING")]
)
def test_an_incident_whose_alerts_are_all_held_back_is_muted(firing: int, muted: int, said: str) -> None:
    notice = a_notice(event=Event.UPDATE)
    assert message.headline(replace(notice, firing=firing, muted=muted)).startswith(said)


def test_a_change_of_what_somebody_has_in_hand_does_not_ask_again() -> None:
    notice = a_notice(event=Event.UPDATE, acknowledged_by="ana")
    assert message.headline(notice).startswith("🟠 P2 ACKNOWLEDGED · ")
    assert message.headline(replace(notice, event=Event.TRIGGER)).startswith("🟠 P2 FIRING · ")
