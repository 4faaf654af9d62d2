"""The outbox: what leaves when, what a crash leaves behind, and what is owed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.support.clock import START
from tests.support.outbox import ACCEPTED, DEAD, claim, drain, send, states, take
from tests.support.stores import World, at, commit_plan, delivery, enqueue, incident, look
from watchtower.incidents.model import FlushPlan
from watchtower.model import DeliveryState, Event, Priority
from watchtower.store.values import Settled, Standing

if TYPE_CHECKING:
    from watchtower.store.store import Store


async def test_a_channel_belongs_to_one_worker_until_its_lease_ends(world: World, store: Store) -> None:
    first = await claim(store, "a")
    assert await store.claim_channel("oncall", "b", lease=30) is None
    await world.advance(31)
    assert await claim(store, "b") == first + 1
    assert await store.claim_channel("oncall", "a", lease=30) is None


async def test_of_two_workers_that_ask_at_once_one_gets_the_channel(world: World, store: Store) -> None:
    other = await world.other(store)
    epochs = await asyncio.gather(
        store.claim_channel("oncall", "a", lease=30), other.claim_channel("oncall", "b", lease=30)
    )
    assert sorted(epochs, key=str) == [1, None]


async def test_a_released_channel_is_free_at_once(store: Store) -> None:
    epoch = await claim(store, "a")
    await store.release_channel("oncall", epoch - 1)
    assert await store.claim_channel("oncall", "b", lease=30) is None
    await store.release_channel("oncall", epoch)
    assert await claim(store, "b") == epoch + 1


async def test_each_delivery_extends_the_lease(world: World, store: Store) -> None:
    epoch = await claim(store)
    for _ in range(3):
        await world.advance(20)
        assert await store.next_delivery("oncall", epoch) is None
    assert await store.claim_channel("oncall", "b", lease=30) is None


async def test_a_worker_that_lost_the_channel_is_given_nothing(world: World, store: Store) -> None:
    await enqueue(store, delivery("t"))
    lapsed = await claim(store, "a")
    await world.advance(31)
    assert await store.next_delivery("oncall", lapsed) is None, "the lease lapsed"
    await claim(store, "b")
    assert await store.next_delivery("oncall", lapsed) is None, "somebody else holds it"
    assert await states(store) == {"t": DeliveryState.PENDING}


async def test_a_delivery_is_marked_as_leaving_before_it_leaves(store: Store) -> None:
    row = delivery("t")
    await enqueue(store, row)
    epoch = await claim(store)
    taken = await take(store, epoch)
    assert (taken.state, taken.attempts, taken.notice) == (DeliveryState.PENDING, 0, row.notice)
    [brief] = (await look(store)).deliveries
    assert (brief.state, brief.attempts) == (DeliveryState.SENDING, 1)
    assert await store.next_delivery("oncall", epoch) is None


async def test_p1_leaves_before_p3_whatever_the_queue_holds(store: Store) -> None:
    low = [delivery(f"low{n}", incident_id=f"i{n}") for n in range(5)]
    await enqueue(store, *low, delivery("high", incident_id="x", tier=Priority.P1))
    assert await drain(store, await claim(store)) == ["high", "low0", "low1", "low2", "low3", "low4"]


async def test_rows_of_one_key_leave_strictly_in_order(world: World, store: Store) -> None:
    """An update of a higher tier does not overtake its trigger, not even while that waits for a retry."""
    key: dict[str, Any] = {"dedup_key": "same"}
    rise = delivery("rise", Event.UPDATE, tier=Priority.P1, **key)
    await enqueue(store, delivery("t", **key), rise, delivery("other", incident_id="i2"))
    epoch = await claim(store)
    await send(store, epoch, Settled(DeliveryState.PENDING, "429", next_at=at(60)))
    assert await drain(store, epoch) == ["other"]
    await world.advance(61)
    assert await drain(store, await claim(store)) == ["t", "rise"]


async def test_the_same_key_on_another_target_does_not_wait(store: Store) -> None:
    elsewhere = delivery("elsewhere", dedup_key="same", destination="pagerduty:2")
    await enqueue(store, delivery("t", dedup_key="same"), elsewhere)
    epoch = await claim(store)
    await send(store, epoch, Settled(DeliveryState.PENDING, "429", next_at=at(60)))
    assert (await take(store, epoch)).id == "elsewhere"


async def test_a_row_waits_until_what_goes_before_it_is_settled(store: Store) -> None:
    """A risen tier pages before the old key is resolved, whatever their tiers."""
    old = delivery("t3", dedup_key="k3")
    await enqueue(store, old)
    epoch = await claim(store)
    await send(store, epoch)
    resolve = delivery("r3", Event.RESOLVE, dedup_key="k3", after="t1", tier=Priority.P1)
    later = delivery("t1", dedup_key="k1", tier=Priority.P2)
    await commit_plan(store, FlushPlan(incidents=(incident(),), deliveries=(resolve, later)))
    taken = await take(store, epoch)
    assert taken.id == "t1"
    assert await store.next_delivery("oncall", epoch) is None
    await store.finish(taken, epoch, DEAD)
    assert (await take(store, epoch)).id == "r3"


async def test_a_row_is_not_sent_before_its_time(world: World, store: Store) -> None:
    await enqueue(store, delivery("t", next_at=at(20)))
    epoch = await claim(store)
    assert await store.next_delivery("oncall", epoch) is None
    await world.advance(20)
    assert (await take(store, epoch)).id == "t"


async def test_a_held_channel_sends_nothing_until_the_moment_given(world: World, store: Store) -> None:
    await enqueue(store, delivery("first", tier=Priority.P1), delivery("t", tier=Priority.P1, incident_id="i2"))
    epoch = await claim(store)
    taken = await take(store, epoch)
    assert not await store.finish(taken, epoch - 1, ACCEPTED, Standing(hold_until=at(500)))
    assert await store.finish(taken, epoch, ACCEPTED, Standing(hold_until=at(20)))
    assert await store.next_delivery("oncall", epoch) is None
    await world.advance(20)
    assert (await take(store, epoch)).id == "t"


async def test_a_channel_that_rests_sends_only_what_is_urgent_and_that_after_its_own_shorter_rest(
    world: World, store: Store
) -> None:
    rows = [delivery("a"), delivery("p3", incident_id="i2"), delivery("p1", incident_id="i3", tier=Priority.P1)]
    await enqueue(store, *(replace(row, next_at=at(1)) if row.id != "a" else row for row in rows))
    epoch = await claim(store)
    rest = Standing(rest_until=at(300), urgent_until=at(60), failures=8, sent=(1.5,))
    await send(store, epoch, Settled(DeliveryState.PENDING, "503", next_at=at(30)), rest)
    assert (await store.standings())["oncall"] == rest
    assert await store.next_send_due(["oncall"]) == {"oncall": at(60)}
    await world.advance(29)
    assert await store.next_delivery("oncall", epoch) is None
    await world.advance(31)
    epoch = await claim(store)
    assert (await send(store, epoch, standing=rest)).id == "p1"
    assert await store.next_send_due(["oncall"]) == {"oncall": at(300)}
    assert await store.next_delivery("oncall", epoch) is None
    await world.advance(240)
    assert (await take(store, await claim(store))).id == "a"


async def test_when_a_channel_rests_no_more_what_waits_for_its_next_try_leaves_at_once(store: Store) -> None:
    await enqueue(store, delivery("tried"), delivery("probe", incident_id="i2"), delivery("later", next_at=at(50)))
    epoch = await claim(store)
    again = Settled(DeliveryState.PENDING, "503", next_at=at(40))
    await send(store, epoch, again, Standing(rest_until=START, urgent_until=START, failures=5))
    await send(store, epoch, standing=Standing())
    assert await store.next_send_due(["oncall"]) == {"oncall": START}
    assert [(await send(store, epoch)).id, await store.next_delivery("oncall", epoch)] == ["tried", None]


async def test_a_clock_that_is_set_back_does_not_hold_a_channel_for_as_long(world: World, store: Store) -> None:
    await enqueue(store, delivery("a"), delivery("b", incident_id="i2", next_at=at(-7200)))
    epoch = await claim(store)
    await send(store, epoch, Settled(DeliveryState.DEAD, "400"), Standing(hold_until=at(1)))
    await world.advance(-3600)
    assert (await take(store, await claim(store))).id == "b"


async def test_the_next_send_is_due_at_the_retry_or_the_hold_whichever_is_later(store: Store) -> None:
    assert await store.next_send_due(["oncall", "ops"]) == {}
    await enqueue(store, delivery("t", next_at=at(20)), delivery("o", channel="ops", incident_id="i2"))
    assert await store.next_send_due(["oncall", "ops"]) == {"oncall": at(20), "ops": START}
    for channel, moment in (("oncall", at(50)), ("ops", at(5))):
        await enqueue(store, delivery(f"sent-{channel}", channel=channel, incident_id=f"sent-{channel}"))
        await send(store, await claim(store, channel=channel), standing=Standing(hold_until=moment), channel=channel)
    assert await store.next_send_due(["oncall", "ops"]) == {"oncall": at(50), "ops": at(5)}
    assert await store.next_send_due(["ops"]) == {"ops": at(5)}


async def test_a_row_that_waits_for_another_does_not_make_its_channel_due(store: Store) -> None:
    """Otherwise a sender would spin until the first is retried."""
    await enqueue(store, delivery("t", next_at=at(40)), delivery("u", Event.UPDATE))
    assert await store.next_send_due(["oncall"]) == {"oncall": at(40)}


async def test_a_request_that_is_out_makes_its_channel_due_when_the_lease_ends(store: Store) -> None:
    await enqueue(store, delivery("t"))
    await take(store, await claim(store))
    assert await store.next_send_due(["oncall"]) == {"oncall": at(30)}


async def test_a_request_that_a_crash_left_open_comes_back_as_such_and_owes_already(world: World, store: Store) -> None:
    await enqueue(store, delivery("t"))
    before = await take(store, await claim(store))
    reopened = await world.restart(store) if world.postgres is None else await world.open()
    await world.advance(31)
    epoch = await claim(reopened, "b")
    again = await take(reopened, epoch)
    assert (again.state, again.attempts) == (DeliveryState.SENDING, 1)
    assert (again.id, again.dedup_key) == (before.id, before.dedup_key)
    [owed] = await reopened.debts()
    assert (owed.dedup_key, owed.channel, owed.tier) == (before.dedup_key, "oncall", Priority.P3)
    assert again.first_attempt_at == START


async def test_a_crashed_request_owes_even_while_the_channel_is_held(world: World, store: Store) -> None:
    await enqueue(store, delivery("p1", tier=Priority.P1, incident_id="i2"), delivery("t"))
    epoch = await claim(store)
    await send(store, epoch, standing=Standing())
    await take(store, epoch)
    await world.sql("UPDATE channel SET hold_until = 2000000000000000")
    await world.advance(31)
    epoch = await claim(store, "b")
    assert await store.next_delivery("oncall", epoch) is None
    assert [debt.incident_id for debt in await store.debts()] == ["i2", "i1"]


async def test_the_outcome_of_a_fenced_worker_changes_nothing(world: World, store: Store) -> None:
    await enqueue(store, delivery("t"))
    old = await claim(store, "a")
    taken = await take(store, old)
    await world.advance(31)
    new = await claim(store, "b")
    assert not await store.finish(taken, old, ACCEPTED)
    assert not await store.finish(taken, new, ACCEPTED), "nor under an epoch that did not send it"
    assert await states(store) == {"t": DeliveryState.SENDING}
    assert await store.debts() == []


async def test_an_outcome_after_the_lease_lapsed_counts_if_nobody_took_the_channel(world: World, store: Store) -> None:
    await enqueue(store, delivery("t"))
    epoch = await claim(store)
    taken = await take(store, epoch)
    await world.advance(31)
    assert await store.finish(taken, epoch, ACCEPTED)


async def test_an_outcome_is_written_once(store: Store) -> None:
    await enqueue(store, delivery("t"))
    epoch = await claim(store)
    taken = await send(store, epoch)
    assert not await store.finish(taken, epoch, DEAD)
    assert await states(store) == {"t": DeliveryState.ACCEPTED}


async def test_a_rejected_delivery_is_tried_again_at_the_time_given(world: World, store: Store) -> None:
    await enqueue(store, delivery("t"))
    epoch = await claim(store)
    await send(store, epoch, Settled(DeliveryState.PENDING, "503", next_at=at(10)))
    assert await store.next_send_due(["oncall"]) == {"oncall": at(10)}
    await world.advance(10)
    again = await take(store, epoch)
    assert (again.state, again.attempts, again.last_error) == (DeliveryState.PENDING, 1, "503")


async def test_the_outbox_counts_open_rows_by_channel_and_tier(world: World, store: Store) -> None:
    await enqueue(
        store,
        delivery("a", created_at=at(5)),
        delivery("b", incident_id="i2", created_at=at(3)),
        delivery("c", tier=Priority.P1),
        delivery("d", channel="ops"),
    )
    depths = [(one.channel, one.priority, one.count, one.oldest) for one in await store.outbox()]
    assert depths == [
        ("oncall", Priority.P1, 1, START),
        ("oncall", Priority.P3, 2, at(3)),
        ("ops", Priority.P3, 1, START),
    ]


async def test_a_page_for_a_destination_that_is_gone_goes_where_the_channel_leads_today(store: Store) -> None:
    await enqueue(store, delivery("t", destination="pagerduty:old"))
    assert await store.retarget("oncall", ["pagerduty:new"], "pagerduty:new") == 1
    assert (await take(store, await claim(store))).destination == "pagerduty:new"


async def test_what_follows_a_page_that_was_led_elsewhere_goes_with_it(store: Store) -> None:
    page = delivery("t", destination="pagerduty:old")
    end = delivery("r", event=Event.RESOLVE, destination="pagerduty:old")
    await enqueue(store, page, end)
    await store.retarget("oncall", ["pagerduty:new"], "pagerduty:new")
    epoch = await claim(store)
    assert [(await send(store, epoch)).destination for _ in range(2)] == ["pagerduty:new"] * 2
    assert await store.debts() == []


async def test_a_resolve_stays_with_the_destination_that_took_the_trigger(store: Store) -> None:
    await enqueue(store, delivery("t", destination="pagerduty:old"))
    epoch = await claim(store)
    await send(store, epoch)
    await enqueue(store, delivery("r", event=Event.RESOLVE, destination="pagerduty:old"))
    assert await store.retarget("oncall", ["pagerduty:new"], "pagerduty:new") == 0
    assert (await take(store, epoch)).destination == "pagerduty:old"


async def test_a_page_that_may_have_arrived_where_nothing_leads_any_more_is_sent_again_elsewhere(store: Store) -> None:
    """Lost is worse than doubled; the old place's debt stays recorded."""
    await enqueue(store, delivery("t", destination="pagerduty:old"))
    epoch = await claim(store)
    await send(store, epoch, Settled(DeliveryState.AMBIGUOUS, "timed out", next_at=START))
    await store.retarget("oncall", ["pagerduty:new"], "pagerduty:new")
    assert (await take(store, epoch)).destination == "pagerduty:new"
    assert [debt.destination for debt in await store.debts()] == ["pagerduty:old"]


async def test_destinations_that_are_still_known_are_left_alone(store: Store) -> None:
    await enqueue(store, delivery("t", destination="pagerduty:old"))
    assert await store.retarget("oncall", ["pagerduty:old", "pagerduty:new"], "pagerduty:new") == 0


async def test_a_delivery_brings_who_else_accepted_its_incident_and_when(world: World, store: Store) -> None:
    await enqueue(
        store,
        delivery("p"),
        delivery("a", channel="audit", destination="sns:topic"),
        delivery("s", channel="ops", destination="slack:digest:#ops"),
    )
    await world.advance(2)
    await send(store, await claim(store), ACCEPTED)
    epoch = await claim(store, channel="ops")
    claimed = await take(store, epoch, "ops")
    assert [(heard.channel, heard.at) for heard in claimed.receipts] == [("oncall", at(2))]


async def test_a_delivery_says_how_often_its_alert_was_told_within_a_week(world: World, store: Store) -> None:
    for number, later in enumerate((0, 5, 3)):
        await world.advance(later * 86400)
        now = world.clock.now()
        past = incident(f"i{number}", opened_at=now, ended_at=now, taking_members=False, due_at=None)
        untold = replace(past, id=f"untold-{number}")
        await commit_plan(store, FlushPlan(incidents=(replace(past, told_tier=Priority.P3), untold)))
    await commit_plan(store, FlushPlan(deliveries=(delivery("t", incident_id="i2"),)))
    assert (await take(store, await claim(store))).times == 2
