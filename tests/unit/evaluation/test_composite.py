"""Composites: whose states count, which groups there are, when they begin and end, and what holds them back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.evaluation.making import START, level, rule
from watchtower.clock import from_epoch
from watchtower.evaluation.composite import due, judge_composite, judge_composites
from watchtower.model import (
    EMPTY,
    AlertKey,
    AlertState,
    Labels,
    Priority,
    State,
    SuppressedBy,
    Suppression,
    Transition,
)
from watchtower.sources.composite import CompositeQuery

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.evaluation.outcome import Outcome
    from watchtower.rulebook.rule import Rule

ALARM, OK, DARK = State.ALARM, State.OK, State.INSUFFICIENT_DATA
SHOP = Labels({"account": "main", "LoadBalancer": "app/shop"})


def composite(text: str, name: str = "Broken", *, by: tuple[str, ...] = (), more: dict[str, Any] | None = None) -> Rule:
    """``more`` are texts of the rule, and its suppressor."""
    given = dict(more or {})
    query = CompositeQuery.model_validate({"expression": text, "by": by, "suppressor": given.pop("suppressor", None)})
    return replace(rule(level("P1", "ALARM"), source="composite", **given), name=name, query=query)


@dataclass
class Night:
    """A composite and the alerts it reads, on a clock of minutes."""

    rule: Rule
    others: tuple[Rule, ...] = ()
    minute: float = 0
    alerts: dict[AlertKey, AlertState] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return from_epoch(START + self.minute * 60)

    def alert(
        self, name: str, state: State, identity: Labels = EMPTY, *, firing: bool | None = None, **more: Any
    ) -> Night:
        """An alert of another rule is in this state from now on."""
        key = AlertKey(name, identity)
        fires = state is ALARM if firing is None else firing
        priority = Priority.P3 if fires else None
        reason = f"{name} is {state}"
        known = AlertState(
            key, identity.merged({"alert": name}), state, fires, priority, 1.0, reason, self.now, self.now
        )
        self._keep(replace(known, **more))
        return self

    def at(self, minute: float, **alerts: State) -> Night:
        """At a minute these alerts go into these states, and the composite is judged."""
        self.minute = minute
        for name, state in alerts.items():
            self.alert(name, state)
        self.judge()
        return self

    def judge(self) -> Outcome:
        outcomes = judge_composites((*self.others, self.rule), list(self.alerts.values()), self.now, "production")
        for outcome in outcomes:
            for state in outcome.states:
                self._keep(state)
            for each in outcome.transitions:
                self.transitions.append(each)
                silent = "" if each.notify else " (untold)"
                self.told.append(f"{self.minute:g}: {each.from_state} -> {each.to_state}{silent}")
        return outcomes[-1]

    def own(self, identity: Labels = EMPTY) -> AlertState | None:
        return self.alerts.get(AlertKey(self.rule.name, identity))

    def firing(self) -> list[Labels]:
        return [key.identity for key, state in self.alerts.items() if key.rule == self.rule.name and state.firing]

    def _keep(self, state: AlertState) -> None:
        self.alerts[state.key] = state
        if state.state is OK and not state.firing:
            del self.alerts[state.key]


def night(text: str, **more: Any) -> Night:
    return Night(composite(text, **more))


# -- the words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "a", "fires"),
    [
        ("ALARM(A)", [], False),
        ("ALARM(A)", [ALARM], True),
        ("ALARM(A)", [DARK], False),
        ("ALARM(A)", [DARK, ALARM], True),
        ("OK(A)", [], True),
        ("OK(A)", [ALARM], False),
        ("OK(A)", [DARK], False),
        ("INSUFFICIENT_DATA(A)", [], False),
        ("INSUFFICIENT_DATA(A)", [DARK], True),
        ("INSUFFICIENT_DATA(A)", [DARK, ALARM], False),
        ("NOT ALARM(A)", [], True),
        ("NOT ALARM(A)", [ALARM], False),
        ("NOT OK(A) AND NOT ALARM(A)", [DARK], True),
        ("TRUE", [], True),
        ("FALSE OR ALARM(A)", [], False),
        ("ALARM(A) AND FALSE", [ALARM], False),
        ("TRUE AND (FALSE OR ALARM(A))", [ALARM], True),
    ],
)
def test_a_rule_is_in_alarm_if_any_alert_is_else_dark_if_any_is_else_ok(text: str, a: list[State], fires: bool) -> None:
    story = night(text)
    for number, state in enumerate(a):
        story.alert("A", state, Labels({"n": str(number)}))
    story.judge()
    assert bool(story.firing()) is fires


def test_an_alert_that_recovers_is_still_in_alarm() -> None:
    assert night("ALARM(A)").alert("A", ALARM, recovering=True).judge().alarms == 1


def test_alerts_of_other_rules_make_no_difference() -> None:
    story = night("ALARM(A)").alert("B", ALARM)
    story.judge()
    assert story.firing() == []


# -- an episode --------------------------------------------------------------------------------------------------------


def test_it_begins_and_ends_with_what_it_names_and_says_which_alert_made_it_so() -> None:
    story = night("ALARM(AlbErrors) AND NOT ALARM(OrdersUnusual)")
    story.alert("AlbErrors", ALARM, SHOP).judge()
    began = story.transitions[0]
    assert (began.from_state, began.to_state, began.priority, began.notify) == (OK, ALARM, Priority.P1, True)
    assert began.reason == "ALARM(AlbErrors): app/shop is in ALARM; NOT ALARM(OrdersUnusual): it is OK"
    assert began.summary == f"Broken: {began.reason}"
    assert began.evidence == ('AlbErrors{LoadBalancer="app/shop", account="main"}: AlbErrors is ALARM',)
    assert (began.rule_file, began.rule_line, began.value) == ("rules/rds.yaml", 4, None)

    story.minute = 3
    story.alert("AlbErrors", OK, SHOP).judge()
    ended = story.transitions[1]
    assert (ended.from_state, ended.to_state, ended.at) == (ALARM, OK, story.now)
    assert ended.reason == "NOT ALARM(AlbErrors): it is OK"
    assert ended.summary == "Broken: OK"
    assert story.alerts == {}


def test_what_has_been_told_is_not_told_again() -> None:
    story = night("ALARM(A)").at(0, A=ALARM).at(1).at(2)
    assert story.told == ["0: OK -> ALARM"]
    assert story.judge().states == ()


def test_a_reason_follows_the_alerts_that_come_and_go() -> None:
    story = night("ALARM(A)")
    for name in "vwxyz":
        story.alert("A", ALARM, Labels({"host": name}))
    story.judge()
    story.alert("A", OK, Labels({"host": "v"})).alert("A", OK, Labels({"host": "w"})).judge()

    assert story.transitions[0].reason == "ALARM(A): v, w, x and 2 more are in ALARM"
    own = story.own()
    assert own is not None
    assert own.reason == "ALARM(A): x, y, z are in ALARM"
    assert len(story.transitions) == 1


def test_the_next_episode_has_the_next_number() -> None:
    story = night("ALARM(A)").at(0, A=ALARM)
    first = story.own()
    assert first is not None
    resolved = replace(first, state=OK, firing=False, priority=None)
    again = judge_composite(
        story.rule, [replace(first, key=AlertKey("A", EMPTY))], {first.key: resolved}, story.now, ""
    )
    assert (first.seq, again.states[0].seq) == (1, 2)


def test_a_template_sees_the_group_and_the_reason() -> None:
    texts = {
        "summary": "{{ labels.account }} {{ labels.tier }}: {{ reason }}",
        "labels": {"tier": "t-{{ labels.account }}"},
    }
    story = night("ALARM(A)", by=("account",), more=texts)
    story.alert("A", ALARM, SHOP).judge()
    assert story.transitions[0].summary == "main t-main: ALARM(A): app/shop is in ALARM"
    assert dict(story.transitions[0].labels) == {
        "alert": "Broken",
        "account": "main",
        "environment": "production",
        "group": "rds",
        "priority": "P1",
        "source": "composite",
        "tier": "t-main",
    }


def test_a_rule_without_notifications_tells_nobody() -> None:
    story = night("ALARM(A)", more={"notify": False}).at(0, A=ALARM)
    assert story.told == ["0: OK -> ALARM (untold)"]


def test_an_alert_that_fires_without_data_does_not_end_it() -> None:
    """Silence ends nothing: its incident stays open, marked."""
    story = night("ALARM(A)").at(0, A=ALARM)
    story.minute = 2
    story.alert("A", DARK, firing=True, no_data_since=from_epoch(START + 60)).judge()
    dark = story.own()
    assert dark is not None
    assert (dark.state, dark.firing, dark.no_data_since) == (DARK, True, from_epoch(START + 60))
    assert dark.reason == "NOT ALARM(A): it is in INSUFFICIENT_DATA; it was in ALARM when its data ended"

    story.at(3, A=ALARM)
    alight = story.own()
    assert alight is not None
    assert (alight.state, alight.no_data_since, alight.seq) == (ALARM, None, 1)
    story.at(4, A=OK)
    assert story.told == [
        "0: OK -> ALARM",
        "2: ALARM -> INSUFFICIENT_DATA",
        "3: INSUFFICIENT_DATA -> ALARM",
        "4: ALARM -> OK",
    ]


def test_an_alert_that_fires_without_data_does_not_begin_one() -> None:
    story = night("ALARM(A)").alert("A", DARK, firing=True)
    story.judge()
    assert story.told == []


def test_it_ends_while_one_is_dark_when_another_decides() -> None:
    story = night("ALARM(A) AND ALARM(B)").at(0, A=ALARM, B=ALARM)
    story.minute = 1
    story.alert("A", DARK, firing=True).alert("B", OK).judge()
    assert story.told == ["0: OK -> ALARM", "1: ALARM -> OK"]


# -- groups ------------------------------------------------------------------------------------------------------------


def test_each_group_is_an_alert_of_its_own() -> None:
    story = night("ALARM(A) AND NOT ALARM(B)", by=("account", "region"))
    for account in ("dev", "prod"):
        story.alert("A", ALARM, Labels({"account": account, "region": "eu", "host": "h"}))
    story.alert("B", ALARM, Labels({"account": "dev", "region": "eu", "queue": "q"}))
    story.alert("B", ALARM, Labels({"account": "prod", "region": "us", "queue": "q"}))
    outcome = story.judge()

    assert story.firing() == [Labels({"account": "prod", "region": "eu"})]
    assert (outcome.evaluated, outcome.alarms) == (3, 1)
    assert story.transitions[0].summary.endswith(", prod, eu")


def test_a_group_ends_when_none_of_its_alerts_is_left() -> None:
    story = night("ALARM(A)", by=("account",)).alert("A", ALARM, SHOP)
    story.judge()
    story.minute = 1
    story.alert("A", OK, SHOP).judge()
    assert story.told == ["0: OK -> ALARM", "1: ALARM -> OK"]
    assert story.judge().evaluated == 0


def test_a_label_that_is_no_part_of_the_identity_groups_too() -> None:
    story = night("ALARM(A)", by=("tenant",))
    story.alert("A", ALARM, SHOP, labels=SHOP.merged({"tenant": "shop"})).judge()
    assert story.firing() == [Labels({"tenant": "shop"})]


def test_a_label_that_is_missing_is_an_empty_one() -> None:
    story = night("ALARM(A)", by=("account", "tenant"))
    story.alert("A", ALARM, SHOP)
    story.alert("A", ALARM, Labels({"host": "h"}), labels=Labels({"account": "main", "tenant": ""})).judge()
    assert story.firing() == [Labels({"account": "main"})]


def test_an_alert_that_never_fired_and_lacks_a_label_is_in_no_group() -> None:
    """The labels that templates make are not known before it fires."""
    story = night("NOT ALARM(A)", by=("tenant",)).alert("A", DARK, SHOP)
    assert story.judge().evaluated == 0


def test_composites_of_composites_follow_at_once() -> None:
    low = composite("ALARM(A)", "Low", by=("account",))
    middle = composite("NOT ALARM(Low)", "Middle", by=("account",))
    story = Night(composite("ALARM(Low) AND NOT ALARM(Middle)"), (low, middle))
    story.alert("A", ALARM, SHOP).judge()
    assert {(key.rule, state.state) for key, state in story.alerts.items()} == {
        ("A", ALARM),
        ("Low", ALARM),
        ("Broken", ALARM),
    }


# -- the suppressor ----------------------------------------------------------------------------------------------------

#: The units of the published timelines are minutes here.
PERIODS = {"alert": "Suppressor", "wait": "2m", "extension": "3m"}


def timeline(*, suppressor_in_alarm: bool = False) -> Night:
    """A wait of 2 and an extension of 3 units."""
    story = night("ALARM(A)", more={"suppressor": PERIODS})
    return story.at(0, Suppressor=ALARM) if suppressor_in_alarm else story.at(0)


def every_minute(story: Night, until: int) -> Night:
    for minute in range(int(story.minute) + 1, until + 1):
        story.at(minute)
    return story


def rung(story: Night) -> list[str]:
    """When somebody was told, of what."""
    return [each for each in story.told if "untold" not in each]


def test_published_timeline_1_the_suppressor_stays_ok_and_it_is_told_when_the_wait_is_over() -> None:
    story = every_minute(timeline().at(2, A=ALARM), 12)
    assert rung(story) == ["4: ALARM -> ALARM"]
    assert story.told[0] == "2: OK -> ALARM (untold)"
    assert story.transitions[0].unsent == "held back until 00:04:00 UTC: Suppressor has 2m to go into ALARM"
    assert story.transitions[1].reason == "ALARM(A): it is in ALARM; no longer held back"


def test_published_timeline_2_a_suppressor_that_goes_into_alarm_ends_the_wait_and_suppresses() -> None:
    story = every_minute(timeline().at(2, A=ALARM).at(3, Suppressor=ALARM), 12)
    assert rung(story) == []
    assert [each.unsent for each in story.transitions[1:]] == ["suppressed by Suppressor, which is in ALARM"]


def test_published_timeline_3_a_composite_that_ends_within_the_wait_was_never_told() -> None:
    """CloudWatch takes the action of OK at t5. Of a beginning that nobody was told there is no end to tell."""
    story = every_minute(timeline().at(2, A=ALARM).at(3, A=OK), 12)
    assert story.told == ["2: OK -> ALARM (untold)", "3: ALARM -> OK (untold)"]
    assert story.transitions[1].unsent == "nobody was told of its beginning, which was held back"
    assert story.own() is None


def test_published_timeline_3_the_wait_starts_anew() -> None:
    story = every_minute(timeline().at(2, A=ALARM).at(3, A=OK).at(3.5, A=ALARM), 12)
    assert rung(story) == ["6: ALARM -> ALARM"]
    story = timeline().at(2, A=ALARM).at(3, A=OK).at(3.5, A=ALARM)
    assert rung(story.at(5.4)) == []
    assert rung(story.at(5.5)) == ["5.5: ALARM -> ALARM"]


def test_published_timeline_4_a_suppressor_that_is_in_alarm_already_suppresses() -> None:
    story = every_minute(timeline(suppressor_in_alarm=True).at(2, A=ALARM), 12)
    assert rung(story) == []
    assert story.told == ["2: OK -> ALARM (untold)"]


def test_published_timeline_5_when_the_suppressor_ends_the_extension_passes_first() -> None:
    story = every_minute(timeline().at(2, A=ALARM).at(3, Suppressor=ALARM).at(6, Suppressor=OK), 12)
    assert rung(story) == ["9: ALARM -> ALARM"]
    extension = "held back until 00:09:00 UTC: Suppressor left ALARM, and an extension of 3m follows"
    assert story.transitions[2].unsent == extension


def test_published_timeline_6_a_composite_that_ends_within_the_extension_was_never_told() -> None:
    """CloudWatch takes the action of OK at t9, a wait after t7; nothing is left to be told then."""
    story = timeline().at(2, A=ALARM).at(3, Suppressor=ALARM).at(6, Suppressor=OK)
    every_minute(story.at(7, A=OK), 12)
    assert rung(story) == []
    assert story.told[-1] == "7: ALARM -> OK (untold)"
    assert story.own() is None


def test_published_timeline_6_the_extension_is_discarded_and_a_wait_begins() -> None:
    story = timeline().at(2, A=ALARM).at(3, Suppressor=ALARM).at(6, Suppressor=OK)
    every_minute(story.at(7, A=OK).at(7.5, A=ALARM), 9)
    assert rung(story) == []
    assert rung(story.at(9.5)) == ["9.5: ALARM -> ALARM"]


def test_a_suppressor_that_comes_back_within_the_extension_suppresses_again() -> None:
    story = timeline().at(2, A=ALARM).at(3, Suppressor=ALARM).at(6, Suppressor=OK).at(8, Suppressor=ALARM)
    assert rung(every_minute(story, 12)) == []
    assert rung(every_minute(story.at(13, Suppressor=OK), 20)) == ["16: ALARM -> ALARM"]


def test_it_is_in_alarm_while_it_is_held_back_and_what_holds_it_is_remembered() -> None:
    story = timeline().at(2, A=ALARM)
    own = story.own()
    assert own is not None
    assert (own.state, own.firing, own.priority) == (ALARM, True, Priority.P1)
    ends = from_epoch(START + 4 * 60)
    assert own.memory.suppressed == Suppression(SuppressedBy.WAIT, ends, "Suppressor")
    assert due([own]) == due(story.alerts.values()) == ends
    assert due([]) is None


def test_nothing_is_due_while_the_suppressor_is_in_alarm() -> None:
    assert due(timeline(suppressor_in_alarm=True).at(2, A=ALARM).alerts.values()) is None


def test_the_end_of_what_was_told_is_told_at_once_whatever_the_suppressor_says() -> None:
    story = every_minute(timeline().at(2, A=ALARM), 5).at(6, Suppressor=ALARM).at(7, A=OK)
    assert rung(story) == ["4: ALARM -> ALARM", "7: ALARM -> OK"]


def test_what_was_told_is_not_held_back_later() -> None:
    story = every_minute(timeline().at(2, A=ALARM), 5).at(6, Suppressor=ALARM).at(7, Suppressor=OK).at(11)
    assert rung(story) == ["4: ALARM -> ALARM"]
    assert len(story.told) == 2


def test_a_composite_that_loses_its_data_while_it_is_held_back_is_not_told() -> None:
    story = timeline().at(2, A=ALARM)
    story.minute = 3
    story.alert("A", DARK, firing=True).judge()
    every_minute(story, 6)
    assert rung(story) == []
    story.at(7, A=ALARM)
    assert rung(story) == ["7: INSUFFICIENT_DATA -> ALARM"]


def test_a_suppressor_without_periods_suppresses_while_it_is_in_alarm() -> None:
    story = night("ALARM(A)", more={"suppressor": {"alert": "Suppressor"}}).at(0, A=ALARM)
    assert rung(story) == ["0: OK -> ALARM"]
    story = night("ALARM(A)", more={"suppressor": {"alert": "Suppressor"}}).at(0, A=ALARM, Suppressor=ALARM)
    assert rung(story.at(1).at(2, Suppressor=OK)) == ["2: ALARM -> ALARM"]


def test_a_suppressor_without_data_suppresses_nothing() -> None:
    story = night("ALARM(A)", more={"suppressor": {"alert": "Suppressor"}})
    story.alert("Suppressor", DARK, firing=True).at(0, A=ALARM)
    assert rung(story) == ["0: OK -> ALARM"]


def test_a_suppressor_holds_the_groups_that_have_its_labels() -> None:
    story = night("ALARM(A)", by=("account", "region"), more={"suppressor": {"alert": "Suppressor"}})
    for account, region in (("dev", "eu"), ("prod", "eu"), ("prod", "us")):
        story.alert("A", ALARM, Labels({"account": account, "region": region}))
    story.alert("Suppressor", ALARM, Labels({"account": "prod", "pipeline": "p"})).judge()
    assert sorted(story.told) == ["0: OK -> ALARM", "0: OK -> ALARM (untold)", "0: OK -> ALARM (untold)"]
    assert [each.labels["account"] for each in story.transitions if each.notify] == ["dev"]


def test_a_suppressor_that_left_the_rules_holds_nothing_back_any_more() -> None:
    story = timeline(suppressor_in_alarm=True).at(2, A=ALARM)
    story.rule = composite("ALARM(A)")
    assert rung(story.at(3)) == ["3: ALARM -> ALARM"]
    assert story.told[1:] == ["3: ALARM -> ALARM"]


def test_a_clock_that_was_set_back_makes_no_period_longer() -> None:
    story = timeline().at(2, A=ALARM).at(-600)
    own = story.own()
    assert own is not None
    assert own.memory.suppressed == Suppression(SuppressedBy.WAIT, story.now + timedelta(minutes=2), "Suppressor")
    assert rung(story.at(-598)) == ["-598: ALARM -> ALARM"]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40), st.integers(0, 4), st.integers(0, 4))
def test_whatever_happens_each_trigger_has_one_resolve_and_none_comes_too_early(
    nights: list[tuple[bool, bool]], wait: int, extension: int
) -> None:
    """Minute by minute: whether the composite is true, and whether its suppressor is in ALARM."""
    periods = {"alert": "Suppressor", "wait": f"{wait}m", "extension": f"{extension}m"}
    story = night("ALARM(A)", more={"suppressor": periods})
    told, expected, free_at = False, list[str](), 0
    was_up = was_held = False
    for minute, (up, held) in enumerate(nights):
        story.at(minute, A=ALARM if up else OK, Suppressor=ALARM if held else OK)
        if not up:
            expected += [f"{minute}: ALARM -> OK"] if told else []
            told = False
        elif not was_up and not held:
            free_at = minute + wait
        elif was_held and not held:
            free_at = minute + extension
        if up and not held and not told and minute >= free_at:
            expected.append(f"{minute}: {'ALARM' if was_up else 'OK'} -> ALARM")
            told = True
        was_up, was_held = up, held
    assert rung(story) == expected
