"""Alerts and their groups over /api/v2, as clients of Alertmanager read them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.stores import key, state
from tests.unit.web.rig import firing_member
from watchtower.errors import StoreError
from watchtower.model import AlertMemory, Labels, Priority, State

if TYPE_CHECKING:
    from tests.unit.web.rig import Rig


def ids(alerts: list[dict[str, Any]]) -> list[str]:
    return sorted(alert["labels"]["db"] for alert in alerts)


async def test_an_alert_is_shown_with_every_field_of_the_published_shape(rig: Rig) -> None:
    await rig.firing(state("db-1", when=60))
    await rig.paged(firing_member("db-1", annotations=Labels({"dashboard": "https://example.com/d"})))
    rig.clock.advance(120)

    [alert] = await rig.get("/api/v2/alerts")

    link = alert.pop("generatorURL")
    assert alert == {
        "annotations": {
            "dashboard": "https://example.com/d",
            "reason": "2 of 2 above 80",
            "runbook": "https://runbooks.example.com/cpu",
            "summary": "db-1: CPU at 91.5 %",
        },
        "startsAt": "2026-01-05T00:00:00.000Z",
        "updatedAt": "2026-01-05T00:01:00.000Z",
        "endsAt": "2026-01-05T00:07:00.000Z",
        "fingerprint": key("db-1").id,
        "receivers": [{"name": "ops"}, {"name": "audit"}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
        "labels": {"account": "prod", "db": "db-1", "team": "data"},
    }
    assert link.startswith(str(rig.client.make_url("/api/v2/alerts?filter=alertname")))


async def test_the_link_of_an_alert_shows_that_alert_alone(rig: Rig) -> None:
    for name in ("db-1", "db-2"):
        alert = state(name)
        await rig.firing(replace(alert, labels=alert.labels.merged({"alert": "CpuHigh"})))

    for alert in await rig.get("/api/v2/alerts"):
        path = alert["generatorURL"].removeprefix(str(rig.client.make_url("")).rstrip("/"))
        assert await rig.get(path) == [alert]


async def test_alertname_stands_beside_alert(rig: Rig) -> None:
    alert = state("db-1")
    await rig.firing(replace(alert, labels=alert.labels.merged({"alert": "CpuHigh"})))

    [shown] = await rig.get("/api/v2/alerts?filter=alertname%3DCpuHigh")

    assert shown["labels"]["alertname"] == shown["labels"]["alert"] == "CpuHigh"


async def test_only_what_fires_is_an_alert(rig: Rig) -> None:
    dark = replace(state("dark", now=State.INSUFFICIENT_DATA), firing=True, priority=Priority.P2)
    await rig.firing(dark, state("ended", now=State.OK), state("unknown", now=State.INSUFFICIENT_DATA))

    assert ids(await rig.get("/api/v2/alerts")) == ["dark"]


async def test_alerts_are_in_the_order_of_their_fingerprints(rig: Rig) -> None:
    await rig.firing(*(state(f"db-{number}") for number in range(8)))

    prints = [alert["fingerprint"] for alert in await rig.get("/api/v2/alerts")]

    assert prints == sorted(prints)
    assert len(prints) == 8


# -- its state --------------------------------------------------------------------------------------------------------


async def status_of(rig: Rig) -> dict[str, Any]:
    [alert] = await rig.get("/api/v2/alerts")
    status: dict[str, Any] = alert["status"]
    return status


async def test_an_alert_that_no_flush_has_seen_is_unprocessed_and_shows_where_its_routes_lead(rig: Rig) -> None:
    mine = state("db-2")
    await rig.firing(state("db-1"), replace(mine, labels=mine.labels.merged({"team": "mine"})))

    found = {alert["labels"]["db"]: alert for alert in await rig.get("/api/v2/alerts")}

    assert {alert["status"]["state"] for alert in found.values()} == {"unprocessed"}
    assert found["db-1"]["receivers"] == [{"name": "ops"}, {"name": "audit"}]
    assert found["db-2"]["receivers"] == [{"name": "oncall"}]
    assert found["db-1"]["annotations"]["summary"] == "db-1: CPU at 91.5 %"


async def test_an_alert_too_old_to_page_is_active_though_nobody_is_told(rig: Rig) -> None:
    await rig.firing(replace(state(), memory=AlertMemory(untold=True)))
    await rig.flushed()

    assert (await status_of(rig))["state"] == "active"


async def test_an_alert_that_is_told_to_nobody_is_active_once_a_flush_has_seen_it_and_has_its_summary(rig: Rig) -> None:
    await rig.firing(state())
    await rig.flushed()

    [alert] = await rig.get("/api/v2/alerts")
    assert alert["status"]["state"] == "active"
    assert alert["annotations"] == {
        "dashboard": "https://example.com/d",
        "reason": "2 of 2 above 80",
        "summary": "db-1: CPU at 91.5 %",
    }


async def test_a_silence_suppresses_what_it_covers_while_it_lasts(rig: Rig) -> None:
    await rig.firing(state("db-1"))
    await rig.paged(firing_member("db-1"))
    later = await rig.silenced(startsAt="2026-01-05T01:00:00Z")
    now = await rig.silenced(endsAt="2026-01-05T00:30:00Z")
    await rig.silenced(matchers=[{"name": "db", "value": "db-2", "isRegex": False}])

    assert await status_of(rig) == {"state": "suppressed", "silencedBy": [now], "inhibitedBy": [], "mutedBy": []}
    rig.clock.advance(1800)
    assert (await status_of(rig))["state"] == "active"
    rig.clock.advance(1800)
    assert (await status_of(rig))["silencedBy"] == [later]
    await rig.ask("DELETE", f"/api/v2/silence/{later}")
    assert (await status_of(rig))["state"] == "active"


async def test_a_silence_that_ended_is_not_believed_because_the_flush_has_not_run_yet(rig: Rig) -> None:
    await rig.firing(state("db-1"))
    await rig.paged(firing_member("db-1", muted_by="silenced by ana until 2026-01-05 01:00 UTC (silence 7: moving)"))

    assert await status_of(rig) == {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}


async def test_an_inhibited_alert_names_the_fingerprints_of_what_inhibits_it(rig: Rig) -> None:
    await rig.firing(state("db-1"), state("db-9", rule="Failover"))
    await rig.paged(firing_member("db-1", muted_by="inhibited by Failover"))

    found = {alert["labels"]["db"]: alert["status"] for alert in await rig.get("/api/v2/alerts")}

    assert (found["db-1"]["state"], found["db-1"]["inhibitedBy"]) == ("suppressed", [key("db-9", "Failover").id])
    assert found["db-9"]["inhibitedBy"] == []


async def test_an_inhibitor_that_has_ended_is_told_by_its_name(rig: Rig) -> None:
    await rig.firing(state("db-1"))
    await rig.paged(
        firing_member("db-1", muted_by="inhibited by Failover, which ended at 2026-01-05 00:00 UTC until 00:05")
    )

    assert (await status_of(rig))["inhibitedBy"] == ["Failover"]


async def test_a_mute_window_suppresses_and_is_told_in_words(rig: Rig) -> None:
    await rig.firing(state("db-1"))
    await rig.paged(firing_member("db-1", muted_by="mute window backups until 2026-01-05 04:00 UTC"))

    assert await status_of(rig) == {
        "state": "suppressed",
        "silencedBy": [],
        "inhibitedBy": [],
        "mutedBy": ["mute window backups until 2026-01-05 04:00 UTC"],
    }


# -- what is asked for ------------------------------------------------------------------------------------------------


@pytest.fixture
async def night(rig: Rig) -> Rig:
    """One alert in each state."""
    names = ("active", "inhibited", "muted", "silenced", "unprocessed")
    await rig.firing(*(state(name) for name in names))
    await rig.paged(
        firing_member("active"),
        firing_member("inhibited", muted_by="inhibited by Failover"),
        firing_member("muted", muted_by="mute window backups"),
        firing_member("silenced"),
    )
    await rig.silenced(matchers=[{"name": "db", "value": "silenced", "isRegex": False}])
    return rig


@pytest.mark.parametrize("word", ["active", "inhibited", "muted", "silenced", "unprocessed"])
async def test_each_state_can_be_left_out(night: Rig, word: str) -> None:
    everything = ids(await night.get("/api/v2/alerts"))

    rest = ids(await night.get(f"/api/v2/alerts?{word}=false"))

    assert len(everything) == 5
    assert rest == [name for name in everything if name != word]


async def test_alerts_are_chosen_by_all_filters_and_by_receiver(night: Rig) -> None:
    await night.paged(firing_member("unprocessed"), channels=("oncall",), name="i2")

    async def chosen(**params: Any) -> list[str]:
        return ids(await night.get("/api/v2/alerts", params=params))

    assert await chosen(filter=['db=~"a.*|m.*"', 'team="data"', 'nothing=""']) == ["active", "muted"]
    assert await chosen(filter='db!~".*ed"') == ["active"]
    assert await chosen(receiver="on.*") == ["unprocessed"]
    assert await chosen(receiver="on") == []
    assert len(await chosen(receiver="audit")) == 4


@pytest.mark.parametrize("path", ["/api/v2/alerts", "/api/v2/alerts/groups"])
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("filter=db", "filter: 'db' has none of =, !=, =~ and !~"),
        ("filter=db%3D~%28", "filter: '(' is not a regular expression"),
        ("receiver=%28", "receiver: '(' is not a regular expression"),
        ("silenced=maybe", "silenced=maybe: write true or false"),
    ],
)
async def test_a_question_that_cannot_be_read_is_refused(rig: Rig, path: str, query: str, sentence: str) -> None:
    answer = await rig.ask("GET", f"{path}?{query}")

    assert answer.status == 400
    assert answer.data.startswith(sentence)


# -- groups -----------------------------------------------------------------------------------------------------------


async def test_an_incident_is_a_group_for_each_of_its_receivers(rig: Rig) -> None:
    await rig.firing(state("db-1"), state("db-2"))
    await rig.paged(firing_member("db-1"), firing_member("db-2"), replace(firing_member("db-3"), firing=False))

    groups = await rig.get("/api/v2/alerts/groups")

    assert [(group["receiver"]["name"], ids(group["alerts"])) for group in groups] == [
        ("audit", ["db-1", "db-2"]),
        ("ops", ["db-1", "db-2"]),
    ]
    assert groups[0]["labels"] == {"alert": "CpuHigh", "alertname": "CpuHigh", "incident": "i1"}
    assert groups[0]["alerts"] == await rig.get("/api/v2/alerts")


async def test_groups_are_chosen_as_alerts_are_and_empty_ones_are_left_out(night: Rig) -> None:
    async def chosen(query: str) -> list[list[str]]:
        return [ids(group["alerts"]) for group in await night.get(f"/api/v2/alerts/groups?receiver=ops&{query}")]

    assert await chosen("") == [["active", "inhibited", "muted", "silenced"]]
    assert await chosen("silenced=false&muted=false") == [["active", "inhibited"]]
    assert await chosen("filter=db%3Dactive") == [["active"]]
    assert await chosen("filter=db%3Dnone") == []


# -- the rest ---------------------------------------------------------------------------------------------------------


async def test_status_says_what_clients_look_for(rig: Rig) -> None:
    rig.clock.advance(60)

    status = await rig.get("/api/v2/status")

    assert status["cluster"] == {"status": "disabled", "peers": []}
    assert status["uptime"] == "2026-01-05T00:00:00.000Z"
    assert status["versionInfo"]["version"]
    assert set(status["versionInfo"]) == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}


async def test_the_configuration_is_the_routes_in_alertmanager_s_words(rig: Rig) -> None:
    original = (await rig.get("/api/v2/status"))["config"]["original"]

    assert original.splitlines()[1:] == [
        "route:",
        "  receiver: ops",
        "  routes:",
        "  - receiver: oncall",
        "    matchers:",
        '    - team="mine"',
        *_rest_of_route(go_on=False),
        "  - receiver: ops",
        "    matchers: []",
        *_rest_of_route(go_on=True),
        "  - receiver: audit",
        "    matchers: []",
        *_rest_of_route(go_on=False),
        "receivers:",
        "- name: audit",
        "- name: oncall",
        "- name: ops",
    ]


def _rest_of_route(*, go_on: bool) -> list[str]:
    group_by = ["    group_by:", "    - alert", "    - account", "    - region"]
    times = ["    group_wait: 0s", "    group_interval: 1m"]
    return [*group_by, *times, f"    continue: {str(go_on).lower()}"]


async def test_receivers_are_the_channels(rig: Rig) -> None:
    assert await rig.get("/api/v2/receivers") == [{"name": "audit"}, {"name": "oncall"}, {"name": "ops"}]


async def test_alerts_of_others_are_not_taken(rig: Rig) -> None:
    answer = await rig.ask("POST", "/api/v2/alerts", [{"labels": {"alertname": "Theirs"}}])

    assert (answer.status, answer.data) == (
        501,
        "Watchtower evaluates its own rules and does not take alerts from others",
    )


async def test_what_is_true_now_is_not_kept_by_any_cache(rig: Rig) -> None:
    known = await rig.silenced()
    for method, path in (
        ("GET", "/api/v2/alerts"),
        ("GET", "/api/v2/silence/x"),
        ("DELETE", f"/api/v2/silence/{known}"),
    ):
        assert (await rig.ask(method, path)).headers["Cache-Control"] == "no-store"


PAGES = (
    ("GET", "/api/v2/alerts"),
    ("GET", "/api/v2/alerts/groups"),
    ("GET", "/api/v2/silences"),
    ("GET", "/api/v2/silence/x"),
    ("DELETE", "/api/v2/silence/x"),
)


@pytest.mark.parametrize(("method", "path"), PAGES)
async def test_a_store_that_fails_is_503_with_its_sentence(rig: Rig, method: str, path: str) -> None:
    await rig.break_store()
    with pytest.raises(StoreError) as caught:
        await rig.store.silences()

    answer = await rig.ask(method, path)

    assert (answer.status, answer.data) == (503, str(caught.value))
    assert (await rig.post()).status == 503


@pytest.mark.parametrize(("method", "path"), PAGES)
async def test_before_the_store_is_open_everything_is_503(rig: Rig, method: str, path: str) -> None:
    rig.web.store = None

    answer = await rig.ask(method, path)

    assert (answer.status, answer.data) == (503, "not ready: starting")


@pytest.mark.parametrize("path", ["/api/v2/silences", "/api/v2/alerts"])
async def test_a_page_in_somebodys_browser_changes_nothing(rig: Rig, path: str) -> None:
    answer = await rig.ask("POST", path, {}, headers={"Origin": "http://127.0.0.1"})

    assert answer.status == 403


async def test_a_browser_cannot_end_a_silence(rig: Rig) -> None:
    known = await rig.silenced()

    answer = await rig.ask("DELETE", f"/api/v2/silence/{known}", headers={"Origin": "https://evil.example"})

    assert answer.status == 403
    assert [one.id for one in await rig.store.silences()] == [known]
