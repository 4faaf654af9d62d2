"""The open incidents over HTTP, and who has them in hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.stores import commit_plan, incident
from tests.unit.web.rig import firing_member
from watchtower.incidents.model import FlushPlan
from watchtower.model import Priority

if TYPE_CHECKING:
    from tests.unit.web.rig import Rig

ID = "8d1c5f0e-1111-4c55-9d3f-0f7d1c2b9a11"


async def page(rig: Rig) -> None:
    told = replace(incident(ID), members=(firing_member(),), told_tier=Priority.P3, channels=("ops",))
    await commit_plan(rig.store, FlushPlan(incidents=(told,)))


async def test_open_incidents_are_listed_with_who_has_them_in_hand(rig: Rig) -> None:
    await page(rig)
    answered = await rig.get("/api/v1/incidents")
    assert answered["total"] == 1
    [shown] = answered["incidents"]
    assert shown["title"].startswith("P3 CpuHigh")
    assert {key: shown[key] for key in ("id", "route", "tier", "opened_at", "told", "acknowledged", "channels")} == {
        "id": ID,
        "route": "rest",
        "tier": "P3",
        "opened_at": "2026-01-05T00:00:00Z",
        "told": True,
        "acknowledged": None,
        "channels": ["ops"],
    }
    assert shown["members"] == {"firing": 1, "muted": 0, "resolved": 0}


async def test_an_acknowledgement_names_who_and_until_when_and_wakes_the_flush(rig: Rig) -> None:
    woken: list[bool] = []
    rig.live.judge = lambda: woken.append(True)
    await page(rig)
    body = {"by": "ana", "comment": "restarting\nthe database", "for": "2h"}
    answered = await rig.ask("POST", f"/api/v1/incidents/{ID[:8]}/acknowledge", body)
    assert answered.status == 200
    assert answered.data["acknowledged"] == {
        "by": "ana (restarting the database)",
        "via": "api",
        "at": "2026-01-05T00:00:00Z",
        "until": "2026-01-05T02:00:00Z",
    }
    assert woken == [True]
    [kept] = await rig.store.open_incidents()
    assert kept.acknowledged_by == "ana (restarting the database)"


async def test_nothing_need_be_said_to_acknowledge(rig: Rig) -> None:
    await page(rig)
    answered = await rig.ask("POST", f"/api/v1/incidents/{ID}/acknowledge")
    assert (answered.status, answered.data["acknowledged"]["by"]) == (200, "somebody")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"[]", "Input should be"),
        ({"who": "ana"}, "who: Extra inputs are not permitted"),
        ({"by": "x" * 201}, "by: String should have at most 200 characters"),
        ({"for": "soon"}, "for: "),
        ({"for": "0s"}, "for: an acknowledgement lasts longer than nothing"),
        ({"for": "9999999999w"}, "for: "),
        ({"via": "ops"}, "via: Input should be 'api' or 'cli'"),
    ],
)
async def test_what_cannot_be_an_acknowledgement_is_refused_with_a_sentence(
    rig: Rig, body: object, sentence: str
) -> None:
    await page(rig)
    answered = await rig.ask("POST", f"/api/v1/incidents/{ID}/acknowledge", body)
    assert answered.status == 400
    assert sentence in answered.data["error"]
    assert (await rig.store.open_incidents())[0].acknowledged_at is None


async def test_an_incident_that_is_not_open_cannot_be_acknowledged(rig: Rig) -> None:
    answered = await rig.ask("POST", "/api/v1/incidents/unknown-one/acknowledge")
    assert (answered.status, answered.data) == (
        404,
        {"error": "no open incident is meant by 'unknown-one', or several are"},
    )


async def test_a_browser_cannot_acknowledge(rig: Rig) -> None:
    await page(rig)
    headers = {"Origin": "https://evil.example"}
    answered = await rig.ask("POST", f"/api/v1/incidents/{ID}/acknowledge", headers=headers)
    assert answered.status == 403


async def test_before_the_store_is_open_nothing_is_listed(rig: Rig) -> None:
    rig.web.store = None
    assert (await rig.ask("GET", "/api/v1/incidents")).status == 503
