from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from tests.support.clock import START
from tests.support.deliveries import RUNBOOK, a_delivery, a_member, a_notice, nasty_notices
from watchtower.demo.slack_rules import message_length, message_problems
from watchtower.model import Event, Heard, Labels, Notice, Priority
from watchtower.notifiers.blocks import Look, blocks, escaped, fallback, reply
from watchtower.notifiers.slack_thread import news

BUDGET = 9_000
BUTTONS = Look(buttons=True, mention="<!here>")


def texts(built: list[dict[str, Any]]) -> str:
    return str([list(block.values()) for block in built])


def of_type(built: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [block for block in built if block["type"] == kind]


@given(st.text(alphabet=st.characters(), max_size=300), st.integers(min_value=3, max_value=200))
def test_escaped_text_fits_and_holds_no_bare_markup(text: str, limit: int) -> None:
    said = escaped(text, limit)
    assert len(said.encode("utf-16-le")) // 2 <= limit
    assert not set("<>") & set(said)
    assert said.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").count("&") == 0


def test_nobody_is_mentioned_by_what_an_alert_says() -> None:
    notice = a_notice(members=(a_member(summary="<!channel> <@U012AB3CD> look"),))
    assert "<!channel>" not in texts(blocks(a_delivery(notice=notice))) + fallback(notice)
    assert "<@U" not in texts(blocks(a_delivery(notice=notice))) + fallback(notice)


def test_the_message_is_header_statement_fields_runbook_and_context() -> None:
    built = blocks(a_delivery())
    assert [block["type"] for block in built] == ["header", "section", "section", "section", "context"]
    assert built[0]["text"]["text"] == "🟠 P2 FIRING · RdsCpuHigh: db-1: CPU at 96.2 %"
    assert built[1]["text"]["text"].startswith("db-1: CPU at 96.2 % (value 96.2; 2 of 2 datapoints &gt; 95)")
    assert built[3]["text"]["text"].startswith(f"<{RUNBOOK}|Runbook> · <https://eu-west-1.console.aws.amazon.com/")
    assert "incident inc-1" in built[4]["elements"][0]["text"]


def test_there_are_at_most_eight_fields_and_the_place_is_among_them() -> None:
    [fields] = [block["fields"] for block in blocks(a_delivery()) if "fields" in block]
    assert len(fields) <= 8
    assert "*Place*\nprod · eu-west-1" in [field["text"] for field in fields]
    assert "*Resource*\ndb-1" in [field["text"] for field in fields]


def test_an_alert_that_was_told_before_says_how_often() -> None:
    assert "in 7 days" not in texts(blocks(replace(a_delivery(), times=1)))
    assert "*Lately*\\n3 times in 7 days" in texts(blocks(replace(a_delivery(), times=3)))


def test_the_time_is_shown_in_the_readers_zone_with_utc_for_others() -> None:
    assert "<!date^1767571200^{date_short_pretty} {time}|2026-01-05 00:00 UTC>" in texts(blocks(a_delivery())).replace(
        "\\n", "\n"
    )


def test_several_members_are_listed() -> None:
    notice = a_notice(members=tuple(a_member(summary=f"db-{n} " + "<&>" * 99) for n in range(12)))
    assert "and 2 more" in texts(blocks(a_delivery(notice=notice)))


def test_evidence_is_fenced_and_cannot_leave_its_fence() -> None:
    notice = a_notice(members=(a_member(evidence=("a ``` b",)),))
    assert "```a ''' b```" in texts(blocks(a_delivery(notice=notice))).replace("\\'", "'")


def test_a_runbook_address_cannot_break_out_of_its_link() -> None:
    notice = a_notice(members=(a_member(runbook="https://x.example/a|b>c?q=<1>&r=é"),))
    assert "<https://x.example/a%7Cb%3Ec?q=%3C1%3E&amp;r=%C3%A9|Runbook>" in texts(blocks(a_delivery(notice=notice)))


def test_a_resolved_message_is_green_and_says_how_long_it_took() -> None:
    built = blocks(a_delivery(event=Event.RESOLVE))
    assert built[0]["text"]["text"].startswith("🟢 P2 RESOLVED")
    assert "Resolved after 12m." in built[1]["text"]["text"]


def test_the_fallback_tells_everything_in_one_line() -> None:
    said = fallback(a_notice())
    assert said.count("\n") == 0
    assert said.count(a_notice().members[0].summary) == 1
    assert "P2 FIRING" in said
    assert "datapoints &gt; 95" in said
    assert "Firing for 2m" in said


@pytest.mark.parametrize("name", nasty_notices())
@pytest.mark.parametrize("event", Event)
def test_whatever_an_alert_carries_stays_within_every_limit(name: str, event: Event) -> None:
    notice = nasty_notices()[name]
    acknowledged = replace(notice, event=event, acknowledged_by=name * 500, acknowledged_at=START)
    heard = tuple(Heard("c" * 300, "pagerduty", START) for _ in range(9))
    delivery = a_delivery(event=event, notice=replace(notice, event=event), receipts=heard)
    known = replace(delivery, notice=acknowledged, ref={"channel": "C1", "ts": "1", "logged": False})
    replies = [told.blocks for one in (delivery, known) if (told := news(one, BUTTONS)) is not None]
    written = [blocks(delivery), blocks(delivery, BUTTONS), blocks(known, BUTTONS), reply(notice, "<!here>")]
    for built in [*written, *replies]:
        message = {"text": fallback(notice), "blocks": built}
        assert message_problems(message) == []
        assert message_length(message) <= BUDGET
        for block in Block.parse_all(built):
            block.validate_json()


def test_labels_with_empty_values_make_no_field() -> None:
    notice = a_notice(members=(a_member(labels=Labels({"empty": "", "full": "x"})),))
    assert "*empty*" not in texts(blocks(a_delivery(notice=notice)))


def elements(built: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(one["text"]["text"], one.get("value")) for block in of_type(built, "actions") for one in block["elements"]]


def test_a_message_that_can_be_answered_has_buttons_that_carry_the_incident_and_nothing_else() -> None:
    built = blocks(a_delivery(), BUTTONS)
    asked = [("Acknowledge", "inc-1"), ("Silence 1 h", "inc-1"), ("Runbook", None), ("Console", None)]
    assert elements(built) == asked
    assert [one["url"] for one in of_type(built, "actions")[0]["elements"][2:3]] == [RUNBOOK]
    assert "|Runbook>" not in texts(built)


def test_what_somebody_has_in_hand_names_them_and_is_not_offered_again() -> None:
    notice = a_notice(event=Event.UPDATE, acknowledged_by="ana <!here>", acknowledged_at=START)
    built = blocks(a_delivery(event=Event.UPDATE, notice=notice), BUTTONS)
    assert [name for name, _ in elements(built)] == ["Silence 1 h", "Runbook", "Console"]
    assert "✋ Acknowledged by ana &lt;!here&gt; at 2026-01-05 00:00 UTC" in texts(built)


def test_a_resolved_message_has_links_and_no_buttons() -> None:
    built = blocks(a_delivery(event=Event.RESOLVE), BUTTONS)
    assert elements(built) == []
    assert "|Runbook>" in texts(built)


P1 = a_notice(tier=Priority.P1)


@pytest.mark.parametrize(
    ("event", "tier", "before", "calls"),
    [
        (Event.TRIGGER, Priority.P1, None, True),
        (Event.ESCALATION, Priority.P1, None, True),
        (Event.TRIGGER, Priority.P1, "P2", True),
        (Event.TRIGGER, Priority.P1, "P1", False),
        (Event.TRIGGER, Priority.P2, None, False),
        (Event.UPDATE, Priority.P1, None, False),
        (Event.REPEAT, Priority.P1, None, False),
        (Event.RESOLVE, Priority.P1, None, False),
        (Event.ACKNOWLEDGE, Priority.P1, None, False),
    ],
)
def test_somebody_is_called_by_the_first_word_of_a_p1_and_never_again(
    event: Event, tier: Priority, before: str | None, calls: bool
) -> None:
    ref = None if before is None else {"channel": "C1", "ts": "1", "tier": before}
    delivery = a_delivery(event=event, notice=a_notice(event=event, tier=tier), ref=ref)
    assert texts(blocks(delivery, BUTTONS)).count("<!here>") == calls
    assert "<!here>" not in texts(blocks(delivery, BUTTONS, edited=True))


def test_the_channels_that_heard_before_are_named_with_the_second_they_did() -> None:
    delivery = a_delivery(receipts=(Heard("oncall", "pagerduty", START.replace(hour=14, minute=2, second=11)),))
    assert "PagerDuty oncall ✓ 14:02:11" in texts(blocks(delivery))


_TEXT = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("<>&`*\n🔥\x00")), max_size=60).map(
    lambda t: t * 40
)
_LABELS = st.dictionaries(_TEXT, _TEXT, max_size=6).map(Labels)
_MEMBERS = st.builds(
    a_member,
    name=_TEXT,
    summary=_TEXT,
    reason=_TEXT,
    value=st.none() | st.floats(),
    labels=_LABELS,
    annotations=_LABELS,
    runbook=st.none() | _TEXT.map(lambda text: f"https://x.example/{text}"),
    evidence=st.lists(_TEXT, max_size=12).map(tuple),
    firing=st.booleans(),
    muted_by=st.just("") | _TEXT,
)
_NOTICES = st.builds(
    a_notice,
    event=st.sampled_from(Event),
    tier=st.sampled_from(Priority),
    members=st.lists(_MEMBERS, max_size=12).map(tuple),
    title=_TEXT,
    route=_TEXT,
    environment=_TEXT,
    reason=_TEXT,
    label=_TEXT,
    acknowledged_by=_TEXT,
    group_labels=_LABELS,
)
_REFS = st.none() | st.fixed_dictionaries({"channel": st.just("C1"), "ts": st.just("1"), "logged": st.booleans()})


@given(_NOTICES, _REFS, st.lists(st.builds(Heard, _TEXT, _TEXT, st.just(START)), max_size=8).map(tuple))
def test_no_notice_makes_a_message_that_slack_refuses(notice: Notice, ref: Any, heard: tuple[Heard, ...]) -> None:
    delivery = a_delivery(event=notice.event, notice=notice, ref=ref, receipts=heard)
    sent = [{"text": fallback(notice), "blocks": blocks(delivery, look)} for look in (BUTTONS, Look())]
    told = news(delivery, BUTTONS)
    for message in [*sent, *([{"text": told.text, "blocks": told.blocks}] if told else [])]:
        assert message_problems(message) == []
        assert message_length(message) <= BUDGET
