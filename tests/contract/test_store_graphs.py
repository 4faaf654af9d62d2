"""A graph waits for its page and for all text of its channel, and is missed by nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.outbox import ACCEPTED, AMBIGUOUS, DEAD, claim, send, states, take
from tests.support.stores import at, commit_plan, delivery, enqueue, incident
from watchtower.incidents.lanes import lane
from watchtower.incidents.model import FlushPlan
from watchtower.model import Delivery, DeliveryState, Event
from watchtower.store.values import Settled

if TYPE_CHECKING:
    from watchtower.store.store import Store

LANE = lane("oncall")


def graph(name: str = "g", after: str = "t", **more: object) -> Delivery:
    made = delivery(name, Event.GRAPH, channel=LANE, dedup_key="k:graph", **more)
    return replace(made, after=after)


async def test_a_graph_waits_for_its_page_and_knows_its_message(store: Store) -> None:
    await enqueue(store, delivery("t"), graph())
    epoch = await claim(store, channel=LANE)
    assert await store.next_delivery(LANE, epoch) is None
    await send(store, await claim(store), Settled(DeliveryState.ACCEPTED, "", ref={"ts": "17.1"}))
    taken = await take(store, epoch, LANE)
    assert (taken.id, taken.ref) == ("g", {"ts": "17.1"})
    assert await store.finish(taken, epoch, ACCEPTED)
    assert [debt.channel for debt in await store.debts()] == ["oncall"], "it owes nothing"


async def test_all_text_of_the_channel_goes_first(store: Store) -> None:
    await enqueue(store, delivery("t"), graph(), delivery("other", dedup_key="k2"))
    text = await claim(store)
    await send(store, text)
    epoch = await claim(store, channel=LANE)
    assert await store.next_delivery(LANE, epoch) is None
    out = await take(store, text)
    assert await store.next_delivery(LANE, epoch) is None, "a request that is out counts as well"
    await store.finish(out, text, ACCEPTED)
    assert (await take(store, epoch, LANE)).id == "g"


async def test_text_that_waits_for_its_next_try_holds_nothing_up(store: Store) -> None:
    await enqueue(store, delivery("t"), graph(), delivery("other", dedup_key="k2", next_at=at(300)))
    await send(store, await claim(store))
    assert (await take(store, await claim(store, channel=LANE), LANE)).id == "g"


async def test_a_graph_that_is_out_or_fails_holds_no_text_up(store: Store) -> None:
    await enqueue(store, delivery("t"), graph())
    text = await claim(store)
    await send(store, text)
    epoch = await claim(store, channel=LANE)
    out = await take(store, epoch, LANE)
    await enqueue(store, delivery("r", Event.RESOLVE))
    assert (await take(store, text)).id == "r"
    await store.finish(out, epoch, AMBIGUOUS)
    assert (await states(store))["g"] is DeliveryState.AMBIGUOUS


async def test_the_graph_of_a_page_that_did_not_arrive_is_taken_back(store: Store) -> None:
    await enqueue(store, delivery("t"), graph())
    await send(store, await claim(store), DEAD)
    assert await store.next_delivery(LANE, await claim(store, channel=LANE)) is None
    assert (await states(store))["g"] is DeliveryState.WITHDRAWN


async def test_the_graph_of_an_incident_that_is_over_is_taken_back(store: Store) -> None:
    await enqueue(store, delivery("t"), graph())
    await send(store, await claim(store))
    await commit_plan(store, FlushPlan(incidents=(incident(ended_at=at(0), taking_members=False, due_at=at(0)),)))
    assert await store.next_delivery(LANE, await claim(store, channel=LANE)) is None
    assert (await states(store))["g"] is DeliveryState.WITHDRAWN


async def test_the_graph_of_a_page_that_left_with_others_is_taken_back(store: Store) -> None:
    pages = [delivery(f"t{n}", incident_id=f"i{n}", dedup_key=f"k{n}") for n in range(12)]
    await enqueue(store, *pages, graph(after="t1", incident_id="i1"))
    epoch = await claim(store)
    batch = await store.next_parcel("oncall", epoch, lambda: "digest")
    assert batch is not None
    assert not isinstance(batch, Delivery)
    standing = (await store.standings())["oncall"]
    await store.finish_batch(batch, epoch, [ACCEPTED] * len(batch.rows), standing, gathers_for=0.0)
    assert await store.next_delivery(LANE, await claim(store, channel=LANE)) is None
    assert (await states(store))["g"] is DeliveryState.WITHDRAWN


async def test_nobody_misses_a_graph(store: Store) -> None:
    await enqueue(store, delivery("t"), graph())
    await send(store, await claim(store))
    assert await store.outbox() == []
    due = await store.next_incident_due()
    await send(store, await claim(store, channel=LANE), DEAD, channel=LANE)
    assert await store.next_incident_due() == due, "nobody stands in"
    health = await store.channel_health()
    assert list(health) == ["oncall"]
    assert health["oncall"].dead == 0
    assert await store.dead_letters(limit=5) == []
