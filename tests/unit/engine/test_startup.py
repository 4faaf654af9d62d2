"""After a start the first flush waits for whoever may hold others back, but not for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import START
from tests.support.make import health, rule, unit
from watchtower.engine.plan import SELF, Plan
from watchtower.engine.startup import Gate, evaluated, feeders
from watchtower.incidents.config import InhibitConfig
from watchtower.incidents.inhibition import compile_inhibitions
from watchtower.model import Priority
from watchtower.sources.base import Ask
from watchtower.templates import Template

if TYPE_CHECKING:
    from watchtower.rulebook.rule import Rule

LATER, EARLIER = START + timedelta(seconds=60), START - timedelta(seconds=1)


def plan(*rules: Rule) -> Plan:
    units = [unit(id=f"u-{one.name}", asks=(Ask(one.name, None, 60, 3, Priority.P1),)) for one in rules]
    return Plan({one.name: one for one in rules}, {SELF.id: SELF, **{one.id: one for one in units}})


def named(name: str, **labels: str) -> Rule:
    return replace(
        rule("CpuHigh", Priority.P3), name=name, labels={key: Template(text) for key, text in labels.items()}
    )


def fed(*matchers: str) -> frozenset[str]:
    rules = [
        named("Failover", service="db"),
        named("Connections", service="web"),
        named("Any", service="{{ labels.x }}"),
    ]
    config = InhibitConfig.model_validate({"source": list(matchers), "target": ["alert=Other"]})
    return feeders(plan(*rules), compile_inhibitions([config]))


@pytest.mark.parametrize(
    ("matchers", "units"),
    [
        (["alert=Failover"], {"u-Failover"}),
        (["alertname=Failover"], {"u-Failover"}),
        (["alert=~Fail.*|Conn.*"], {"u-Failover", "u-Connections"}),
        (["service=db"], {"u-Failover", "u-Any", SELF.id}),
        (["service=db", "alert!=Any"], {"u-Failover", SELF.id}),
        (["service=db", "alert=~Any|Failover"], {"u-Failover", "u-Any"}),
        (["alert=Failover", "priority=P1"], set()),
        (["alert=Failover", "cluster=a"], {"u-Failover"}),
        (["alert=Nobody"], set()),
        (["alert=WatchtowerSourceFailing"], {SELF.id}),
    ],
)
def test_the_units_are_waited_for_whose_alerts_may_inhibit(matchers: list[str], units: set[str]) -> None:
    assert fed(*matchers) == units


def test_nobody_is_waited_for_without_inhibition() -> None:
    assert feeders(plan(named("Failover")), ()) == frozenset()


def test_a_unit_is_up_to_date_when_its_newest_slot_is_done_or_has_failed() -> None:
    units = [
        health(id="done", due_at=LATER, last_tick=1),
        health(id="failed", due_at=LATER, failing_since=START, failures=1),
        health(id="new", due_at=EARLIER),
        health(id="overdue", due_at=EARLIER, last_tick=1),
        health(id="first slot to come", due_at=LATER),
    ]
    assert evaluated(units, {}, START) == {"done", "failed"}


def test_a_unit_whose_poll_takes_as_long_as_its_period_is_evaluated_when_it_was_polled() -> None:
    first = health(id="slow", due_at=EARLIER, last_tick=1)
    assert evaluated([first], {"slow": first}, START) == frozenset()
    for later in (
        health(id="slow", due_at=EARLIER, last_tick=2),
        health(id="slow", due_at=EARLIER, last_tick=1, failures=1),
    ):
        assert evaluated([later], {"slow": first}, START) == {"slow"}


def test_the_gate_opens_when_every_unit_was_up_to_date_once() -> None:
    gate, units = Gate(), frozenset({"a", "b"})
    first = [health(id="a", due_at=LATER, last_tick=1), health(id="b", due_at=EARLIER)]
    assert gate.look(units, first, START, 0)
    assert gate.missing == frozenset({"b"})
    assert not gate.open
    assert not gate.look(units, first, START, 1), "nothing new to tell"
    second = [health(id="a", due_at=EARLIER, last_tick=1), health(id="b", due_at=LATER, failing_since=START)]
    gate.look(units, second, START, 2)
    assert not gate.missing
    assert gate.open


def test_the_gate_opens_after_a_minute_whatever_is_missing() -> None:
    gate, units = Gate(), frozenset({"a"})
    for elapsed, opened in ((1000, False), (1059.9, False), (1060, True), (1061, True)):
        gate.look(units, [], START, elapsed)
        assert gate.open is opened


def test_the_gate_is_open_at_once_when_nobody_is_waited_for() -> None:
    gate = Gate()
    assert not gate.look(frozenset(), [], START, 0)
    assert gate.open
