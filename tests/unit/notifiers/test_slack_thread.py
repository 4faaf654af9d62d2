"""The log in an incident's thread: what is said there, and what the whole channel sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.clock import START
from tests.support.deliveries import a_delivery, a_member, a_notice
from watchtower.model import Delivery, Event, Priority
from watchtower.notifiers.blocks import PLAIN, Look
from watchtower.notifiers.slack_thread import News, news, remembered

FIRST = remembered(a_delivery(), "C1", "17.1", logged=False)


def later(event: Event, before: dict[str, Any] = FIRST, **changes: Any) -> Delivery:
    return a_delivery(2, event, notice=a_notice(event=event, **changes), ref=before)


def told(delivery: Delivery) -> News:
    said = news(delivery, PLAIN)
    assert said is not None
    return said


def test_a_change_that_only_the_message_tells_makes_no_reply() -> None:
    assert news(later(Event.UPDATE), PLAIN) is None


def test_a_member_that_joined_is_named_to_the_whole_channel() -> None:
    newer = a_member(alert_id="a2", summary="db-2: CPU at 99 %", since=START.replace(minute=5))
    said = told(later(Event.UPDATE, members=(a_member(), newer)))
    assert said.text.startswith("2026-01-05 00:02 UTC · 🟠 1 alert joined, 2 firing: db-2: CPU at 99 %")
    assert said.broadcast


def test_a_member_that_fires_again_has_joined() -> None:
    before = {**FIRST, "members": 2, "firing": 1}
    assert "1 alert joined" in told(later(Event.UPDATE, before, members=(a_member(), a_member(alert_id="a2")))).text


def test_a_member_that_left_is_told_by_the_message_alone() -> None:
    before = {**FIRST, "members": 2, "firing": 2}
    members = (a_member(), a_member(alert_id="a2", firing=False))
    assert news(later(Event.UPDATE, before, members=members), PLAIN) is None


@pytest.mark.parametrize("event", [Event.UPDATE, Event.ACKNOWLEDGE])
def test_an_acknowledgement_is_logged_quietly_and_once(event: Event) -> None:
    acknowledged = later(event, acknowledged_by="ana", acknowledged_at=START)
    said = told(acknowledged)
    assert "Acknowledged by ana at 2026-01-05 00:00 UTC" in said.text
    assert not said.broadcast
    again = replace(acknowledged, ref=remembered(acknowledged, "C1", "17.1", logged=True))
    assert news(again, PLAIN) is None


def test_an_acknowledgement_that_ended_is_shown_to_the_channel() -> None:
    said = told(later(Event.UPDATE, {**FIRST, "acknowledged": True}))
    assert "not acknowledged any more" in said.text
    assert said.broadcast


def test_an_end_is_logged_quietly() -> None:
    said = told(later(Event.RESOLVE, ended_at=START.replace(minute=12)))
    assert "🟢 Resolved after 12m" in said.text
    assert not said.broadcast


def test_a_rise_to_p1_calls_whom_the_channel_names() -> None:
    said = news(later(Event.TRIGGER, tier=Priority.P1), Look(mention="<!here>"))
    assert said is not None
    assert said.broadcast
    assert "<!here>" in str(said.blocks)


@pytest.mark.parametrize(("logged", "lines"), [(False, 2), (True, 1)])
def test_the_log_begins_with_when_it_fired(logged: bool, lines: int) -> None:
    said = told(later(Event.RESOLVE, {**FIRST, "logged": logged}))
    assert len(said.blocks) == lines
    assert ("2026-01-05 00:00 UTC · P2 fired" in str(said.blocks)) is not logged
