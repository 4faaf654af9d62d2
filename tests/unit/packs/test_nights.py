"""Every shipped rule through nights that must fire and nights that must not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.nights import Told, all_rules, first, night, rule_named
from tests.unit.packs import (
    alb_nights,
    announced_nights,
    ec2_nights,
    findings_nights,
    logs_nights,
    memcached_nights,
    rds_nights,
)
from watchtower.model import State

if TYPE_CHECKING:
    from watchtower.rulebook.rule import Rule

FIRING = (
    *rds_nights.FIRING,
    *ec2_nights.FIRING,
    *alb_nights.FIRING,
    *logs_nights.FIRING,
    *memcached_nights.FIRING,
    *announced_nights.FIRING,
    *findings_nights.FIRING,
)
ORDINARY = (
    *rds_nights.ORDINARY,
    *ec2_nights.ORDINARY,
    *alb_nights.ORDINARY,
    *logs_nights.ORDINARY,
    *memcached_nights.ORDINARY,
    *announced_nights.ORDINARY,
    *findings_nights.ORDINARY,
)
#: A finding is fixed or it is not: rules that count them need no second look before they end.
RECOVERING = [rule for rule in all_rules() if rule.recover is not None or rule.source not in ("ecr", "inspector")]
EVERY_RULE = pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)


@pytest.mark.parametrize("case", FIRING, ids=str)
def test_it_fires_at_the_exact_tick_rises_and_ends(case: Told) -> None:
    assert night(rule_named(case.rule), case.values).told == case.told
    assert case.told.endswith("OK")


@pytest.mark.parametrize("case", ORDINARY, ids=str)
def test_an_ordinary_night_fires_nothing(case: Told) -> None:
    seen = night(rule_named(case.rule), case.values)
    assert seen.told == case.told == ""
    assert State.ALARM not in {moment.state for moment in seen.moments}


@EVERY_RULE
def test_every_priority_of_a_rule_is_reached_in_some_night(rule: Rule) -> None:
    reached = {word for case in FIRING if case.rule == rule.name for word in re.findall(r"P\d", case.told)}
    assert reached == {str(level.priority) for level in rule.levels}


@pytest.mark.parametrize("rule", RECOVERING, ids=lambda rule: rule.name)
def test_every_rule_has_a_night_in_which_it_lingers_between_alarm_and_recovery(rule: Rule) -> None:
    """The values are no alarm any more and not yet well: it goes on firing, and nobody is told anything new."""
    mine = [night(rule, case.values) for case in FIRING if case.rule == rule.name]
    assert any(moment.state is State.ALARM and moment.recovering for one in mine for moment in one.moments)


@EVERY_RULE
def test_every_rule_has_an_ordinary_night(rule: Rule) -> None:
    assert any(case.rule == rule.name for case in ORDINARY)


@pytest.mark.parametrize("case", FIRING, ids=str)
def test_whatever_is_told_of_it_can_be_read(case: Told) -> None:
    seen = night(rule_named(case.rule), case.values)
    assert seen.notes == ()
    for _, change in seen.changes:
        name, _, rest = change.summary.partition(": ")
        assert name.split()[0] in change.key.identity.values()
        assert rest
        assert not re.search(r"\s\s|\n|None|\{", change.summary)


@EVERY_RULE
def test_a_series_that_falls_silent_while_it_fires_is_told_of_without_a_figure(rule: Rule) -> None:
    """Silence ends the alert or leaves it saying that it knows nothing; a zero that nobody measured is never shown."""
    for case in FIRING:
        if case.rule == rule.name:
            alarmed = max(int(tick) for tick in re.findall(r"(\d+): P", case.told))
            silent = night(rule, f"{first(case.values, alarmed)} _x40")
            assert silent.notes == ()
            assert silent.moments[-1].state is not State.ALARM
            _, last = silent.changes[-1]
            assert last.value is None
            assert not re.search(r"\d", last.summary)
