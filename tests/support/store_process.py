"""A process with a store of its own, for tests that kill it: ``store_process.py commit|hold|full URL``."""

from __future__ import annotations

import asyncio
import resource
import sys
from contextlib import suppress

from tests.support.stores import change, state, tick, unit
from watchtower.clock import SystemClock
from watchtower.errors import StoreError
from watchtower.store.store import Store


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def commit(store: Store) -> None:
    """Commit ticks for ever; say each number once it is committed."""
    await store.sync_units([unit(period=31_536_000)])
    for number in range(1_000_000):
        [claimed] = await store.claim_units("a", limit=1, lease=60)
        name = f"db-{number}"
        done = tick(
            "u1",
            claimed.epoch,
            due_at=claimed.due_at,
            last_tick=number,
            states=[state(name)],
            changes=[change(name)],
        )
        await store.commit_ticks([done])
        say(number)


async def hold(store: Store) -> None:
    """Have the store until the other side closes our input."""
    say("open", store.store_id)
    await asyncio.to_thread(sys.stdin.read)


async def full(store: Store) -> None:
    """Run out of disk, say the error, get room again and go on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        for number in range(100):
            await store.commit_orphans([state(f"{number}-{n}") for n in range(500)], [])
    except StoreError as error:
        say("refused:", error)
    before = len(await store.alert_states())
    with suppress(StoreError):
        await store.commit_orphans([state(f"again-{n}") for n in range(500)], [])
    say("unchanged:", len(await store.alert_states()) == before, before % 500)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await store.commit_orphans([state("after")], [])
    say("after:", len(await store.alert_states()) - before)


async def main(mode: str, url: str) -> None:
    store = await Store.open(url, clock=SystemClock())
    try:
        await {"commit": commit, "hold": hold, "full": full}[mode](store)
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
