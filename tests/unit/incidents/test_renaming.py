"""Channels under new names: which were renamed, and what an incident then knows them by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.clock import START
from watchtower.incidents.model import Incident
from watchtower.incidents.renaming import renamed, under
from watchtower.model import Labels, Priority

NAMES = {"oncall": "pager", "lead": "boss"}


@pytest.mark.parametrize(
    ("before", "today", "expected"),
    [
        ({"oncall": "key-1"}, {"pager": "key-1"}, {"oncall": "pager"}),
        ({"oncall": "key-1"}, {"pager": "key-2"}, {}),
        ({"oncall": "key-1"}, {"oncall": "key-1", "pager": "key-1"}, {}),
        ({"oncall": "key-1", "pager": "key-1"}, {"pager": "key-1"}, {"oncall": "pager"}),
        ({"oncall": "key-1", "pager": "key-2"}, {"pager": "key-1"}, {"oncall": "pager"}),
        ({"oncall": "key-1", "lead": "key-1"}, {"a": "key-1"}, {"lead": "a", "oncall": "a"}),
        ({"oncall": "key-1", "lead": "key-1"}, {"a": "key-1", "b": "key-1"}, {"lead": "a", "oncall": "b"}),
        ({"oncall": "key-1", "old": "key-1"}, {"old": "key-1", "pager": "key-1"}, {"oncall": "pager"}),
        ({"oncall": "key-1", "ops": "#ops"}, {"oncall": "#ops"}, {"ops": "oncall"}),
        ({}, {"pager": "key-1"}, {}),
    ],
    ids=[
        "another name for the same place",
        "another place under another name",
        "a second name for the same place",
        "one of two names is gone",
        "a name that was known leads there now",
        "one new name serves two old ones",
        "two new names serve two old ones",
        "the name that is new before one that was there",
        "a name that was known took over another place",
        "the first configuration",
    ],
)
def test_a_channel_is_renamed_when_its_name_is_gone_and_another_leads_where_it_led(
    before: dict[str, str], today: dict[str, str], expected: dict[str, str]
) -> None:
    assert renamed(before, today) == expected


def incident(**more: object) -> Incident:
    """An open one that tells pager and chat and will call the lead."""
    settings = {"group_wait": 0.0, "group_by": ["oncall"], "escalate": {"after": 900.0, "channels": ["lead"]}}
    base = Incident("i1", "route-1", Labels({"alert": "oncall"}), Priority.P1, START, ("oncall", "ops"), settings)
    return replace(base, **more)  # type: ignore[arg-type]


def test_an_incident_tells_calls_and_was_taken_by_the_new_names_and_keeps_the_rest() -> None:
    new = under(incident(acknowledged_via="oncall"), NAMES)
    assert (new.channels, new.acknowledged_via) == (("pager", "ops"), "pager")
    assert new.settings == {
        "group_wait": 0.0,
        "group_by": ["oncall"],
        "escalate": {"after": 900.0, "channels": ["boss"]},
    }
    assert new.group_labels == incident().group_labels


def test_what_a_storm_carries_comes_back_under_the_new_names() -> None:
    carried = {"channels": ["oncall"], "escalate": {"after": 60.0, "channels": ["lead"]}}
    new = under(incident(settings={"carried": carried}), NAMES)
    assert new.settings == {"carried": {"channels": ["pager"], "escalate": {"after": 60.0, "channels": ["boss"]}}}


def test_a_storm_is_the_storm_of_the_new_name() -> None:
    storm = incident(route="storm", group_labels=Labels({"channel": "oncall"}), settings={"storm": "oncall"})
    new = under(storm, NAMES)
    assert (new.settings, dict(new.group_labels)) == ({"storm": "pager"}, {"channel": "pager"})
