"""A channel with a new name: its rows, debts, pace and incidents are the new name's, in one commit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.outbox import AMBIGUOUS, claim, send, take
from tests.support.stores import World, commit_plan, delivery, enqueue, incident, look
from watchtower.errors import StoreError
from watchtower.incidents.lanes import evidence_lane, lane
from watchtower.incidents.model import FlushPlan
from watchtower.model import DeliveryState, Event, Labels
from watchtower.store.values import Settled, Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchtower.store.store import Store

BEFORE, AFTER = {"oncall": "key-1", "ops": "#ops"}, {"pager": "key-1", "ops": "#ops"}


async def test_what_waits_and_what_is_owed_go_on_in_order_under_the_new_name(store: Store) -> None:
    await store.rename_channels(BEFORE)
    await enqueue(store, delivery("t"), delivery("u", Event.UPDATE), delivery("r", Event.RESOLVE))
    await send(store, await claim(store))
    assert await store.rename_channels(AFTER) == {"oncall": "pager"}
    assert [debt.channel for debt in await store.debts()] == ["pager"]
    epoch = await claim(store, channel="pager")
    assert [(await send(store, epoch, channel="pager")).id for _ in range(2)] == ["u", "r"]
    assert await store.debts() == []


async def test_its_rest_is_the_new_names_and_who_held_it_can_hold_it_again(store: Store, world: World) -> None:
    await store.rename_channels(BEFORE)
    await enqueue(store, delivery("t"))
    rests = Standing(failures=3, rest_until=world.clock.now())
    await send(store, await claim(store), AMBIGUOUS, rests)
    await claim(store)
    await store.rename_channels(AFTER)
    assert (await store.standings())["pager"].failures == 3
    assert "oncall" not in await store.standings()
    assert await store.claim_channel("pager", "b", lease=30) is None
    epoch = await claim(store, channel="pager")
    assert (await take(store, epoch, "pager")).state is DeliveryState.AMBIGUOUS


@pytest.mark.parametrize(("event", "of"), [(Event.GRAPH, lane), (Event.EVIDENCE, evidence_lane)])
async def test_what_waits_on_its_lanes_goes_with_it(store: Store, event: Event, of: Callable[[str], str]) -> None:
    await store.rename_channels(BEFORE)
    await enqueue(store, delivery("g", event, channel=of("ops")))
    await store.rename_channels({"oncall": "key-1", "chat": "#ops"})
    assert [row.channel for row in (await look(store)).deliveries] == [of("chat")]


async def test_open_incidents_know_it_by_the_new_name_and_ended_ones_keep_theirs(store: Store) -> None:
    await store.rename_channels(BEFORE)
    storm = {"route": "storm", "group_labels": Labels({"channel": "oncall"}), "settings": {"storm": "oncall"}}
    theirs = [incident("i1", channels=("oncall", "ops")), incident("i2", channels=("oncall",), **storm)]
    await commit_plan(store, FlushPlan(incidents=tuple(theirs)))
    await store.rename_channels(AFTER)
    first, second = sorted(await store.open_incidents(), key=lambda one: one.id)
    assert (first.channels, second.channels) == (("pager", "ops"), ("pager",))
    assert (second.settings, dict(second.group_labels)) == ({"storm": "pager"}, {"channel": "pager"})
    again = incident("i3", channels=("pager",), **{**storm, "group_labels": Labels({"channel": "pager"})})
    with pytest.raises(StoreError, match=r"(?i)unique"):
        await commit_plan(store, FlushPlan(incidents=(again,)))


async def test_a_name_that_was_away_is_found_again_when_its_place_comes_back(store: Store, world: World) -> None:
    await store.rename_channels(BEFORE)
    await store.rename_channels({"ops": "#ops"})
    again = await world.restart(store)
    assert await again.rename_channels(AFTER) == {"oncall": "pager"}
    assert await again.rename_channels(AFTER) == {}
    assert await again.rename_channels(BEFORE) == {"pager": "oncall"}


async def test_an_incident_that_both_names_told_keeps_its_two_messages_apart(store: Store) -> None:
    await store.rename_channels({"ops": "#ops", "chat": "#ops"})
    mine = partial(delivery, channel="ops", destination="#ops", dedup_key="k")
    await enqueue(store, mine("a"), mine("b", channel="chat"), mine("c", incident_id="i2"))
    for name, ref in (("ops", "1"), ("chat", "2"), ("ops", "3")):
        posted = Settled(DeliveryState.ACCEPTED, "", ref={"ts": ref})
        await send(store, await claim(store, channel=name), posted, channel=name)
    assert await store.rename_channels({"chat": "#ops"}) == {"ops": "chat"}
    owed = {(debt.incident_id, debt.channel): debt.ref for debt in await store.debts()}
    assert owed == {("i1", "ops"): {"ts": "1"}, ("i1", "chat"): {"ts": "2"}, ("i2", "chat"): {"ts": "3"}}
    await enqueue(store, mine("r", Event.RESOLVE))
    assert "ops" in await store.next_send_due(["ops"]), "what stays can still be sent"


async def test_a_channel_that_had_two_names_goes_on_under_the_one_that_stays(store: Store) -> None:
    await store.rename_channels(BEFORE)
    await store.rename_channels(BEFORE | AFTER)
    await commit_plan(store, FlushPlan(incidents=(incident("i1", channels=("oncall", "ops")),)))
    assert await store.rename_channels(AFTER) == {"oncall": "pager"}
    [one] = await store.open_incidents()
    assert one.channels == ("pager", "ops")
    assert await store.rename_channels({"ops": "#ops", "phone": "key-1"}) == {"pager": "phone"}


async def test_of_two_storms_that_come_to_one_name_the_one_that_was_there_takes_more(store: Store) -> None:
    await store.rename_channels(BEFORE | AFTER)
    storms = [
        incident(f"i{n}", route="storm", group_labels=Labels({"channel": name}), settings={"storm": name})
        for n, name in enumerate(("oncall", "pager"))
    ]
    await commit_plan(store, FlushPlan(incidents=tuple(storms)))
    await store.rename_channels(AFTER)
    assert {one.id: one.taking_members for one in await store.open_incidents()} == {"i0": False, "i1": True}
