"""Silences in the store: kept, changed, ended, and told to whoever must look again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.support.stores import World, at, change, commit_plan, delivery, incident, look, state
from watchtower.incidents.model import FiringAlert, FlushInput, FlushPlan
from watchtower.incidents.silences import Silence
from watchtower.matchers import parse_matchers
from watchtower.model import NOTIFY_FALSE, AlertMemory, DeliveryState, Event, Priority, State
from watchtower.store.values import Settled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from watchtower.store.store import Store

DAY = 86_400.0


def silence(name: str = "s1", *, start: float = 0, end: float = 3600, **more: Any) -> Silence:
    plain = Silence(
        id=name,
        matchers=parse_matchers(['alert="CpuHigh"', 'db=~"db-[0-9]+"', 'note="a, \\"b\\" \\\\ c"']),
        starts_at=at(start),
        ends_at=at(end),
        updated_at=at(0),
        created_by="ana",
        comment="moving the database\x00",
    )
    return replace(plain, **more)


async def test_a_silence_comes_back_as_it_was_saved(store: Store) -> None:
    kept = silence(comment="moving", expire_on_resolve=True)
    await store.save_silence(kept)
    assert await store.silences() == [kept]


async def test_a_silence_of_the_same_id_is_replaced(store: Store) -> None:
    await store.save_silence(silence())
    await store.save_silence(silence(end=7200, comment="longer"))
    [found] = await store.silences()
    assert (found.ends_at, found.comment) == (at(7200), "longer")


async def test_a_comment_with_a_nul_is_kept_without_it(store: Store) -> None:
    await store.save_silence(silence())
    assert "\x00" not in (await store.silences())[0].comment


async def test_silences_to_come_are_listed_and_ended_ones_only_on_request_for_five_days(
    world: World, store: Store
) -> None:
    for one in (silence("later", start=9 * DAY, end=10 * DAY), silence("short", end=60), silence("long", end=8 * DAY)):
        await store.save_silence(one)
    await world.advance(60)
    assert [one.id for one in await store.silences()] == ["long", "later"]
    assert [one.id for one in await store.silences(ended=True)] == ["long", "short", "later"]
    await world.advance(5 * DAY + 1)
    assert [one.id for one in await store.silences(ended=True)] == ["long", "later"]


async def test_an_expired_silence_holds_no_more_but_is_remembered(world: World, store: Store) -> None:
    await store.save_silence(silence())
    await world.advance(60)
    assert await store.expire_silence("s1", at(60))
    assert await store.silences() == []
    [ended] = await store.silences(ended=True)
    assert (ended.starts_at, ended.ends_at, ended.updated_at) == (at(0), at(60), at(60))


async def test_a_silence_that_never_began_ends_before_it_held_anything(store: Store) -> None:
    await store.save_silence(silence(start=600))
    assert await store.expire_silence("s1", at(0))
    [ended] = await store.silences(ended=True)
    assert ended.starts_at == ended.ends_at == at(0)


async def test_what_is_unknown_or_over_cannot_be_expired(store: Store) -> None:
    assert not await store.expire_silence("never", at(0))
    await store.save_silence(silence())
    assert await store.expire_silence("s1", at(0))
    assert not await store.expire_silence("s1", at(1))


async def test_every_open_incident_is_due_when_a_silence_is_saved_changed_or_expired(store: Store) -> None:
    open_one, ended = incident("open", due_at=at(900)), incident("ended", due_at=None, ended_at=at(0))
    await commit_plan(store, FlushPlan(incidents=(open_one, ended)))
    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: store.save_silence(silence()),
        lambda: store.save_silence(silence(end=60)),
        lambda: store.expire_silence("s1", at(0)),
    ]
    for step in changes:
        await step()
        [seen] = (await look(store)).incidents
        assert seen.due_at == at(0)
        assert await store.next_incident_due() == at(0)
        await commit_plan(store, FlushPlan(incidents=(open_one,)))


async def test_expiring_what_is_not_there_makes_nothing_due(store: Store) -> None:
    await commit_plan(store, FlushPlan(incidents=(incident("open", due_at=at(900)),)))
    await store.expire_silence("never", at(0))
    assert await store.next_incident_due() == at(900)


async def test_a_flush_sees_the_silences_that_have_not_ended(world: World, store: Store) -> None:
    await store.save_silence(silence("now"))
    await store.save_silence(silence("over", end=30))
    await store.save_silence(silence("later", start=900))
    await world.advance(60)
    assert [one.id for one in (await look(store)).silences] == ["now", "later"]


async def test_silences_outlive_a_restart(world: World, store: Store) -> None:
    await store.save_silence(silence())
    assert [one.id for one in await (await world.restart(store)).silences()] == ["s1"]


async def test_a_silence_that_ended_long_ago_is_forgotten(world: World, store: Store) -> None:
    await store.save_silence(silence("old", end=5))
    await store.save_silence(silence("new", end=60))
    await store.prune(before=at(10))
    assert await world.count("silence") == 1


# --- what the flush and the senders make of it ---------------------------------------------------------


async def pending(store: Store, name: str, **more: Any) -> None:
    """A page in the outbox whose incident is not due."""
    page = delivery(name, incident_id=f"i-{name}", **more)
    plan = FlushPlan(incidents=(incident(f"i-{name}", due_at=at(900)),), deliveries=(page,))
    await commit_plan(store, plan)


async def claimed(store: Store, channel: str = "oncall") -> str | None:
    epoch = await store.claim_channel(channel, "a", lease=30)
    assert epoch is not None
    found = await store.next_delivery(channel, epoch)
    return found.id if found else None


async def test_a_page_that_was_never_tried_waits_until_the_flush_has_looked_at_a_new_silence(store: Store) -> None:
    await pending(store, "page")
    await store.save_silence(silence())
    assert await claimed(store) is None
    await commit_plan(store, FlushPlan(incidents=(incident("i-page", due_at=at(3600)),)))
    assert await claimed(store) == "page"


async def test_a_page_is_withdrawn_by_the_flush_that_a_silence_made_due(world: World, store: Store) -> None:
    await pending(store, "page")
    await store.save_silence(silence())
    await commit_plan(store, FlushPlan(withdrawn=(("page", "silenced by ana"),)))
    assert await claimed(store) is None
    assert await world.count("delivery", "state = 'withdrawn' AND last_error = 'silenced by ana'") == 1


async def test_a_resolve_leaves_through_a_silence(store: Store) -> None:
    await pending(store, "page")
    epoch = await store.claim_channel("oncall", "a", lease=30)
    assert epoch is not None
    page = await store.next_delivery("oncall", epoch)
    assert page is not None
    assert await store.finish(page, epoch, Settled(DeliveryState.ACCEPTED, ""))
    resolve = delivery("resolve", Event.RESOLVE, incident_id="i-page")
    await commit_plan(store, FlushPlan(deliveries=(resolve,)))
    await store.save_silence(silence())
    assert await claimed(store) == "resolve"


async def test_a_page_that_was_tried_leaves_again_through_a_silence(world: World, store: Store) -> None:
    await pending(store, "page")
    epoch = await store.claim_channel("oncall", "a", lease=30)
    assert epoch is not None
    page = await store.next_delivery("oncall", epoch)
    assert page is not None
    await store.finish(page, epoch, Settled(DeliveryState.PENDING, "503", next_at=at(0)))
    await store.save_silence(silence())
    assert await claimed(store) == "page"


async def test_a_flush_that_cannot_look_does_not_keep_pages_for_ever(world: World, store: Store) -> None:
    await pending(store, "page")
    await store.save_silence(silence())
    await world.advance(59)
    assert await claimed(store) is None
    await world.advance(1)
    assert await claimed(store) == "page"


async def test_a_flush_ends_the_silences_that_its_plan_names(store: Store) -> None:
    await store.save_silence(silence("brief"))
    await store.save_silence(silence("lasting"))
    await commit_plan(store, FlushPlan(expired=("brief",)))
    assert [one.id for one in await store.silences()] == ["lasting"]


async def inhibitors(store: Store, within: float | None) -> tuple[FiringAlert, ...]:
    seen: list[FlushInput] = []

    def remember(given: FlushInput) -> FlushPlan:
        seen.append(given)
        return FlushPlan()

    await store.flush(remember, inhibits_for=within)
    return seen[0].firing


async def firing(store: Store, within: float | None) -> list[tuple[str, float | None]]:
    found = await inhibitors(store, within)
    return sorted((one.labels["db"], (one.ended_at - at(0)).total_seconds() if one.ended_at else None) for one in found)


async def test_a_flush_reads_who_fires_only_when_something_inhibits(store: Store) -> None:
    dark = replace(state("dark", now=State.INSUFFICIENT_DATA), firing=True)
    await store.commit_orphans([state("on"), state("fine", now=State.OK), dark], [])
    assert await firing(store, None) == []
    assert await firing(store, 0) == [("dark", None), ("on", None)]


async def test_a_flush_reads_who_ended_within_the_longest_extension(world: World, store: Store) -> None:
    ended = [change("old", to=State.OK, when=10), change("new", to=State.OK, when=50)]
    again = [change("again", to=State.OK, when=50), change("again", when=55)]
    await store.commit_orphans([state("again")], [*ended, *again])
    await world.advance(60)
    assert await firing(store, 30) == [("again", None), ("new", 50)]
    assert await firing(store, 50) == [("again", None), ("new", 50)]
    assert await firing(store, 51) == [("again", None), ("new", 50), ("old", 10)]


async def test_who_ended_keeps_the_priority_that_it_had(world: World, store: Store) -> None:
    ended = replace(change("db-1", to=State.OK), from_priority=Priority.P1, priority=None)
    await store.commit_orphans([], [ended])
    await world.advance(1)
    [found] = await inhibitors(store, 60)
    assert found.labels["priority"] == "P1"


async def test_a_flush_reads_who_flaps_and_is_well_only_where_somebody_is_held_back(store: Store) -> None:
    well, ill = AlertMemory(changes=(60, -120), flapping=True), AlertMemory(changes=(60, -120, 180), flapping=True)
    rows = [replace(state("well"), memory=well), replace(state("ill"), memory=ill), state("plain")]
    await store.commit_orphans(rows, [])
    await commit_plan(store, FlushPlan(incidents=(incident("open"),)))
    assert (await look(store)).calm == frozenset()
    held = tuple(replace(member, muted_by="silenced") for member in incident("open").members)
    await commit_plan(store, FlushPlan(incidents=(incident("open", members=held),)))
    assert (await look(store)).calm == {rows[0].key.id}


async def test_who_was_never_told_holds_nobody_back(store: Store) -> None:
    """What was told at a lower priority did ring."""
    late = replace(state("late"), memory=AlertMemory(untold=True))
    rose = replace(state("rose"), memory=AlertMemory(untold=True, told=Priority.P3))
    await store.commit_orphans([late, rose], [])
    assert await firing(store, 0) == [("rose", None)]


async def test_the_end_of_what_was_never_told_holds_nobody_back(world: World, store: Store) -> None:
    """The end of a rule with ``notify: false`` does: its author wants it to be quiet and to hold others."""
    late = replace(change("late", to=State.OK), notify=False, unsent="nobody was told of its beginning")
    quiet = replace(change("quiet", to=State.OK), notify=False, unsent=NOTIFY_FALSE)
    await store.commit_orphans([], [late, quiet])
    await world.advance(1)
    assert await firing(store, 60) == [("quiet", 0)]
