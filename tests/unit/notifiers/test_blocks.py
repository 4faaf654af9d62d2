from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from tests.support.deliveries import RUNBOOK, a_delivery, a_member, a_notice, nasty_notices
from watchtower.demo.slack_rules import message_length, message_problems
from watchtower.model import Event, Labels
from watchtower.notifiers.blocks import blocks, escaped, fallback, reply

BUDGET = 9_000


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
    assert built[3]["text"]["text"] == f"<{RUNBOOK}|Runbook>"
    assert "incident inc-1" in built[4]["elements"][0]["text"]


def test_there_are_at_most_eight_fields_and_the_place_is_among_them() -> None:
    [fields] = [block["fields"] for block in blocks(a_delivery()) if "fields" in block]
    assert len(fields) <= 8
    assert "*account*\nprod" in [field["text"] for field in fields]


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
    delivery = a_delivery(event=event, notice=notice)
    for built in (blocks(delivery), reply(notice)):
        message = {"text": fallback(notice), "blocks": built}
        assert message_problems(message) == []
        assert message_length(message) <= BUDGET
        for block in Block.parse_all(built):
            block.validate_json()


def test_labels_with_empty_values_make_no_field() -> None:
    notice = a_notice(members=(a_member(labels=Labels({"empty": "", "full": "x"})),))
    assert "*empty*" not in texts(blocks(a_delivery(notice=notice)))
