"""What somebody did at a pager, and when it means something here."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.clock import START
from tests.support.stores import incident, member
from watchtower.incidents.model import Debt, Incident
from watchtower.incidents.reports import Deed, Report, asked_for, heed, incident_of, live_keys
from watchtower.model import Priority

STORE = "5e0c"
KEY = f"wt:{STORE}:inc-1:P3"


def firing(**changes: Any) -> Incident:
    return incident("inc-1", **{"members": (member("db-1"),), "told_tier": Priority.P3, "settings": {}} | changes)


def after(one: Incident, deed: Deed, key: str = KEY, by: str = "ana") -> Incident | None:
    return heed(one, Report(key, deed, by), "oncall", STORE, START).incident


def test_who_acknowledges_there_has_it_in_hand_and_that_channel_said_so() -> None:
    taken = after(firing(), Deed.ACKNOWLEDGED)
    assert taken is not None
    assert (taken.acknowledged_by, taken.acknowledged_via, taken.acknowledged_until) == ("ana", "oncall", None)


def test_who_closes_it_while_it_fires_has_it_in_hand_for_an_hour_and_the_closed_key_is_history() -> None:
    closed = after(firing(), Deed.RESOLVED)
    assert closed is not None
    assert (closed.acknowledged_by, closed.acknowledged_until) == ("ana", START + timedelta(hours=1))
    assert KEY not in live_keys(STORE, closed)
    assert after(closed, Deed.RESOLVED) is None
    assert after(closed, Deed.ACKNOWLEDGED) is None


@pytest.mark.parametrize("deed", Deed)
def test_what_no_person_did_changes_nothing(deed: Deed) -> None:
    """Our own acknowledgements and resolves come back as reports, and must not be taken for somebody's."""
    assert after(firing(), deed, by="") is None


@pytest.mark.parametrize("deed", Deed)
@pytest.mark.parametrize("changes", [{"tier": Priority.P1}, {"rounds": 1}])
def test_what_was_done_before_a_rise_or_a_forgotten_acknowledgement_changes_nothing(
    deed: Deed, changes: dict[str, Any]
) -> None:
    assert after(firing(**changes), deed) is None


def test_an_acknowledgement_that_is_told_every_minute_does_not_last_longer_for_it() -> None:
    kept = after(firing(settings={"acknowledge_for": 600.0}), Deed.ACKNOWLEDGED)
    assert kept is not None
    assert after(kept, Deed.ACKNOWLEDGED, by="ben") is None


def test_closing_what_was_acknowledged_before_still_counts() -> None:
    kept = after(firing(), Deed.ACKNOWLEDGED)
    assert kept is not None
    assert after(kept, Deed.RESOLVED) is not None


def test_closing_what_fires_no_more_is_no_promise_to_look_after_it() -> None:
    done = firing()
    done = replace(done, members=tuple(replace(one, firing=False) for one in done.members))
    assert after(done, Deed.RESOLVED) is None


def test_whoever_was_called_by_an_escalation_can_take_it_too() -> None:
    assert after(firing(), Deed.ACKNOWLEDGED, key=f"{KEY}:escalation") is not None


@pytest.mark.parametrize(
    ("key", "found"),
    [(KEY, "inc-1"), (f"{KEY}:2:escalation", "inc-1"), ("wt:other:inc-1:P3", ""), ("wt:5e0c:", ""), ("nagios", "")],
)
def test_a_key_tells_its_incident(key: str, found: str) -> None:
    assert incident_of(key, STORE) == found


def test_only_what_is_open_under_a_live_key_of_the_channel_is_asked_for() -> None:
    raised = firing(tier=Priority.P1)
    old, new = (owed(key=f"wt:{STORE}:inc-1:{tier}") for tier in ("P3", "P1"))
    elsewhere, ended = replace(new, channel="lead"), owed(key=f"wt:{STORE}:inc-2:P1")
    assert asked_for([old, new, elsewhere, ended], [raised], "oncall", STORE) == [new.dedup_key]


def owed(key: str) -> Debt:
    return Debt("inc-1", Priority.P3, "oncall", "pagerduty:1", key, None, START)
