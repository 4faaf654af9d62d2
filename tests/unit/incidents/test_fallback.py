"""Who is told in the place of a channel that does not accept a page, when, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import START
from tests.support.deliveries import a_delivery
from tests.unit.incidents.memory import AUDIT, CHAT, PAGER, Memory, alert, ok, policy, silence, told
from watchtower.incidents.acknowledgement import acknowledged
from watchtower.incidents.fallback import labelled_late
from watchtower.model import Delivery, DeliveryState, Event, Priority

if TYPE_CHECKING:
    from collections.abc import Sequence

P1, P2, P3, P4, P5 = Priority
CHAIN = {"oncall": "ops", "ops": "audit"}


def memory(channels: Sequence[str] = ("oncall",), fallback: dict[str, str] | None = None) -> Memory:
    return Memory(policy({"channels": list(channels)}, fallback=CHAIN if fallback is None else fallback))


def row(it: Memory, channel: str, event: Event = Event.TRIGGER) -> Delivery:
    """The newest row of a channel."""
    return [each for each in it.rows.values() if each.channel == channel and each.event is event][-1]


def fail(it: Memory, channel: str, error: str = "connection refused") -> None:
    it.settle(row(it, channel), DeliveryState.PENDING, error)


# -- when -------------------------------------------------------------------------------------------------------------


def test_a_page_that_is_not_accepted_for_a_minute_is_told_elsewhere_with_the_reason() -> None:
    it = memory()
    it.flush(alert("SiteDown", priority=P1))
    fail(it, "oncall")

    assert it.flush(after=59.9).deliveries == ()
    assert it.due() == START + timedelta(seconds=60)
    [page] = it.flush(after=0.1).deliveries

    assert told([page]) == ["P1 trigger ops"]
    assert page.fallback_of == row(it, "oncall").id
    assert page.notice.label == "fallback for oncall"
    assert page.notice.reason == "fallback: oncall has not accepted for 60 s: connection refused"
    [decision] = it.plan.decisions
    assert (decision.outcome, decision.incident_id) == ("fallback", page.incident_id)


def test_what_nobody_could_even_try_to_send_is_told_elsewhere_too() -> None:
    it = memory()
    it.flush(alert(priority=P2))

    [page] = it.flush(after=60).deliveries

    assert page.notice.reason == "fallback: oncall has not accepted for 60 s: nothing could be sent to it"


@pytest.mark.parametrize("state", [DeliveryState.AMBIGUOUS, DeliveryState.SENDING])
def test_a_page_of_which_nobody_knows_whether_it_arrived_is_told_elsewhere(state: DeliveryState) -> None:
    it = memory()
    it.flush(alert(priority=P1))
    it.settle(row(it, "oncall"), state)

    assert told(it.flush(after=60).deliveries) == ["P1 trigger ops"]


def test_a_page_that_is_refused_for_good_is_told_elsewhere_at_once() -> None:
    it = memory()
    it.flush(alert(priority=P1))
    it.refuse(row(it, "oncall"), "400: invalid routing key")

    [page] = it.flush(after=1).deliveries

    assert page.notice.reason == "fallback: oncall refused it for good: 400: invalid routing key"


def test_an_accepted_page_needs_nobody_else() -> None:
    it = memory()
    it.flush(alert(priority=P1))
    it.send_all()

    assert it.flush(after=60).deliveries == ()
    assert it.rows.keys() == {row(it, "oncall").id}


@pytest.mark.parametrize("priority", [P3, P4, P5])
def test_what_is_not_urgent_is_told_elsewhere_once_it_is_given_up(priority: Priority) -> None:
    it = memory()
    it.flush(alert(priority=priority))
    fail(it, "oncall")
    assert it.flush(after=7200).deliveries == ()

    it.settle(row(it, "oncall"), DeliveryState.DEAD, "given up after 100 attempts: connection refused")
    [page] = it.flush().deliveries

    assert told([page]) == [f"{priority} trigger ops"]
    assert page.notice.reason.startswith("fallback: oncall was given up: given up after 100 attempts")


def test_an_alert_about_the_channel_that_fails_does_not_wait_in_it() -> None:
    it = memory()
    it.flush(alert("WatchtowerDeliveryFailing", priority=P3, labels={"channel": "oncall"}))
    fail(it, "oncall")

    assert told(it.flush(after=60).deliveries) == ["P3 trigger ops"]


def test_an_alert_about_another_channel_waits_like_any() -> None:
    it = memory()
    it.flush(alert("WatchtowerDeliveryFailing", priority=P3, labels={"channel": "audit"}))
    fail(it, "oncall")

    assert it.flush(after=60).deliveries == ()


def test_a_page_from_before_the_clock_was_set_back_has_waited_long_enough() -> None:
    it = memory()
    it.flush(alert(priority=P1))
    fail(it, "oncall")

    assert told(it.flush(after=-3600).deliveries) == ["P1 trigger ops"]


# -- once, and for whom -----------------------------------------------------------------------------------------------


def test_each_page_is_told_elsewhere_once() -> None:
    it = memory(fallback={"oncall": "ops"})
    it.flush(alert(priority=P1))
    it.flush(after=60)
    it.settle(row(it, "ops"), DeliveryState.ACCEPTED)

    for _ in range(5):
        assert it.flush(after=600).deliveries == ()
    assert it.due() is None


def test_without_a_fallback_or_its_channel_nothing_is_told_and_nothing_is_due() -> None:
    for fallback in ({}, {"oncall": "removed"}):
        it = memory(fallback=fallback)
        it.flush(alert(priority=P1))
        assert it.flush(after=600).deliveries == ()
        assert it.flush(after=600).empty


def test_what_waits_for_a_channel_that_was_removed_is_told_where_its_route_leads_today() -> None:
    it = memory(fallback={})
    it.flush(alert(priority=P1))
    it.refuse(row(it, "oncall"), "key-1 is not configured any more")
    it.policy = policy({"channels": ["ops", "audit"]}, channels=(CHAT, AUDIT))

    [page] = it.flush(after=1).deliveries

    assert told([page]) == ["P1 trigger ops"]
    assert page.notice.reason == "fallback: oncall refused it for good: key-1 is not configured any more"


def test_a_fallback_that_is_not_accepted_either_falls_back_in_its_turn() -> None:
    it = memory()
    it.flush(alert(priority=P1))
    fail(it, "oncall")
    it.flush(after=60)
    assert it.due() == START + timedelta(seconds=120)
    fail(it, "ops", "500")

    assert it.flush(after=59).deliveries == ()
    [page] = it.flush(after=1).deliveries

    assert told([page]) == ["P1 trigger audit"]
    assert page.notice.reason == "fallback: ops has not accepted for 60 s: 500"
    assert it.flush(after=600).deliveries == ()


def test_a_channel_that_holds_the_incident_gets_one_message_more_under_the_same_key() -> None:
    it = memory(["oncall", "ops"])
    it.flush(alert(priority=P1))
    it.settle(row(it, "ops"), DeliveryState.ACCEPTED)
    first = row(it, "ops")
    fail(it, "oncall")

    [page] = it.flush(after=60).deliveries

    assert (page.channel, page.dedup_key, page.event) == ("ops", first.dedup_key, Event.TRIGGER)
    it.settle(page, DeliveryState.ACCEPTED)
    assert it.flush(after=600).deliveries == ()


def test_two_channels_that_fail_are_told_of_in_one_message() -> None:
    lead = replace(PAGER, name="lead", destination="key-2")
    leads = {"oncall": "ops", "lead": "ops"}
    it = Memory(policy({"channels": ["oncall", "lead"]}, channels=(PAGER, lead, CHAT), fallback=leads))
    it.flush(alert(priority=P1))

    [page] = it.flush(after=60).deliveries

    assert page.notice.reason == (
        "fallback: oncall has not accepted for 60 s: nothing could be sent to it; "
        "lead has not accepted for 60 s: nothing could be sent to it"
    )
    it.settle(page, DeliveryState.ACCEPTED)
    assert it.flush(after=600).deliveries == ()


def test_a_rise_that_is_not_accepted_is_told_elsewhere_although_the_page_before_it_was() -> None:
    it = memory(fallback={"oncall": "ops"})
    it.flush(alert(priority=P2))
    it.flush(after=60)
    it.send_all()
    it.flush(alert(priority=P1))
    fail(it, "oncall")

    assert told(it.flush(after=60).deliveries) == ["P1 trigger ops"]


def test_a_pager_that_stands_in_at_a_higher_tier_is_freed_of_the_lower_one() -> None:
    it = Memory(policy({"channels": ["ops"]}, fallback={"ops": "oncall"}))
    it.flush(alert(priority=P2))
    it.flush(after=60)
    it.settle(row(it, "oncall"), DeliveryState.ACCEPTED)
    it.flush(alert(priority=P1))

    assert told(it.flush(after=60).deliveries) == ["P1 trigger oncall", "P2 resolve oncall"]


# -- what holds, and what ends ----------------------------------------------------------------------------------------


def test_a_silenced_incident_is_told_nowhere_until_the_silence_ends() -> None:
    it = memory(fallback={"oncall": "ops"})
    it.flush(alert(priority=P1))
    fail(it, "oncall")
    it.hush(silence(until=600))

    assert it.flush(after=60).deliveries == ()
    it.expire("s1")
    assert told(it.flush(after=60).deliveries) == ["P1 trigger ops"]


def test_an_incident_that_somebody_has_in_hand_needs_no_fallback() -> None:
    it = memory()
    it.flush(alert(priority=P1))
    fail(it, "oncall")
    [name] = it.incidents
    it.incidents[name] = replace(
        it.incidents[name], acknowledged_at=it.now, acknowledged_by="ana", acknowledged_via="cli"
    )

    assert "ops" not in [each.channel for each in it.flush(after=60).deliveries]


def test_who_stood_in_is_resolved_like_everybody() -> None:
    it = memory(fallback={"oncall": "ops"})
    it.flush(alert(priority=P1))
    it.flush(after=60)
    it.send_all()

    assert sorted(told(it.flush(ok(), after=60).deliveries)) == ["P1 resolve oncall", "P1 resolve ops"]
    it.send_all()
    assert it.debts == {}


def test_an_outage_that_ended_before_anybody_heard_of_it_is_told_elsewhere_with_its_end() -> None:
    it = memory(fallback={"oncall": "ops"})
    it.flush(alert(priority=P1))
    fail(it, "oncall")
    it.flush(ok(), after=20)
    assert it.due() == START + timedelta(seconds=60)

    assert told(it.flush(after=40).deliveries) == ["P1 trigger ops", "P1 resolve ops"]
    it.send_all()
    assert it.debts == {}
    assert it.flush(after=600).empty
    assert it.due() is None


def test_an_outage_that_ended_and_that_the_fallback_knows_is_not_told_again() -> None:
    it = memory(["oncall", "ops"], fallback={"oncall": "ops"})
    it.flush(alert(priority=P1))
    it.settle(row(it, "ops"), DeliveryState.ACCEPTED)
    fail(it, "oncall")
    it.flush(ok(), after=20)

    assert it.flush(after=40).deliveries == ()
    assert it.due() is None


def test_what_is_over_and_was_not_urgent_is_told_nowhere() -> None:
    it = memory()
    it.flush(alert(priority=P3))
    fail(it, "oncall")
    it.flush(ok(), after=60)
    it.settle(row(it, "oncall"), DeliveryState.DEAD, "given up")

    assert it.flush(after=1).deliveries == ()


# -- late -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "label"),
    [(0, ""), (60, ""), (61, "late by 1 min"), (245, "late by 4 min"), (4500, "late by 75 min"), (7300, "late by 2 h")],
)
def test_a_page_that_comes_more_than_a_minute_late_says_so(seconds: float, label: str) -> None:
    sent = labelled_late(a_delivery(), START + timedelta(seconds=seconds))

    assert sent.notice.label == label
    assert sent.notice.reason == label


def test_a_late_fallback_says_both() -> None:
    page = a_delivery()
    page = replace(page, notice=replace(page.notice, label="fallback for oncall", reason="fallback: no answer"))

    sent = labelled_late(page, START + timedelta(seconds=125))

    assert sent.notice.label == "fallback for oncall, late by 2 min"
    assert sent.notice.reason == "fallback: no answer; late by 2 min"


@pytest.mark.parametrize("event", [Event.UPDATE, Event.RESOLVE])
def test_only_pages_are_late(event: Event) -> None:
    assert labelled_late(a_delivery(event=event), START + timedelta(hours=1)).notice.label == ""


def test_a_key_that_this_very_flush_replaces_is_resolved_once() -> None:
    route: dict[str, object] = {"channels": ["oncall", "ops"], "acknowledge_for": "30s"}
    it = Memory(policy(route, fallback={"ops": "oncall"}))
    it.flush(alert(priority=P1))
    it.settle(row(it, "oncall"), DeliveryState.ACCEPTED)
    fail(it, "ops")
    [name] = it.incidents
    it.incidents[name] = acknowledged(it.incidents[name], "ana", "cli", START + timedelta(seconds=30), START)

    plan = it.flush(after=60)

    assert "P1 trigger oncall" in told([each for each in plan.deliveries if each.fallback_of])
    assert len([each for each in plan.deliveries if each.event is Event.RESOLVE]) == 1


# -- channels of one place --------------------------------------------------------------------------------------------

TWIN = replace(PAGER, name="oncall2")
LEAD, DEPUTY = (replace(PAGER, name=name, destination="key-lead") for name in ("lead", "deputy"))


def places(channels: list[str], fallback: dict[str, str]) -> Memory:
    known = (PAGER, CHAT, AUDIT, TWIN, LEAD, DEPUTY)
    return Memory(policy({"channels": channels}, channels=known, fallback=fallback))


def test_who_leads_to_the_place_that_fails_does_not_stand_in_but_the_next_one_does() -> None:
    it = places(["oncall"], {"oncall": "oncall2", "oncall2": "ops"})
    it.flush(alert(priority=P1))
    assert told(it.flush(after=60).deliveries) == ["P1 trigger ops"]


def test_twins_that_stand_in_for_each_other_help_nobody() -> None:
    it = places(["oncall"], {"oncall": "oncall2", "oncall2": "oncall"})
    it.flush(alert(priority=P1))
    assert it.flush(after=60).deliveries == ()


def test_a_place_that_has_the_incident_is_told_again_by_the_channel_that_told_it() -> None:
    it = places(["oncall", "lead"], {"oncall": "deputy"})
    it.flush(alert(priority=P1))
    it.settle(row(it, "lead"), DeliveryState.ACCEPTED)
    [page] = it.flush(after=60).deliveries
    assert (page.channel, page.fallback_of) == ("lead", row(it, "oncall").id)
    assert it.flush(after=60).deliveries == ()
