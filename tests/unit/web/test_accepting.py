"""Accepting a changed page over HTTP, and what the next probe makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.support.clock import START
from tests.support.make import rule
from tests.unit.sources.probe.test_following import Rig as Lists
from tests.unit.sources.probe.test_following import integrity
from watchtower.engine.accepting import accept
from watchtower.engine.plan import Plan
from watchtower.model import Priority
from watchtower.sources.base import Received

if TYPE_CHECKING:
    from tests.unit.web.rig import Rig


@pytest_asyncio.fixture
async def ready(rig: Rig) -> Rig:
    """A daemon with one rule that compares the content of a.example and b.example."""
    compares = replace(rule("Changed", Priority.P4), source="probe", query=integrity().query)
    plan = Plan({"Changed": compares}, {}, {"probe": Lists().source})

    async def taken(target: str) -> bool:
        return await accept(plan, rig.store, rig.clock, target)

    rig.live.accept = taken
    return rig


async def test_what_somebody_accepts_is_stored_for_the_next_probe(ready: Rig) -> None:
    answer = await ready.ask("POST", "/api/v1/probes/a.example/accept")
    assert answer.status == 200
    assert answer.data["target"] == "a.example"
    assert await ready.store.received("probe") == (Received("a.example", "accept", START),)


@pytest.mark.parametrize("target", ["c.example", "https://c.example/path"])
async def test_a_target_whose_content_nobody_compares_is_not_found(ready: Rig, target: str) -> None:
    answer = await ready.ask("POST", f"/api/v1/probes/{quote(target, safe='')}/accept")
    assert (answer.status, answer.data["error"]) == (404, f"no rule compares the content of {target!r}")


async def test_nobody_accepts_through_a_proxy_or_before_the_start(ready: Rig) -> None:
    path = "/api/v1/probes/a.example/accept"
    assert (await ready.ask("POST", path, headers={"X-Forwarded-For": "192.0.2.1"})).status == 403
    ready.live.accept = None
    assert (await ready.ask("POST", path)).status == 503
    assert await ready.store.received("probe") == ()
