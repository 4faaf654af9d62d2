"""The ledger of uptime, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.clock import START
from tests.support.stores import tick, unit
from watchtower.model import AlertKey, Labels
from watchtower.sources.uptime.ledger import DAY, FINE, HOUR, Spent, Totals, Watched, begin_of

if TYPE_CHECKING:
    from tests.support.stores import World
    from watchtower.store.store import Store

NOW = int(START.timestamp())
SITE, SHOP = (AlertKey("SiteDown", Labels({"target": name})) for name in ("site", "shop"))


def span(state: Watched, start: int, end: int, key: AlertKey = SITE, width: int = FINE) -> Spent:
    """From and to in seconds after the start."""
    return Spent(key, state, NOW + start, NOW + end, width)


async def book(store: Store, *spans: Spent, epoch: int | None = None) -> bool:
    """Commit a tick with these spans; whether it was."""
    await store.sync_units([unit()])
    [claimed] = await store.claim_units("a", limit=1, lease=30)
    commit = replace(tick("u1", claimed.epoch if epoch is None else epoch, due_at=START), uptime=spans)
    return bool(await store.commit_ticks([commit]))


async def totals(store: Store, window: int = HOUR, at: int = NOW + HOUR) -> dict[AlertKey, Totals]:
    found = await store.uptime(["SiteDown"], {window: begin_of(window, at)})
    return {key: windows[window] for key, windows in found.items()}


async def test_what_is_booked_adds_up(store: Store) -> None:
    await book(store, span(Watched.UP, 0, 400), span(Watched.UP, 0, 60, SHOP))
    await book(
        store, span(Watched.DOWN, 400, 430), span(Watched.UNKNOWN, 430, 460), span(Watched.MAINTENANCE, 460, 500)
    )
    assert await totals(store) == {
        SITE: Totals(up=400, down=30, unknown=30, maintenance=40, since=NOW, until=NOW + 500),
        SHOP: Totals(up=60, since=NOW, until=NOW + 60),
    }


async def test_a_tick_that_is_fenced_books_nothing(store: Store) -> None:
    assert not await book(store, span(Watched.DOWN, 0, 60), epoch=99)
    assert await totals(store) == {}


async def test_a_window_begins_with_its_first_row_and_another_rule_is_not_meant(store: Store) -> None:
    other = AlertKey("Other", Labels({"target": "site"}))
    await book(store, span(Watched.DOWN, 0, 300), span(Watched.UP, 300, 600), span(Watched.UP, 0, 60, other))
    found = await totals(store, FINE, NOW + 600)
    assert found == {SITE: Totals(up=300, since=NOW, until=NOW + 600)}
    assert set(await store.uptime(None, {HOUR: NOW})) == {SITE, other}


async def test_old_rows_become_longer_and_lose_no_second(world: World, store: Store) -> None:
    await book(
        store, *(span(Watched.UP, at, at + 50) for at in range(0, 2 * HOUR, 60)), span(Watched.DOWN, 7_150, 7_160)
    )
    assert await world.count("uptime") == 24
    await world.advance(10 * HOUR)
    await store.prune(before=START)
    assert (await world.count("uptime"), await world.count("uptime", f"width = {HOUR}")) == (2, 2)
    await world.advance(5 * DAY)
    await store.prune(before=START)
    assert await world.count("uptime", f"width = {DAY}") == 1
    assert (await totals(store, 30 * DAY, NOW))[SITE] == Totals(up=6_000, down=10, since=NOW, until=NOW + 7_190)


async def test_what_is_booked_late_joins_the_long_row(world: World, store: Store) -> None:
    await book(store, span(Watched.UP, 0, 60))
    await world.advance(10 * HOUR)
    await store.prune(before=START)
    await book(store, span(Watched.DOWN, 60, 120))
    await store.prune(before=START)
    assert await world.count("uptime") == 1
    assert (await totals(store))[SITE] == Totals(up=60, down=60, since=NOW, until=NOW + 120)


async def test_after_a_quarter_a_target_is_forgotten(world: World, store: Store) -> None:
    await book(store, span(Watched.UP, 0, 60))
    await world.advance(timedelta(days=94).total_seconds())
    await store.prune(before=START)
    assert (await world.count("uptime"), await world.count("uptime_series")) == (0, 0)
