"""A flush is told when pagers rang for incidents that are over already, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.outbox import DEAD, claim, send
from tests.support.stores import World, at, commit_plan, delivery, enqueue, incident, look
from watchtower.incidents.model import FlushPlan
from watchtower.model import Event, Priority

if TYPE_CHECKING:
    from watchtower.store.store import Store


async def end(store: Store, name: str, seconds: float) -> None:
    await commit_plan(store, FlushPlan(incidents=(incident(name, ended_at=at(seconds), taking_members=False),)))


async def test_a_page_of_an_incident_that_ended_is_seen_for_five_minutes(world: World, store: Store) -> None:
    await enqueue(store, delivery("t", created_at=at(0)))
    assert (await look(store)).paged == (), "of those that are open the flush sees the rows"
    await end(store, "i1", 5)
    await world.advance(299)
    assert (await look(store)).paged == (("pagerduty:1", at(0)),)
    await world.advance(2)
    assert (await look(store)).paged == ()


async def test_an_incident_counts_once_a_place_from_its_first_page(world: World, store: Store) -> None:
    there = delivery("o", channel="ops", destination="#ops", created_at=at(10))
    rise = delivery("rise", created_at=at(30), tier=Priority.P1)
    await enqueue(store, delivery("t", created_at=at(0)), rise, there)
    await enqueue(store, delivery("u", Event.UPDATE, incident_id="i2", created_at=at(10)))
    await end(store, "i1", 40)
    await end(store, "i2", 40)
    await world.advance(60)
    assert sorted((await look(store)).paged) == [("#ops", at(10)), ("pagerduty:1", at(0))]
    await world.advance(241)
    assert (await look(store)).paged == (("#ops", at(10)),), "the rise does not begin it anew"


async def test_a_page_that_was_taken_back_rang_nobody(store: Store) -> None:
    await enqueue(store, delivery("t"), delivery("failed", incident_id="i2"))
    await commit_plan(store, FlushPlan(withdrawn=(("t", "silenced"),)))
    await send(store, await claim(store), DEAD)
    for name in ("i1", "i2"):
        await end(store, name, 0)
    assert len((await look(store)).paged) == 1
