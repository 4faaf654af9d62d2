"""Evidence that was late: asked for once, kept wherever its alert is told of, missed by nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.support.outbox import ACCEPTED, AMBIGUOUS, DEAD, claim, send, states, take
from tests.support.stores import at, change, commit_plan, delivery, enqueue, incident, key, look, member, notice, tick
from tests.support.stores import unit as unit_row
from watchtower.incidents.lanes import evidence_lane
from watchtower.incidents.model import FlushPlan
from watchtower.lookup import Lookup
from watchtower.model import Delivery, DeliveryState, Event, NoticeMember, Priority
from watchtower.store.values import Settled, Standing

if TYPE_CHECKING:
    from tests.support.stores import World
    from watchtower.store.store import Store

LANE, OTHER = evidence_lane("oncall"), evidence_lane("audit")
LOOKUP = Lookup(key().rule, key().identity, 0, 60, at(0))
FOUND = replace(LOOKUP, found=True)
LINES = ("CRITICAL no rooms",)


def late(**more: Any) -> NoticeMember:
    return replace(member(), **{"evidence": ("evidence is late",), "late": LOOKUP, **more})


def follow_up(name: str = "e", after: str = "t", lane: str = LANE, **more: Any) -> Delivery:
    made = delivery(name, Event.EVIDENCE, channel=lane, dedup_key="k:evidence", **more)
    told = replace(notice(made.incident_id, Event.EVIDENCE, Priority.P2), members=(late(evidence=()),))
    return replace(made, after=after, notice=told)


async def told(store: Store, *more: Delivery, **about: Any) -> int:
    """An incident whose page was accepted, what follows it, and the epoch under which its lane is held."""
    opened = incident(members=(late(**about),))
    await commit_plan(store, FlushPlan(incidents=(opened,), deliveries=(delivery("t"), follow_up(), *more)))
    await send(store, await claim(store))
    return await claim(store, channel=LANE)


async def members(store: Store) -> list[tuple[tuple[str, ...], Lookup | None]]:
    return [(one.evidence, one.late) for each in (await look(store)).incidents for one in each.members]


async def test_it_waits_for_its_page_and_for_all_text_of_the_channel(store: Store) -> None:
    await enqueue(store, delivery("t"), follow_up(), delivery("other", dedup_key="k2"))
    epoch = await claim(store, channel=LANE)
    assert await store.next_delivery(LANE, epoch) is None
    text = await claim(store)
    await send(store, text)
    assert await store.next_delivery(LANE, epoch) is None
    await send(store, text)
    taken = await take(store, epoch, LANE)
    assert (taken.id, taken.notice.members[0].late) == ("e", LOOKUP)
    assert await store.finish(taken, epoch, ACCEPTED)
    assert {debt.channel for debt in await store.debts()} == {"oncall"}, "it owes nothing"


async def test_the_lines_are_kept_in_every_incident_and_for_every_place(store: Store) -> None:
    epoch = await told(store, follow_up("e2", lane=OTHER))
    second = incident("i2", group_labels=key().identity, members=(late(),))
    await commit_plan(store, FlushPlan(incidents=(second,)))
    assert await store.show(follow_up(), LOOKUP, LINES)
    assert await members(store) == [(LINES, FOUND), (LINES, FOUND)]
    mine = await store.next_delivery(LANE, epoch)
    assert mine is not None
    assert [one.late for one in mine.notice.members] == [FOUND], "it may have left"
    waiting = await take(store, await claim(store, channel=OTHER), OTHER)
    assert [(one.evidence, one.late) for one in waiting.notice.members] == [(LINES, LOOKUP)], "not left"


async def test_they_survive_a_restart(world: World, store: Store) -> None:
    epoch = await told(store)
    await take(store, epoch, LANE)
    again = await world.restart(store)
    await world.advance(31)
    taken = await take(again, await claim(again, "b", LANE), LANE)
    assert (taken.id, taken.state, taken.notice.members[0].late) == ("e", DeliveryState.SENDING, LOOKUP)
    assert await again.show(follow_up(), LOOKUP, LINES)


async def test_newer_evidence_is_not_overwritten(store: Store) -> None:
    newer = replace(LOOKUP, asked_at=at(60))
    opened = incident(members=(replace(late(), evidence=("newer",), late=newer),))
    await commit_plan(store, FlushPlan(incidents=(opened,)))
    await store.show(follow_up(), LOOKUP, LINES)
    assert await members(store) == [(("newer",), newer)]


async def test_why_shows_the_lines_where_the_alert_began(store: Store) -> None:
    await store.sync_units([unit_row()])
    [claimed] = await store.claim_units("a", limit=1, lease=60)
    began = replace(change(), evidence=("evidence is late",), late=LOOKUP)
    await store.commit_ticks([replace(tick(claimed.id, claimed.epoch), transitions=(began,))])
    await store.show(follow_up(), LOOKUP, LINES)
    [found] = await store.explain(key().rule, {})
    assert [one.evidence for one in found.transitions] == [LINES]


async def test_what_ended_or_is_held_back_or_is_over_may_not_be_told(store: Store) -> None:
    await told(store)
    for about in ({"firing": False}, {"muted_by": "silenced by ana"}):
        await commit_plan(store, FlushPlan(incidents=(incident(members=(late(**about),)),)))
        assert not await store.show(follow_up(), LOOKUP, LINES)
    over = incident(members=(late(),), ended_at=at(0), taking_members=False)
    await commit_plan(store, FlushPlan(incidents=(over,)))
    assert not await store.show(follow_up(), LOOKUP, LINES)
    assert not await store.show(follow_up(incident_id="unknown"), LOOKUP, LINES)


async def test_when_the_incident_is_over_it_is_taken_back_also_where_it_was_tried(store: Store) -> None:
    epoch = await told(store)
    await store.finish(await take(store, epoch, LANE), epoch, Settled(DeliveryState.PENDING, "late", next_at=at(0)))
    over = incident(members=(late(),), ended_at=at(0), taking_members=False, due_at=at(0))
    await commit_plan(store, FlushPlan(incidents=(over,)))
    assert await store.next_delivery(LANE, epoch) is None
    assert (await states(store))["e"] is DeliveryState.WITHDRAWN


async def test_the_evidence_for_a_page_that_did_not_arrive_is_taken_back(store: Store) -> None:
    await enqueue(store, delivery("t"), follow_up())
    await send(store, await claim(store), DEAD)
    assert await store.next_delivery(LANE, await claim(store, channel=LANE)) is None
    assert (await states(store))["e"] is DeliveryState.WITHDRAWN


async def test_nobody_misses_it(store: Store) -> None:
    epoch = await told(store)
    assert await store.outbox() == []
    due = await store.next_incident_due()
    await store.finish(await take(store, epoch, LANE), epoch, DEAD)
    assert await store.next_incident_due() == due, "nobody stands in"
    health = await store.channel_health()
    assert (list(health), health["oncall"].dead) == (["oncall"], 0)
    assert await store.dead_letters(limit=5) == []


async def test_one_that_is_out_or_fails_holds_no_text_up(store: Store) -> None:
    epoch = await told(store)
    out = await take(store, epoch, LANE)
    await enqueue(store, delivery("r", Event.RESOLVE))
    text = await claim(store)
    assert (await take(store, text)).id == "r"
    await store.finish(out, epoch, AMBIGUOUS)
    assert (await states(store))["e"] is DeliveryState.AMBIGUOUS


async def test_it_keeps_the_distance_that_the_channel_keeps_between_messages(world: World, store: Store) -> None:
    await commit_plan(
        store, FlushPlan(incidents=(incident(members=(late(),)),), deliveries=(delivery("t"), follow_up()))
    )
    text = await claim(store)
    page = await take(store, text)
    await store.finish(page, text, ACCEPTED, Standing(hold_until=at(5)))
    epoch = await claim(store, channel=LANE)
    assert await store.next_delivery(LANE, epoch) is None
    await world.advance(6)
    assert (await take(store, epoch, LANE)).id == "e"
