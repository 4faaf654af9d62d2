"""Evidence is asked for once however many want it, goes on when nobody waits, and ends in bounded time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import START
from tests.support.make import rule, unit
from watchtower.engine import archive as subject
from watchtower.engine.archive import KEPT, MOST, Archive
from watchtower.engine.plan import Plan
from watchtower.errors import SourceError
from watchtower.live import Metrics
from watchtower.lookup import Lookup
from watchtower.model import Labels, PollResult, TroubleReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.sources.base import Ask, Place, Poll, Unit

LOOKUP = Lookup("CpuHigh", Labels({"log_group": "/a"}), 0, 60, START)
RULE = rule("CpuHigh")
LINES = ("CRITICAL no rooms",)


class Slow:
    """A source that shows its lines when it is let, or fails first."""

    name = "cloudwatch"

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.asked: Counter[str] = Counter()
        self.failures: list[SourceError] = []

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        return []

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        return identity["log_group"].startswith("/")

    async def poll(self, poll: Poll) -> PollResult:
        return PollResult(())

    async def close(self) -> None:
        pass

    async def evidence(self, unit: Unit, rule: str, identity: Labels, since: int, until: int) -> tuple[str, ...]:
        self.asked[identity["log_group"]] += 1
        if self.failures:
            raise self.failures.pop()
        await self.free.wait()
        return LINES


def archive_of(source: Slow) -> Archive:
    one = unit()
    return Archive(lambda: Plan({RULE.name: RULE}, {one.id: one}, {source.name: source}), Metrics())


async def test_who_waited_too_long_finds_it_later_and_it_was_asked_for_once() -> None:
    source = Slow()
    archive = archive_of(source)
    with pytest.raises(SourceError, match=r"not there within 0\.01 s"):
        await archive.read(LOOKUP, 0.01)
    source.free.set()
    assert set(await asyncio.gather(archive.read(LOOKUP, 5), archive.read(LOOKUP, 5))) == {LINES}
    assert source.asked == {"/a": 1}


async def test_one_that_failed_is_asked_for_again() -> None:
    source = Slow()
    source.free.set()
    source.failures.append(SourceError(TroubleReason.THROTTLED, "Rate exceeded"))
    archive = archive_of(source)
    with pytest.raises(SourceError, match="Rate exceeded"):
        await archive.read(LOOKUP, 5)
    assert await archive.read(LOOKUP, 5) == LINES


async def test_a_search_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LONGEST", 0.01)
    source = Slow()
    archive = archive_of(source)
    with pytest.raises(SourceError, match=r"not there within 0\.01 s"):
        await archive.read(LOOKUP, 5)
    source.free.set()
    assert await archive.read(LOOKUP, 5) == LINES


async def test_only_so_many_are_under_way_at_once() -> None:
    source = Slow()
    archive = archive_of(source)
    searches = [asyncio.create_task(archive.read(_group(n), 5)) for n in range(MOST)]
    await asyncio.sleep(0)
    with pytest.raises(SourceError, match="other searches are under way") as caught:
        await archive.read(_group(MOST), 5)
    assert caught.value.reason == TroubleReason.THROTTLED
    source.free.set()
    await asyncio.gather(*searches)
    assert await archive.read(_group(MOST), 5) == LINES


async def test_only_so_many_answers_are_kept() -> None:
    source = Slow()
    source.free.set()
    archive = archive_of(source)
    for number in range(KEPT + 5):
        await archive.read(_group(number), 5)
    await archive.read(_group(KEPT + 4), 5)
    assert source.asked[f"/{KEPT + 4}"] == 1
    await archive.read(_group(0), 5)
    assert source.asked["/0"] == 2


async def test_what_no_rule_asks_for_any_more_cannot_be_had() -> None:
    archive = archive_of(Slow())
    for gone in (
        replace(LOOKUP, rule="Gone"),
        replace(LOOKUP, identity=Labels({"log_group": "elsewhere"})),
    ):
        with pytest.raises(SourceError, match="nothing that is configured now") as caught:
            await archive.read(gone, 5)
        assert caught.value.reason == TroubleReason.INVALID


async def test_nothing_is_left_behind_at_the_end() -> None:
    source = Slow()
    archive = archive_of(source)
    with pytest.raises(SourceError):
        await archive.read(LOOKUP, 0.01)
    await archive.close()
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("evidence")] == []


def _group(number: int) -> Lookup:
    return replace(LOOKUP, identity=Labels({"log_group": f"/{number}"}))
