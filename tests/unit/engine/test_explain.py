"""What `why` says: short, newest first, and always who or what is responsible for a page that was not sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.clock import START
from tests.support.make import health
from tests.support.stores import at, change, delivery, incident, key, member, notice, state
from watchtower.clock import epoch
from watchtower.engine.explain import explain_lines, present, relative
from watchtower.evaluation.findings import Entry, Finding
from watchtower.incidents.model import Debt, Decision, Incident
from watchtower.model import (
    AlertMemory,
    Delivery,
    DeliveryState,
    Event,
    NoticeMember,
    Priority,
    State,
    SuppressedBy,
    Suppression,
)
from watchtower.store.values import Explanation, Outage, Watch

NOW = at(3600)
ALERT = 'CpuHigh{account="prod", db="db-1"}'


def explanation(**more: Any) -> Explanation:
    plain = Explanation(None, (), (), (), (), (), key=key("db-1"))
    return replace(plain, **more)


def lines(found: Explanation, asked: str = "CpuHigh") -> list[str]:
    return list(explain_lines(found, asked, NOW))


def said(found: Explanation, asked: str = "CpuHigh") -> str:
    return "\n".join(lines(found, asked))


def firing(**more: Any) -> Explanation:
    """An alert that fires, with its change and a decision on it."""
    given: dict[str, Any] = {"state": state(), "transitions": (replace(change(), seq=7),), **more}
    return explanation(**given)


def decided(outcome: str, reason: str, seq: int = 7, incident_id: str | None = None, when: float = 0) -> Decision:
    return Decision(key("db-1").id, seq, outcome, reason, incident_id, at(when))


def in_incident(*rows: Delivery, held: NoticeMember | None = None, **more: Any) -> Explanation:
    one: Incident = incident("5a11cafe-1", members=(held or member("db-1"),), told_tier=Priority.P3)
    return firing(incidents=(replace(one, **more),), deliveries=rows)


def row(channel: str = "ops", **more: Any) -> Delivery:
    return delivery("d", incident_id="5a11cafe-1", channel=channel, **more)


# -- the moment that ages are told from -------------------------------------------------------------------------------


def test_ages_are_told_from_the_newest_that_happened_where_that_clock_ran_ahead() -> None:
    """The demo's hour takes two minutes."""
    ahead = replace(health(), last_tick=int(epoch(at(7200))))
    found = [firing(), firing(watches=(Watch(ahead, 3, watched=False),))]
    assert present(found, at(600)) == at(7200)
    assert present(found, at(7201)) == at(7201)


def test_what_is_still_to_come_is_no_present() -> None:
    waiting = row(next_at=at(9000))
    assert present([in_incident(waiting)], NOW) == NOW
    assert present([], NOW) == NOW


# -- the state --------------------------------------------------------------------------------------------------------


def test_the_state_stands_first_with_its_reason_and_age() -> None:
    first, second, *_ = lines(firing())
    assert first == ALERT
    assert second == "  ALARM P3 since 2026-01-05 00:00:00 UTC (1h ago): 2 of 2 above 80"


def test_an_alert_that_is_well_says_so() -> None:
    assert lines(explanation())[:2] == [ALERT, "  OK, and nothing is remembered of it"]


def test_what_is_special_about_a_firing_alert_is_told() -> None:
    memory = AlertMemory(changes=(1, -2), flapping=True, untold=True)
    told = said(firing(state=replace(state(), recovering=True, no_data_since=at(60), memory=memory)))
    assert "recovering: the alert's condition no longer holds" in told
    assert "firing without data since 2026-01-05 00:01:00 UTC (59m ago)" in told
    assert "flapping: no end and no new beginning is told" in told
    assert "its datapoints were too old to page" in told


def suppressed(by: SuppressedBy, until: float | None = None) -> str:
    held = Suppression(by, None if until is None else at(until), alert="Deploying")
    told = said(firing(state=replace(state(), memory=AlertMemory(untold=True, suppressed=held))))
    assert "too old" not in told
    return told


def test_a_composite_that_is_held_back_names_its_suppressor_and_until_when() -> None:
    assert "  suppressed by Deploying, which is in ALARM" in suppressed(SuppressedBy.ALARM).splitlines()
    wait = suppressed(SuppressedBy.WAIT, 3_720)
    assert "held back until 2026-01-05 01:02:00 UTC (in 2m): Deploying may go into ALARM before" in wait
    extension = suppressed(SuppressedBy.EXTENSION, 3_720)
    assert "held back until 2026-01-05 01:02:00 UTC (in 2m): Deploying left ALARM, its extension runs" in extension


def test_ages_are_as_exact_as_they_need_to_be() -> None:
    assert [relative(at(-one), START) for one in (0, 42, 725, 3_900, 100_000)] == [
        "0s ago",
        "42s ago",
        "12m ago",
        "1h5m ago",
        "1d3h ago",
    ]
    assert relative(at(90), START) == "in 1m"


# -- whether it was told ----------------------------------------------------------------------------------------------


def test_an_accepted_page_is_told_with_its_channel_and_time() -> None:
    found = in_incident(row(state=DeliveryState.ACCEPTED, finished_at=at(5)))
    assert "  ops: trigger accepted 2026-01-05 00:00:05 UTC (59m ago)" in lines(found)
    assert "  audit: nothing was sent" in lines(found)


def test_a_page_that_nobody_accepted_says_what_the_vendor_said_and_when_it_is_tried_again() -> None:
    open_row = row(attempts=3, last_error="503 Service Unavailable", next_at=at(3660))
    told = lines(in_incident(open_row))
    again = "next try 2026-01-05 01:01:00 UTC (in 1m)"
    assert f"  ops: trigger not accepted yet, 3 attempts, 503 Service Unavailable; {again}" in told
    assert f"  trigger to ops: pending {again}, 3 attempts; route rest [503 Service Unavailable]" in told


def test_a_page_that_was_taken_back_names_what_took_it_back() -> None:
    gone = row(state=DeliveryState.WITHDRAWN, finished_at=at(9), last_error="silenced by ana, before it was delivered")
    assert "  ops: trigger withdrawn 2026-01-05 00:00:09 UTC (59m ago): silenced by ana, before it was delivered" in (
        lines(in_incident(gone))
    )


def test_what_holds_an_alert_back_is_the_answer() -> None:
    by = "silenced by ana until 2026-01-05 02:00 UTC (silence 7: moving the rack)"
    told = lines(in_incident(held=replace(member("db-1"), muted_by=by)))
    assert f"  held back: {by}" in told
    assert not any("nothing was sent" in line for line in told)


def test_an_alert_that_waits_for_company_says_until_when() -> None:
    told = lines(in_incident(told_tier=None, due_at=at(3630)))
    assert "  ops: not told yet; it waits until 2026-01-05 01:00:30 UTC (in 30s)" in told


def test_an_alert_that_joined_after_the_page_was_not_told_by_it() -> None:
    others = replace(notice("5a11cafe-1", Event.TRIGGER, Priority.P3), members=(member("db-2"),))
    sent = row(state=DeliveryState.ACCEPTED, finished_at=at(5), notice=others)
    told = lines(in_incident(sent, due_at=at(3630)))
    wait = "it waits until 2026-01-05 01:00:30 UTC (in 30s)"
    assert f"  ops: told of the incident, not of this alert yet; {wait}" in told
    cut = replace(sent, notice=replace(others, firing=60))
    assert "  ops: trigger accepted 2026-01-05 00:00:05 UTC (59m ago)" in lines(in_incident(cut))


def test_an_alert_in_no_incident_says_why() -> None:
    for outcome, reason in [("not delivered", "no route matches its labels"), ("ignored", "rule has notify: false")]:
        assert f"  not told: {reason}" in lines(firing(decisions=(decided(outcome, reason),)))
    assert "  not told: the next flush looks at it" in lines(firing())


def test_an_old_breach_says_that_it_was_too_old() -> None:
    late = replace(change(), seq=7, notify=False, unsent="too old to page: …; max_page_age is 30m")
    assert "  not told: too old to page: …; max_page_age is 30m" in lines(firing(transitions=(late,)))


def test_an_alert_that_ended_is_not_said_to_be_untold() -> None:
    assert "not told" not in said(firing(state=state(now=State.OK)))


# -- what happened ----------------------------------------------------------------------------------------------------


def test_events_of_every_kind_stand_in_one_list_newest_first() -> None:
    breach = Entry(
        key("db-1"),
        key("db-1").identity,
        Finding.BREACH,
        at(60),
        at(120),
        "1 of the last 2 datapoints was > 80; P3 needs 2",
        datapoints=((0, None), (60, 91.5)),
        rule_file="rules/rds.yaml",
        rule_line=4,
    )
    freed = decided("free", "no longer silenced by ana", seq=0, incident_id="5a11cafe-1", when=400)
    blind = Outage("u1", at(200), at(300), "503", 1)
    told = lines(
        firing(
            transitions=(replace(change(when=180), seq=7),),
            decisions=(freed, decided("opened", "route rest matches every alert", when=181)),
            log=(breach,),
            outages=(blind, Outage("u1", at(500), None, "59 evaluations were skipped", 0)),
        )
    )
    start = told.index("what happened, newest first:")
    assert told[start + 1 :] == [
        "  2026-01-05 00:08:20 UTC (51m ago)  nothing looked and still: 59 evaluations were skipped (u1)",
        "  2026-01-05 00:06:40 UTC (53m ago)  free: no longer silenced by ana (incident 5a11cafe)",
        "  2026-01-05 00:03:20 UTC (56m ago)  polls failed (1 try) until 2026-01-05 00:05:00 UTC (55m ago): 503 (u1)",
        "  2026-01-05 00:03:00 UTC (57m ago)  OK -> ALARM P3: 2 of 2 above 80",
        "    datapoints, newest last: 91.5 -",
        "    rule at rules/rds.yaml:4",
        "    evidence: line one",
        "    opened: route rest matches every alert",
        "  2026-01-05 00:02:00 UTC (58m ago)  breach, but no alarm: 1 of the last 2 datapoints was > 80; P3 needs 2",
        "    datapoints, newest last: - 91.5",
        "    rule at rules/rds.yaml:4",
    ]


def test_a_reason_is_not_told_twice() -> None:
    ended = replace(change(to=State.OK), seq=7, reason="back to normal")
    told = lines(explanation(transitions=(ended,), decisions=(decided("resolved", "back to normal", 7, "i1"),)))
    assert "    resolved (incident i1)" in told


def test_every_finding_has_words() -> None:
    for finding in Finding:
        entry = Entry(key("db-1"), key("db-1").identity, finding, at(0), at(0), "because")
        assert ": because" in said(explanation(log=(entry,)))


def test_no_more_than_twenty_events_are_told() -> None:
    many = tuple(replace(change(when=n), seq=n + 1) for n in range(30))
    assert said(explanation(transitions=many)).count(" -> ") == 20


# -- who looks --------------------------------------------------------------------------------------------------------


def watch(series: int | None = 3, *, watched: bool = False, **more: Any) -> Watch:
    return Watch(health(**{"last_tick": int(NOW.timestamp()) - 60, "due_at": NOW, **more}), series, watched)


def test_a_rule_that_never_fired_tells_who_looks_and_when_it_looked_last() -> None:
    told = lines(explanation(key=None, watches=(watch(),)))
    assert told == [
        "CpuHigh never fired: there is no change of such an alert in the store",
        "  evaluated by cloudwatch/prod/eu-west-1/60/120: last for 2026-01-05 00:59:00 UTC (1m ago), 3 series",
    ]


def test_a_series_that_was_asked_for_is_told_to_be_watched_or_not() -> None:
    asked = 'CpuHigh{db="db-7"}'
    assert "3 series, the one with these labels among them" in said(
        explanation(key=None, watches=(watch(watched=True),)), asked
    )
    assert "3 series, none whose identity is exactly these labels" in said(
        explanation(key=None, watches=(watch(),)), asked
    )


def test_a_source_that_fails_is_told_with_its_reason() -> None:
    failing = watch(failing_since=at(3000), failures=7, failure="Rate exceeded (throttled)")
    assert (
        "    its polls fail since 2026-01-05 00:50:00 UTC (10m ago) (7 tries), states are kept: "
        "Rate exceeded (throttled)" in lines(explanation(watches=(failing,)))
    )


def test_a_unit_that_nobody_ticks_makes_one_ask_for_the_daemon() -> None:
    late = watch(due_at=at(600), last_tick=int(at(540).timestamp()))
    assert "LATE, due 2026-01-05 00:10:00 UTC (50m ago): does the daemon run?" in said(explanation(watches=(late,)))
    assert "never yet, due 2026-01-05 00:59:00 UTC (1m ago), number of series not known yet" in said(
        explanation(watches=(watch(None, last_tick=None, due_at=at(3540)),))
    )


def test_who_has_an_alert_in_hand_is_told_and_who_is_called_when_nobody_has() -> None:
    settings = {"escalate": {"after": 7200.0, "channels": ["lead"]}}
    begun: dict[str, Any] = {"settings": settings, "told_tier": Priority.P3, "called_at": at(0)}
    held: dict[str, Any] = {"acknowledged_at": at(1800), "acknowledged_by": "ana", "acknowledged_via": "ops"}
    [calls] = [line for line in lines(in_incident(**begun)) if "lead" in line]
    assert calls == "  lead: called 2026-01-05 02:00:00 UTC (in 1h) unless somebody acknowledges"
    told = lines(in_incident(**begun, **held))
    assert "  acknowledged by ana via ops 2026-01-05 00:30:00 UTC (30m ago)" in told
    assert not any("lead" in line for line in told)


# -- incidents --------------------------------------------------------------------------------------------------------


def test_an_incident_is_told_with_its_members_deliveries_and_debts() -> None:
    debt = Debt("5a11cafe-1", Priority.P3, "oncall", "pagerduty:1", "wt:1", None, at(5))
    one = incident("5a11cafe-1", members=(replace(member("db-1"), muted_by="silenced by ana"),), ended_at=at(60))
    sent = row("oncall", state=DeliveryState.DEAD, finished_at=at(7), attempts=2, last_error="410 gone")
    begin = "2026-01-05 00:00:00 UTC (1h ago)"
    told = lines(explanation(key=None, incidents=(one,), deliveries=(sent,), debts=(debt,)), "5a11")
    assert told == [
        f"incident 5a11cafe-1: route rest, P3, opened {begin}, ended 2026-01-05 00:01:00 UTC (59m ago)",
        f"  member CpuHigh: ALARM P3 since {begin}, silenced by ana; db-1: CPU at 91.5 %",
        "  trigger to oncall: dead 2026-01-05 00:00:07 UTC (59m ago), 2 attempts; route rest [410 gone]",
        "  oncall is owed a resolve of wt:1 since 2026-01-05 00:00:05 UTC (59m ago)",
    ]
