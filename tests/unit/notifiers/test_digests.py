"""A digest reads well, and Slack refuses none, whatever is in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.deliveries import a_delivery, a_member, a_notice, nasty_notices
from watchtower.demo.slack_rules import message_length, message_problems
from watchtower.model import Delivery, Event, Notice, Priority
from watchtower.notifiers.digests import LINES, content, counted, lines

BUDGET = 9000


def digest(count: int = 40, **changes: object) -> Notice:
    members = tuple(
        a_member(alert_id=f"i{n}", name=f"Rule{n % 20:02}", summary=f"db-{n} is hot", priority=Priority.P3)
        for n in range(count)
    )
    return replace(a_notice(members=members, title=f"{count} incidents: Rule00 2", digest=True), **changes)  # type: ignore[arg-type]


def said(notice: Notice) -> str:
    return str(content(a_delivery(notice=notice))["blocks"])


def test_it_names_the_first_and_counts_the_rest() -> None:
    told = lines(digest(40))
    assert len(told) == LINES
    assert told[0] == "🟡 P3 Rule00: db-0 is hot"
    assert told[-1] == "and 11 more"
    assert len(lines(digest(LINES))) == LINES
    assert "more" not in lines(digest(LINES))[-1]


def test_it_counts_per_rule() -> None:
    assert counted(digest(41)).startswith("Rule00 3, Rule01 2,")
    assert counted(digest(41)).endswith("Rule14 2, 5 rules more")


def test_what_is_over_is_marked() -> None:
    over = tuple(a_member(name="Cpu", summary="cool", firing=False) for _ in range(2))
    notice = digest(members=over, event=Event.UPDATE, firing=0, resolved=2)
    assert lines(notice)[0] == "🟢 Cpu: cool"
    assert "0 firing, 2 resolved" in said(notice)


def test_a_message_of_one_incident_is_told_as_ever() -> None:
    delivery: Delivery = a_delivery()
    assert "db-1" in str(content(delivery)["blocks"])


@pytest.mark.parametrize("name", nasty_notices())
def test_slack_takes_it_whatever_it_holds(name: str) -> None:
    nasty = nasty_notices()[name]
    members = nasty.members * 250 or (a_member(name="", summary=""),)
    notice = replace(nasty, digest=True, members=members[:500])
    told = content(a_delivery(notice=notice))
    assert message_problems(told) == []
    assert message_length(told) <= BUDGET
