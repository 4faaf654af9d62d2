"""The ledger is audited: what nobody is paying is written anew; and how each channel fares can be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.clock import START
from tests.support.outbox import ACCEPTED, AMBIGUOUS, DEAD, claim, send, take
from tests.support.stores import World, at, commit_plan, delivery, enqueue, incident, look
from watchtower.engine.audit import audit_debts
from watchtower.incidents.model import FlushPlan
from watchtower.model import DeliveryState, Event
from watchtower.store.values import ChannelHealth, Settled, Standing

if TYPE_CHECKING:
    from watchtower.store.store import Store


async def audited(store: Store, world: World) -> int:
    return await audit_debts(store, "test", world.clock.now())


async def end(store: Store, name: str = "i1") -> None:
    await commit_plan(store, FlushPlan(incidents=(incident(name, ended_at=START, due_at=None),)))


async def told_and_given_up(store: Store) -> int:
    """A page that was accepted, and a resolve that was not; the sender's epoch."""
    await enqueue(store, delivery("t"), delivery("r", Event.RESOLVE))
    epoch = await claim(store)
    await send(store, epoch)
    await send(store, epoch, DEAD)
    await end(store)
    return epoch


async def test_a_resolve_that_was_given_up_is_written_anew_until_it_is_accepted(world: World, store: Store) -> None:
    epoch = await told_and_given_up(store)
    assert await audited(store, world) == 0, "it was only just given up"
    await world.advance(60)
    epoch = await claim(store)
    assert await audited(store, world) == 1
    assert await audited(store, world) == 0, "one is on its way"

    again = await take(store, epoch)
    assert (again.event, again.dedup_key) == (Event.RESOLVE, delivery("t").dedup_key)
    assert again.reason == f"still owed: {DEAD.detail}"
    await store.finish(again, epoch, ACCEPTED)
    assert await store.debts() == []
    assert await audited(store, world) == 0


async def test_a_debt_of_which_no_resolve_was_ever_written_gets_one_at_once(world: World, store: Store) -> None:
    await enqueue(store, delivery("t"))
    await send(store, await claim(store), AMBIGUOUS)
    assert await audited(store, world) == 0, "while the incident is open it owes none"
    await end(store)
    assert await audited(store, world) == 1


async def test_a_channel_tells_what_it_accepted_gave_up_and_owes(world: World, store: Store) -> None:
    await told_and_given_up(store)
    await world.advance(299)
    fares = ChannelHealth("oncall", Standing(), accepted_at=START, dead=1, died_at=START, owed=1)
    assert await store.channel_health() == {"oncall": fares}

    await world.advance(1)
    assert await store.channel_health() == {"oncall": replace(fares, overdue=1, overdue_since=START)}


async def test_dead_letters_are_listed_the_newest_first(store: Store) -> None:
    refused = Settled(DeliveryState.DEAD, "400: no such routing key", refused=True)
    await enqueue(store, *(delivery(f"t{number}", incident_id=f"i{number}") for number in range(3)))
    epoch = await claim(store)
    for _ in range(3):
        await send(store, epoch, refused)

    letters = await store.dead_letters(limit=2)

    assert [letter.id for letter in letters] == ["t2", "t1"]
    assert (letters[0].last_error, letters[0].finished_at) == (refused.detail, START)
    assert [row.refused for row in (await look(store)).deliveries] == [True] * 3


async def test_an_accepted_delivery_moves_the_channels_last_acceptance(world: World, store: Store) -> None:
    await enqueue(store, delivery("t"))
    await world.advance(20)
    await send(store, await claim(store))
    assert (await store.channel_health())["oncall"].accepted_at == at(20)
