"""What is owed where nothing leads any more is shown, written off by a person, and by nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.outbox import claim, send
from tests.support.stores import commit_plan, delivery, enqueue, incident
from tests.unit.web.rig import firing_member
from watchtower.incidents.model import FlushPlan
from watchtower.model import Event

if TYPE_CHECKING:
    from tests.unit.web.rig import Rig

PATH = "/api/v1/channels/oncall/forget"


async def owe(rig: Rig, *, reachable: bool = False) -> None:
    """A page that was accepted, whose resolve waits for a destination."""
    rig.live.reaches = lambda channel, where: reachable or (channel, where) != ("oncall", "pagerduty:old")
    told = replace(incident("i1"), members=(firing_member(),), channels=("oncall",))
    await commit_plan(rig.store, FlushPlan(incidents=(told,)))
    await enqueue(rig.store, delivery("t", destination="pagerduty:old"))
    await send(rig.store, await claim(rig.store))
    await enqueue(rig.store, delivery("r", event=Event.RESOLVE, destination="pagerduty:old"))


async def test_the_status_names_the_destinations_that_nothing_reaches(rig: Rig) -> None:
    await owe(rig)
    shown = {one["name"]: one["unreachable"] for one in (await rig.get("/api/v1/status"))["channels"]}
    assert shown["oncall"] == ["pagerduty:old"]
    assert shown["ops"] == []


async def test_what_is_written_off_is_owed_no_more_and_the_decision_is_kept(rig: Rig) -> None:
    await owe(rig)
    answered = await rig.ask("POST", PATH, {"by": "ana"})

    assert answered.data == {"channel": "oncall", "destinations": ["pagerduty:old"], "resolves": 1}
    assert (await rig.store.debts(), await rig.store.outbox()) == ([], [])
    [explained] = await rig.store.explain_incident("i1")
    assert "written off" in {made.outcome for made in explained.decisions if "by ana" in made.reason}


async def test_what_can_still_be_delivered_is_never_forgotten(rig: Rig) -> None:
    await owe(rig, reachable=True)
    answered = await rig.ask("POST", PATH, {"by": "ana"})

    assert (answered.status, "can still be delivered" in answered.data["error"]) == (409, True)
    assert len(await rig.store.debts()) == 1


async def test_who_owes_nothing_has_nothing_to_forget(rig: Rig) -> None:
    assert (await rig.ask("POST", PATH)).status == 409
    assert (await rig.ask("POST", PATH, b"[")).status == 400


async def test_resolves_that_nobody_can_send_are_no_channel_that_fails(rig: Rig) -> None:
    await owe(rig)
    assert await rig.store.outbox([("oncall", "pagerduty:old")]) == []
    await enqueue(rig.store, delivery("p", destination="pagerduty:old", dedup_key="k2"))
    assert [depth.count for depth in await rig.store.outbox([("oncall", "pagerduty:old")])] == [1]
