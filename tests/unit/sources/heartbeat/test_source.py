"""The heartbeat source over looks, restarts and pings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.support.clock import START
from watchtower.clock import epoch
from watchtower.model import Labels, Observation, Priority, Truth
from watchtower.secrets import Secret
from watchtower.sources.base import Ask, Poll, Received
from watchtower.sources.heartbeat.query import PERIOD, HeartbeatQuery
from watchtower.sources.heartbeat.source import HeartbeatSource

TOKEN = "0123456789abcdef-backup"


def ask(rule: str = "BackupMissing", **keys: object) -> Ask:
    query = HeartbeatQuery.model_validate(
        {"target": "backup", "token": Secret(TOKEN), "every": "1h", "grace": "10m", **keys}
    )
    return Ask(rule, query, PERIOD, 2, Priority.P1)


@dataclass
class Looks:
    """A source that is asked again and again; the rows are those that the store has."""

    asks: tuple[Ask, ...] = (ask(),)
    source: HeartbeatSource = field(default_factory=HeartbeatSource)
    memory: bytes | None = None
    rows: dict[tuple[str, str], Received] = field(default_factory=dict)

    def ping(self, minute: float, kind: str = "success", text: str = "", target: str = "backup") -> None:
        self.rows[target, kind] = Received(target, kind, at(minute), text)

    async def look(self, minute: float) -> list[Observation]:
        """What each rule sees at this minute."""
        [unit] = self.source.plan(self.asks, ())
        now = at(minute)
        tick = int(epoch(now)) // PERIOD * PERIOD
        found = await self.source.poll(Poll(unit, tick, self.memory, now, tuple(self.rows.values())))
        self.memory = found.memory
        return [one for answer in found.answers for one in answer.observations]

    async def until(self, first: int, last: int) -> list[float | None]:
        """The newest value at every minute."""
        seen = [(await self.look(minute))[0] for minute in range(first, last)]
        return [one.points[-1][1] if one.points else None for one in seen]


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


async def test_who_never_pinged_has_no_data_and_is_late_after_a_period_and_the_grace() -> None:
    looks = Looks()
    [first] = await looks.look(0)
    assert (first.identity, first.truth, first.points) == (Labels({"target": "backup"}), Truth.NO_DATA, ())
    assert "no ping ever came; the next is expected" in first.reason
    assert await looks.until(1, 73) == [None] * 70 + [0.0, 0.0]


async def test_a_ping_counts_in_the_slot_that_was_judged_already() -> None:
    looks = Looks()
    await looks.until(0, 72)
    looks.ping(71.2)
    [after] = await looks.look(71.3)
    assert [value for _, value in after.points] == [1.0]


async def test_datapoints_reach_back_as_far_as_the_rule_looks() -> None:
    looks = Looks()
    looks.ping(0)
    await looks.until(0, 71)
    [late] = await looks.look(71)
    assert [value for _, value in late.points] == [1.0, 0.0]


async def test_a_restart_at_the_time_of_the_ping_blames_nobody_for_a_period() -> None:
    looks = Looks()
    looks.ping(0)
    await looks.until(0, 58)
    looks.source = HeartbeatSource()
    assert set(await looks.until(75, 130)) == {1.0}
    assert await looks.until(130, 132) == [1.0, 0.0]


async def test_a_short_restart_counts_too_and_looking_on_does_not() -> None:
    looks = Looks()
    looks.ping(0)
    await looks.until(0, 60)
    looks.source = HeartbeatSource()
    [after] = await looks.look(60.5)
    assert "Watchtower could not be reached from 2026-01-05 00:59:00 UTC until 2026-01-05 01:00:30 UTC" in after.reason
    still = Looks()
    still.ping(0)
    assert (await still.until(0, 72))[-1] == 0.0


async def test_a_store_that_could_not_be_written_counts_as_a_restart() -> None:
    looks = Looks()
    looks.ping(0)
    await looks.until(0, 50)
    assert await looks.until(80, 82) == [1.0, 1.0]


async def test_who_is_down_is_down_after_a_restart() -> None:
    looks = Looks()
    looks.ping(0)
    await looks.until(0, 80)
    looks.source = HeartbeatSource()
    assert await looks.until(90, 92) == [0.0, 0.0]


async def test_a_run_that_failed_tells_what_it_said() -> None:
    looks = Looks()
    looks.ping(0)
    looks.ping(5, "fail", "disk full")
    looks.ping(4, "log", "copying")
    [seen] = await looks.look(6)
    assert seen.reason == "the run that ended at 2026-01-05 00:05:00 UTC failed: disk full"
    assert seen.evidence == ("log 2026-01-05 00:04:00 UTC: copying", "fail 2026-01-05 00:05:00 UTC: disk full")


async def test_rules_with_other_patience_share_the_pings_of_a_target() -> None:
    looks = Looks((ask(), ask("BackupVeryLate", grace="2h")))
    looks.ping(0)
    await looks.look(0)
    looks.memory = None
    values = [one.points[-1][1] for one in await looks.look(80)]
    assert values == [0.0, 1.0]


async def test_the_unit_owns_the_targets_of_its_rules() -> None:
    looks = Looks()
    [unit] = looks.source.plan(looks.asks, ())
    assert looks.source.owns(unit, "BackupMissing", Labels({"target": "backup"}))
    assert not looks.source.owns(unit, "BackupMissing", Labels({"target": "other"}))
    assert TOKEN not in repr(unit)
    assert TOKEN not in unit.asks[0].query.model_dump_json()
