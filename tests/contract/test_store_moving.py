"""What units remember goes along when a plan cuts them anew, and no tick under way overwrites it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.clock import START
from tests.support.stores import tick, unit
from watchtower.store.values import Removal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.store.store import Store
    from watchtower.store.values import ClaimedUnit

CUT = frozenset({"cloudwatch"})


def carrying(**given: bytes) -> Removal:
    """Units of this source are cut anew, and these take this over."""
    return Removal(CUT, lambda _, __: given)


async def claim(store: Store) -> dict[str, ClaimedUnit]:
    return {one.id: one for one in await store.claim_units("w", limit=9, lease=30)}


async def test_a_new_plan_takes_along_what_the_old_units_remember(store: Store) -> None:
    seen: list[tuple[str, dict[str, bytes]]] = []

    def carry(source: str, memories: Mapping[str, bytes]) -> Mapping[str, bytes]:
        seen.append((source, dict(memories)))
        return {"comes": memories["goes"]}

    await store.sync_units([unit("goes"), unit("unasked")], Removal(CUT, carry))
    held = await claim(store)
    await store.commit_ticks([tick("goes", held["goes"].epoch, memory=b"known")])
    await store.sync_units([unit("goes"), unit("unasked")], Removal(CUT, carry))
    assert seen == [], "a plan that changes nothing moves nothing"

    await store.sync_units([unit("comes"), unit("unasked")], Removal(CUT, carry))

    assert seen == [("cloudwatch", {"goes": b"known"})]
    assert (await claim(store))["comes"].memory == b"known"


async def test_what_belongs_to_other_sources_stays_where_it_is(store: Store) -> None:
    await store.sync_units([unit("u1")])
    held = await claim(store)

    await store.sync_units([unit("u1", fingerprint="changed")], Removal(frozenset({"probe"}), lambda _, __: {}))

    assert await store.commit_ticks([tick("u1", held["u1"].epoch, fingerprint="")]) == {"u1"}


async def test_a_tick_under_way_does_not_overwrite_what_its_unit_took_over(store: Store) -> None:
    await store.sync_units([unit("u1"), unit("u2")])
    held = await claim(store)

    await store.sync_units([unit("u1"), unit("u3")], carrying(u1=b"taken over"))

    assert await store.commit_ticks([tick("u1", held["u1"].epoch, memory=b"older")]) == frozenset()
    assert (await claim(store))["u1"].memory == b"taken over", "it is free at once"


async def test_a_tick_under_way_for_other_asks_is_repeated_where_memories_go_along(store: Store) -> None:
    await store.sync_units([unit("u1")])
    held = await claim(store)

    await store.sync_units([unit("u1", fingerprint="changed")], carrying())

    assert await store.commit_ticks([tick("u1", held["u1"].epoch)]) == frozenset()
    assert set(await claim(store)) == {"u1"}


async def test_a_worker_with_an_older_plan_tells_what_it_sees_and_leaves_what_the_unit_remembers(store: Store) -> None:
    await store.sync_units([unit("u1", fingerprint="new")])
    held = await claim(store)
    mine = tick("u1", held["u1"].epoch, memory=b"whole", fingerprint="new", due_at=START)
    assert await store.commit_ticks([mine]) == {"u1"}

    held = await claim(store)
    theirs = tick("u1", held["u1"].epoch, memory=b"less", fingerprint="old", due_at=START)
    assert await store.commit_ticks([theirs]) == {"u1"}

    assert (await claim(store))["u1"].memory == b"whole"
