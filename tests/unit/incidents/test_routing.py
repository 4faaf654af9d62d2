"""Routes are asked in the order of the file."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from watchtower.incidents.config import InhibitConfig, MuteConfig, RouteConfig
from watchtower.incidents.grouping import group_of
from watchtower.incidents.routing import Route, compile_routes, route_for
from watchtower.model import Labels

SECURITY: dict[str, object] = {"name": "security", "match": ['team="security"'], "channels": ["ops"]}
URGENT: dict[str, object] = {"name": "urgent", "match": ['priority=~"P1|P2"'], "channels": ["oncall", "ops", "oncall"]}
REST: dict[str, object] = {"channels": ["ops"], "group_wait": "30s"}


def routes(*configs: dict[str, object]) -> tuple[Route, ...]:
    return compile_routes([RouteConfig.model_validate(config) for config in configs])


ALL = routes(SECURITY, URGENT, REST)


def test_the_first_route_that_matches_wins() -> None:
    taken = route_for({"team": "security", "priority": "P1"}, ALL)
    assert [each.route.name for each in taken] == ["security"]
    assert taken[0].reason == 'route security matches team="security"'


def test_a_route_that_continues_lets_the_next_ones_be_asked() -> None:
    taken = route_for({"priority": "P1"}, routes({**URGENT, "continue": True}, SECURITY, REST, REST))
    assert [each.route.name for each in taken] == ["urgent", "route-3"]
    assert taken[1].reason == "route route-3 matches every alert"


def test_an_alert_that_no_route_matches_is_taken_by_none() -> None:
    assert route_for({"priority": "P4"}, routes(SECURITY, URGENT)) == []


def test_a_route_without_a_name_is_called_by_its_place() -> None:
    assert [route.name for route in ALL] == ["security", "urgent", "route-3"]


def test_a_channel_named_twice_is_told_once() -> None:
    assert ALL[1].channels == ("oncall", "ops")


def test_defaults_are_those_of_the_contract() -> None:
    route = routes({"channels": ["ops"]})[0]
    assert (route.group_by, route.group_wait, route.group_interval) == (("alert", "account", "region"), 0, 60)


def test_a_missing_group_label_equals_an_empty_one() -> None:
    route = ALL[2]
    assert group_of({"alert": "A", "account": ""}, route) == group_of({"alert": "A"}, route)
    assert group_of({"alert": "A", "region": "x"}, route) != group_of({"alert": "A"}, route)


def test_alertname_groups_by_the_label_alert() -> None:
    route = routes({"channels": ["ops"], "group_by": ["alertname", "alert"]})[0]
    assert group_of({"alert": "A", "other": "x"}, route) == Labels({"alert": "A"})


@pytest.mark.parametrize(
    "config",
    [
        {"channels": []},
        {"channels": ["ops"], "match": ['team="a', "x=y"]},
        {"channels": ["ops"], "match": ['team=~"("']},
        {"channels": ["ops"], "group_wait": 30},
        {"channels": ["ops"], "during": {}},
        {"channels": ["ops"], "during": {"weekly": "Mon 08:00-09:00", "to": "2026-12-01T22:00:00Z"}},
        {"channels": ["ops"], "during": {"from": "2026-12-01T22:00:00Z"}},
        {"channels": ["ops"], "during": {"from": "2026-12-01T22:00:00Z", "to": "2026-12-01T21:00:00Z"}},
        {"channels": ["ops"], "during": {"weekly": "Mon 08:00-08:00"}},
        {"channels": ["ops"], "during": {"weekly": []}},
        {"channels": ["ops"], "during": {"weekly": "Mon", "timezone": "Europe/Madird"}},
        {"channels": ["ops"], "escalate": {"channels": ["lead"]}},
        {"channels": ["ops"], "continues": True},
    ],
)
def test_a_route_that_cannot_work_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RouteConfig.model_validate(config)


def test_a_faulty_matcher_is_refused_where_it_stands() -> None:
    with pytest.raises(ValidationError) as refused:
        RouteConfig.model_validate({"channels": ["ops"], "match": ["a=b", "oops"]})
    assert [fault["loc"] for fault in refused.value.errors()] == [("match", 1)]


def test_the_whole_grammar_of_the_contract_is_read() -> None:
    route = RouteConfig.model_validate(
        {
            **URGENT,
            "repeat": "4h",
            "escalate": {"after": "15m", "channels": ["lead"]},
            "during": {"weekly": "Mon-Fri 08:00-20:00", "timezone": "Europe/Madrid"},
        }
    )
    assert (route.repeat, route.escalate is not None and route.escalate.after) == (14_400, 900)
    held = InhibitConfig.model_validate(
        {"source": ['alert="A"'], "target": ['alert="B"'], "equal": ["account"], "extension": "5m"}
    )
    assert (held.wait, held.extension) == (0, 300)
    mute = MuteConfig.model_validate({"name": "cutover", "from": "2026-12-01T22:00:00Z", "to": "2026-12-02T02:00:00Z"})
    assert mute.from_ is not None
    assert mute.from_.hour == 22


def test_a_dated_window_without_an_offset_goes_by_the_clocks_of_its_time_zone() -> None:
    during = {"from": "2026-12-01T22:00:00", "to": "2026-12-02T02:00:00Z", "timezone": "Europe/Madrid"}
    hours = routes({"channels": ["ops"], "during": during})[0].hours
    assert hours is not None
    assert hours.dated == (datetime(2026, 12, 1, 21, tzinfo=UTC), datetime(2026, 12, 2, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        pytest.param("2026-10-25T02:30:00", "2026-10-25T02:40:00", ("00:30", "01:40"), id="times that come twice"),
        pytest.param("2026-03-29T01:30:00", "2026-03-29T02:30:00", ("00:30", "01:00"), id="an end that is jumped over"),
        pytest.param("2026-10-25T02:30:00+02:00", "2026-10-25T02:40:00+02:00", ("00:30", "00:40"), id="with offsets"),
    ],
)
def test_a_dated_window_holds_as_a_weekly_one_when_clocks_change(
    begin: str, end: str, expected: tuple[str, str]
) -> None:
    mute = MuteConfig.model_validate({"name": "cutover", "from": begin, "to": end, "timezone": "Europe/Madrid"})
    assert mute.window.dated is not None
    assert tuple(f"{moment:%H:%M}" for moment in mute.window.dated) == expected


def test_hours_may_be_a_list() -> None:
    during = {"weekly": ["Mon 08:00-09:00", "Tue 10:00-11:00"]}
    hours = routes({"channels": ["ops"], "during": during})[0].hours
    assert hours is not None
    assert [(span.day, span.start) for span in hours.spans] == [(0, 480), (1, 600)]
