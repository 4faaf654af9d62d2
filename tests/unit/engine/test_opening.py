"""After a start nothing is sent about an open incident before its alerts were evaluated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import START, ManualClock
from tests.support.make import unit
from tests.support.stores import at, commit_plan, incident, open_store, tick
from tests.support.stores import unit as unit_row
from watchtower.engine.changes import bulletin, fresh_store
from watchtower.engine.opening import Opening
from watchtower.engine.plan import Plan
from watchtower.incidents.model import ChannelTraits, FlushPlan
from watchtower.incidents.quiet import Quiet
from watchtower.model import Priority
from watchtower.sources.base import Ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchtower.notifiers.base import Notifier
    from watchtower.store.store import Store

RULES = ("CpuHigh", "Other")
PLAN = Plan({}, {f"u-{name}": unit(id=f"u-{name}", asks=(Ask(name, None, 60, 3, Priority.P1),)) for name in RULES})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Two units that ticked once, and are overdue for an hour."""
    clock = ManualClock()
    opened = await open_store(f"sqlite:///{tmp_path / 'store.db'}", clock=clock)
    await opened.sync_units([unit_row(f"u-{name}") for name in RULES])
    for claimed in await opened.claim_units("w", limit=2, lease=30):
        await opened.commit_ticks([tick(claimed.id, claimed.epoch)])
    clock.advance(3600)
    yield opened
    await opened.close()


def later() -> ManualClock:
    clock = ManualClock()
    clock.advance(3600)
    return clock


async def look_again(store: Store, name: str) -> None:
    for claimed in await store.claim_units("w", limit=2, lease=30):
        if claimed.id == name:
            await store.commit_ticks([tick(claimed.id, claimed.epoch, due_at=at(3660))])


async def test_what_fires_in_an_open_incident_is_evaluated_before_the_first_flush(store: Store) -> None:
    told = replace(incident(), told_tier=Priority.P3, due_at=None)
    await commit_plan(store, FlushPlan(incidents=(told,)))
    opening = Opening(store, later())
    assert await opening.too_early(PLAN, Quiet())
    await look_again(store, "u-CpuHigh")
    assert not await opening.too_early(PLAN, Quiet()), "the other rule has nothing to do with it"


async def test_without_an_open_incident_nothing_is_waited_for(store: Store) -> None:
    assert not await Opening(store, later()).too_early(PLAN, Quiet())


class Channel:
    """A notifier of which only the traits are asked."""

    def __init__(self, name: str, *, keyed: bool) -> None:
        self.traits = ChannelTraits(name, "any", name, keyed_by_tier=keyed)


def fresh(*channels: Channel) -> str:
    notifiers: dict[str, Notifier] = {channel.traits.name: channel for channel in channels}  # type: ignore[misc]
    return fresh_store("0123456789ab", notifiers)


def test_a_new_store_says_that_earlier_incidents_at_pagerduty_are_closed_by_hand() -> None:
    hint = fresh(Channel("oncall", keyed=True), Channel("ops", keyed=False))
    assert hint == "the store is new: if there was an earlier one, close by hand at PagerDuty what it left open"
    assert bulletin(None, ["A"], "test", START, hint).details == {"hint": hint}


def test_a_new_store_has_nothing_to_say_where_no_channel_keeps_incidents() -> None:
    assert fresh(Channel("ops", keyed=False)) == ""
