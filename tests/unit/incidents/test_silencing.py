"""What a click on "Silence 1 h" holds back: the incident, and as little else as can be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.clock import START
from tests.support.stores import incident, key, member
from watchtower.incidents.silencing import matchers_of, silence_of
from watchtower.model import AlertKey, Labels

if TYPE_CHECKING:
    from watchtower.incidents.model import Incident

KEYS = {one.id: one for one in (key("db-1"), key("db-2"))}


def an_incident(*names: str) -> Incident:
    members = tuple(replace(member(name), alert_id=key(name).id) for name in names)
    return incident(members=members, group_labels=Labels({"alert": "CpuHigh", "account": "prod"}))


def said(told: Incident, keys: dict[str, AlertKey] = KEYS) -> list[str]:
    return [str(matcher) for matcher in matchers_of(told, keys)]


def test_an_incident_of_one_alert_silences_that_alert_and_not_its_neighbours() -> None:
    assert said(an_incident("db-1")) == ['alert="CpuHigh"', 'account="prod"', 'db="db-1"']


def test_an_incident_of_several_silences_what_they_share() -> None:
    assert said(an_incident("db-1", "db-2")) == ['alert="CpuHigh"', 'account="prod"']


def test_alerts_that_ended_do_not_widen_the_silence() -> None:
    both = an_incident("db-1", "db-2")
    ended = replace(both, members=(both.members[0], replace(both.members[1], firing=False)))
    assert said(ended) == ['alert="CpuHigh"', 'account="prod"', 'db="db-1"']


def test_several_rules_are_silenced_by_their_names() -> None:
    both = an_incident("db-1", "db-2")
    mixed = replace(both, members=(both.members[0], replace(both.members[1], name="Disk.Full")))
    assert said(mixed)[0] == 'alert=~"CpuHigh|Disk\\\\.Full"'


def test_an_alert_whose_identity_is_not_known_any_more_is_silenced_by_its_group() -> None:
    assert said(an_incident("db-1"), {}) == ['alert="CpuHigh"', 'account="prod"']


def test_it_lasts_an_hour_and_says_who_and_why() -> None:
    kept = silence_of(an_incident("db-1"), KEYS, by="ana", comment="from Slack", now=START, silence_id="s1")
    assert (kept.ends_at - kept.starts_at).total_seconds() == 3600
    assert (kept.id, kept.created_by, kept.comment, kept.expire_on_resolve) == ("s1", "ana", "from Slack", False)
