"""What comes in by itself is kept, the newest of each kind, and makes somebody look at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.stores import World, at, unit
from watchtower.sources.base import Received

if TYPE_CHECKING:
    from watchtower.store.store import Store


async def test_the_newest_of_each_kind_is_kept_over_a_restart(world: World, store: Store) -> None:
    await store.receive("heartbeat", Received("backup", "fail", at(10), "disk full\x00"))
    await store.receive("heartbeat", Received("backup", "success", at(20)))
    await store.receive("heartbeat", Received("backup", "success", at(30)))
    await store.receive("probe", Received("www.example.com", "accept", at(30)))

    again = await world.restart(store)
    assert await again.received("heartbeat") == (
        Received("backup", "fail", at(10), "disk full\N{REPLACEMENT CHARACTER}"),
        Received("backup", "success", at(30)),
    )


async def test_what_is_received_makes_its_unit_due_at_once_also_while_somebody_judges_it(store: Store) -> None:
    await store.sync_units([unit("heartbeat/all", due=60)])
    assert await store.claim_units("one", limit=1, lease=60) == []
    await store.receive("heartbeat", Received("backup", "success", at(0)), wakes=["heartbeat/all"])
    [claimed] = await store.claim_units("one", limit=1, lease=60)
    assert (claimed.id, claimed.woken) == ("heartbeat/all", 1)


async def test_words_about_probes_are_forgotten_in_time_and_pings_are_not(store: Store) -> None:
    await store.receive("heartbeat", Received("backup", "success", at(0)))
    await store.receive("probe", Received("a.example", "accept", at(0)))
    await store.receive("probe", Received("b.example", "accept", at(60)))
    await store.prune(before=at(30))
    assert [one.target for one in await store.received("probe")] == ["b.example"]
    assert [one.target for one in await store.received("heartbeat")] == ["backup"]


async def test_targets_that_nobody_asks_for_any_more_are_forgotten(store: Store) -> None:
    for target in ("backup", "report"):
        await store.receive("heartbeat", Received(target, "success", at(0)))
    await store.receive("probe", Received("report", "accept", at(0)))
    await store.forget_received("heartbeat", {"backup"})
    assert [one.target for one in await store.received("heartbeat")] == ["backup"]
    assert [one.target for one in await store.received("probe")] == ["report"]
