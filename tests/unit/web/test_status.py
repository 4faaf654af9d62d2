"""How the daemon says how it fares, and how people read it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.outbox import ACCEPTED, claim, send
from tests.support.stores import commit_plan, delivery, enqueue, incident
from watchtower import __version__
from watchtower.commands.status import PATH, status_lines
from watchtower.incidents.model import FlushPlan
from watchtower.live import Facts
from watchtower.model import DeliveryState, Priority
from watchtower.store.values import Settled, Standing

if TYPE_CHECKING:
    from tests.unit.web.rig import Rig

REFUSED = Settled(DeliveryState.DEAD, "400: no such routing key", refused=True)


async def busy(rig: Rig) -> None:
    """One page accepted, one given up, one that waits in a channel that rests."""
    rig.live.facts = Facts("production", 12, rig.clock.now())
    rig.live.waiting_for = ""
    rig.live.beat("tick")
    rows = [
        delivery("t", incident_id="i1", channel="ops"),
        delivery("bad", incident_id="i2"),
        delivery("w", incident_id="i3", channel="audit", tier=Priority.P1),
    ]
    rows = [replace(row, notice=replace(row.notice, title=f"P3 CpuHigh: {row.incident_id}")) for row in rows]
    await enqueue(rig.store, *rows)
    await send(rig.store, await claim(rig.store, channel="ops"), ACCEPTED, channel="ops")
    await send(rig.store, await claim(rig.store), REFUSED)
    resting = Standing(rest_until=rig.clock.now(), failures=6)
    again = Settled(DeliveryState.PENDING, "connection refused", next_at=rig.clock.now())
    await send(rig.store, await claim(rig.store, channel="audit"), again, resting, channel="audit")
    await commit_plan(rig.store, FlushPlan(incidents=(incident("i1", ended_at=rig.clock.now(), due_at=None),)))
    rig.clock.advance(400)


async def test_the_status_tells_of_the_process_its_files_and_what_is_open(rig: Rig) -> None:
    await busy(rig)
    told = await rig.get(PATH)

    assert (told["version"], told["environment"], told["rules"]) == (__version__, "production", 12)
    assert (told["uptime_seconds"], told["reload"]["ok"]) == (400.0, True)
    assert told["store"] == rig.store.store_id
    assert told["loops"] == [{"name": "tick", "seconds_ago": 400.0, "late": True}]
    assert (told["ready"], told["reason"]) == (False, "late: tick")
    assert told["incidents"] == {"P1": 0, "P2": 0, "P3": 2, "P4": 0, "P5": 0}


async def test_the_status_tells_how_each_channel_fares(rig: Rig) -> None:
    await busy(rig)
    audit, oncall, ops = (await rig.get(PATH))["channels"]

    assert (ops["state"], ops["resolves_owed"], ops["resolves_overdue"]) == ("ok", 1, 1)
    assert ops["last_accepted"] == "2026-01-05T00:00:00+00:00"
    assert (oncall["state"], oncall["dead_letters"], oncall["last_accepted"]) == ("ok", 1, None)
    assert (audit["state"], audit["failures"], audit["waiting"], audit["oldest_seconds"]) == (
        "rests",
        6,
        {"P1": 1},
        400.0,
    )


async def test_the_status_lists_what_was_given_up_and_why(rig: Rig) -> None:
    await busy(rig)
    [letter] = (await rig.get(PATH))["dead_letters"]

    assert letter == {
        "id": "bad",
        "incident": "i2",
        "channel": "oncall",
        "event": "trigger",
        "tier": "P3",
        "title": "P3 CpuHigh: i2",
        "why": "400: no such routing key",
        "when": "2026-01-05T00:00:00+00:00",
    }


async def test_a_daemon_whose_store_fails_still_tells_what_it_knows(rig: Rig) -> None:
    await busy(rig)
    with closing(sqlite3.connect(rig.folder / "store.db")) as connection:
        connection.execute("DROP TABLE channel")
    told = await rig.get(PATH)

    assert not told["ready"]
    assert told["channels"] == []
    assert told["rules"] == 12


async def test_people_read_a_page(rig: Rig) -> None:
    await busy(rig)
    rig.live.facts = replace(rig.live.facts, refused_at=rig.clock.now(), faults=3)
    refused = "a reload was REFUSED 2026-01-05 00:06:40 UTC (3 faults)"
    resting = "after 6 failures, tried again 2026-01-05 00:00:00 UTC"
    lines = list(status_lines(await rig.get(PATH)))

    assert lines == [
        f"watchtower {__version__}, environment production: not ready: late: tick",
        f"up 6m40s, 12 rules loaded 2026-01-05 00:00:00 UTC; {refused}, store {rig.store.store_id}",
        "loops: 1, late: tick",
        "open incidents: 2 P3",
        f"channel audit: rests; {resting}; waiting: 1 P1, the oldest for 6m40s; nothing accepted yet",
        "channel oncall: ok; given up: 1; nothing accepted yet",
        "channel ops: ok; resolves owed: 1 (1 overdue); last accepted 2026-01-05 00:00:00 UTC",
        "given up (1):",
        "  2026-01-05 00:00:00 UTC  trigger to oncall: P3 CpuHigh: i2 [400: no such routing key] (incident i2)",
    ]


async def test_the_scrape_counts_dead_letters_and_says_when_something_was_accepted_last(rig: Rig) -> None:
    await busy(rig)
    async with rig.client.get("/metrics?family=watchtower") as response:
        lines = (await response.text()).splitlines()

    assert 'watchtower_dead_letters{channel="oncall"} 1.0' in lines
    assert 'watchtower_dead_letters{channel="ops"} 0.0' in lines
    assert 'watchtower_resolves_owed{channel="ops"} 1.0' in lines
    assert 'watchtower_last_accepted_timestamp_seconds{channel="ops"} 1.7675712e+09' in lines
    assert not any('last_accepted_timestamp_seconds{channel="oncall"' in line for line in lines)
