"""How a store is opened, held, looked into, and what it survives."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import ManualClock
from tests.support.stores import World, change, delivery, enqueue, incident, look, state, tick, unit
from watchtower.clock import SystemClock
from watchtower.errors import StoreError, StoreLocked
from watchtower.incidents.model import FlushInput, FlushPlan
from watchtower.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(mode: str, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with a store of its own, killed at the latest when the block ends."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.store_process",
        mode,
        url,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def line(child: asyncio.subprocess.Process) -> str:
    assert child.stdout is not None
    return (await asyncio.wait_for(child.stdout.readline(), 30)).decode().strip()


def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


async def test_a_store_keeps_the_id_it_was_made_with(world: World) -> None:
    first = await world.open()
    again = await world.restart(first)
    assert (first.fresh, again.fresh) == (True, False)
    assert again.store_id == first.store_id
    assert len(first.store_id) == 12
    await again.ping()


@pytest.mark.parametrize("opens", [Store.open, Store.open_readonly])
async def test_a_url_with_a_parameter_that_nobody_knows_is_the_stores_failure(opens: Callable[..., Any]) -> None:
    with pytest.raises(StoreError, match=r"`sslmod` \(did you mean `sslmode`\?\)"):
        await opens("postgresql://watchtower@127.0.0.1:1/watchtower?sslmod=require", clock=ManualClock())


@pytest.mark.parametrize("place", ["127.0.0.1:99999/watchtower", "127.0.0.1/watchtower?port=99999"])
async def test_a_port_that_there_is_not_is_the_stores_failure(place: str) -> None:
    """The driver finds the first out only when it connects."""
    with pytest.raises(StoreError, match="port"):
        await Store.open(f"postgresql://watchtower@{place}", clock=ManualClock())


async def test_two_daemons_that_make_a_store_together_agree_on_its_id(shared_world: World) -> None:
    first = await shared_world.open()
    assert (await shared_world.open()).store_id == first.store_id


async def test_everything_committed_survives_a_restart(world: World, store: Store) -> None:
    await store.sync_units([unit()])
    [claimed] = await store.claim_units("a", limit=1, lease=30)
    await store.commit_ticks([tick("u1", claimed.epoch, states=[state()], changes=[change()])])
    await enqueue(store, delivery("t"))
    before = (await look(store), await store.alert_states(), await store.unit_health())
    after = await world.restart(store)
    assert (await look(after), await after.alert_states(), await after.unit_health()) == before


async def test_a_crash_in_the_middle_of_a_commit_loses_nothing_and_tears_nothing(world: World) -> None:
    async with process("commit", world.url) as child:
        while (said := await line(child)) != "20":
            assert said
        child.send_signal(signal.SIGKILL)
        assert child.stdout is not None
        rest = (await child.stdout.read()).split()
    last_said = int(rest[-1]) if rest else 20
    store = await world.open()
    [health] = await store.unit_health()
    assert health.last_tick in (last_said, last_said + 1)
    numbers = sorted(int(one.key.identity["db"][3:]) for one in (await look(store)).transitions)
    assert numbers == list(range(health.last_tick + 1))
    assert len(await store.alert_states()) == len(numbers)


async def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    async with process("hold", url) as child:
        assert (await line(child)).startswith("open")
        with pytest.raises(StoreLocked, match=f"store.db is held by process {child.pid}$"):
            await Store.open(url, clock=SystemClock())
        child.kill()
        await child.wait()
        await (await Store.open(url, clock=SystemClock())).close()


async def test_one_process_cannot_open_its_own_store_twice(tmp_path: Path) -> None:
    store = await Store.open(sqlite_url(tmp_path), clock=SystemClock())
    with pytest.raises(StoreLocked):
        await Store.open(sqlite_url(tmp_path), clock=SystemClock())
    await store.close()


async def test_who_opens_a_sqlite_store_ends_the_leases_of_the_dead(tmp_path: Path) -> None:
    world = World(sqlite_url(tmp_path), ManualClock())
    store = await world.open()
    await store.sync_units([unit()])
    await store.claim_units("dead", limit=1, lease=3600)
    await store.claim_channel("oncall", "dead", lease=3600)
    store = await world.restart(store)
    assert [found.epoch for found in await store.claim_units("new", limit=1, lease=30)] == [2]
    assert await store.claim_channel("oncall", "new", lease=30) == 2
    await store.close()


async def test_a_full_disk_is_told_and_outlived(tmp_path: Path) -> None:
    async with process("full", sqlite_url(tmp_path)) as child:
        refused = await line(child)
        assert refused.startswith("refused: the store failed: ")
        assert "disk" in refused
        assert await line(child) == "unchanged: True 0"
        assert await line(child) == "after: 1"


async def test_an_explanation_is_read_beside_the_daemon(world: World, store: Store) -> None:
    await store.commit_orphans([state()], [change()])
    async with asyncio.timeout(5):
        looking = await Store.open_readonly(world.url, clock=world.clock)
        assert looking.store_id == store.store_id
        assert not looking.fresh
        await store.commit_orphans([state("db-2")], [])
        assert [told.state for told in await looking.explain("CpuHigh", {"db": "db-2"})] == [state("db-2")]
        with pytest.raises(StoreError, match="reading only"):
            await looking.commit_orphans([state()], [])
        await looking.close()


async def test_reading_needs_a_store_that_exists(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store at"):
        await Store.open_readonly(sqlite_url(tmp_path), clock=SystemClock())
    assert not (tmp_path / "store.db").exists()
    assert not (tmp_path / "store.db.lock").exists()
    sqlite3.connect(tmp_path / "store.db").execute("CREATE TABLE other (x)").connection.close()
    with pytest.raises(StoreError, match="not a store of Watchtower"):
        await Store.open_readonly(sqlite_url(tmp_path), clock=SystemClock())


async def test_a_store_of_a_newer_version_is_refused(world: World) -> None:
    await (await world.open()).close()
    await world.sql("UPDATE alembic_version SET version_num = '9999'")
    for opening in (Store.open, Store.open_readonly):
        with pytest.raises(StoreError, match="written by a newer Watchtower: it has version 9999"):
            await opening(world.url, clock=world.clock)
    await world.sql("UPDATE alembic_version SET version_num = '0001'")
    await world.open()


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("not a database" * 1000)
    with pytest.raises(StoreError, match="file is not a database"):
        await Store.open(sqlite_url(tmp_path), clock=SystemClock())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///{tmp}/missing/store.db", "missing is not a directory"),
        ("sqlite:///:memory:", "needs a file"),
        ("mysql://root:geheim@localhost/x", "a store is sqlite:///path or postgresql://"),
        ("::geheim::", "cannot be read"),
        ("postgresql://u:geheim@127.0.0.1:1/x", "connect call failed"),
    ],
)
async def test_a_store_that_cannot_be_opened_says_why_and_keeps_the_password(
    tmp_path: Path, url: str, says: str
) -> None:
    with pytest.raises(StoreError, match=says) as caught:
        await Store.open(url.format(tmp=tmp_path), clock=SystemClock())
    assert "geheim" not in str(caught.value)


async def test_a_store_that_went_away_does_not_answer_a_ping(world: World, store: Store) -> None:
    await world.sql("DROP TABLE meta")
    with pytest.raises(StoreError, match="meta"):
        await store.ping()


async def test_a_cancelled_call_is_finished_whole_and_the_store_works_on(world: World, store: Store) -> None:
    await store.sync_units([unit(f"u{n}") for n in range(50)])
    for delay in (0, 0, 0.001, 0.002, 0.004):
        claiming = asyncio.create_task(store.claim_units("gone", limit=1, lease=0))
        await asyncio.sleep(delay)
        claiming.cancel()
        await asyncio.gather(claiming, return_exceptions=True)
    async with asyncio.timeout(10):
        claimed = await store.claim_units("a", limit=100, lease=30)
    assert len({found.id for found in claimed}) == 50


async def test_a_process_that_sleeps_inside_its_transaction_is_thrown_out(shared_world: World) -> None:
    """Its row locks would otherwise stop every other worker for as long as it sleeps."""
    store = await shared_world.open()
    await store.commit_orphans([], [change()])

    def paused(given: FlushInput) -> FlushPlan:
        time.sleep(3.3)
        return FlushPlan(consumed=tuple(one.seq for one in given.transitions), incidents=(incident(),))

    with pytest.raises(StoreError):
        await store.flush(paused)
    assert len((await look(store)).transitions) == 1
    assert await store.open_incidents() == []


async def test_a_pooler_that_shares_sessions_can_be_used(shared_world: World) -> None:
    pooled = World(shared_world.url + "&statement_cache_size=0", shared_world.clock, shared_world.postgres)
    store = await pooled.open()
    await store.commit_orphans([state()], [change()])
    await asyncio.gather(*(store.alert_states() for _ in range(8)))
    assert [one.key for one in await store.alert_states()] == [state().key]
    await store.close()
