"""When a failure is the prober's own blindness, and when it is the target's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tests.support.clock import ManualClock
from tests.support.probing import until
from watchtower.model import TroubleReason
from watchtower.sources.probe.config import Canary, ProbesConfig, default_canaries
from watchtower.sources.probe.result import Result
from watchtower.sources.probe.sight import Sight, scopes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.sources.probe.prober import Probe
    from watchtower.sources.probe.sight import Scope

DOWN = Result(success=False, reason="timed out", phase="connect", address="52.94.5.5")
PRIVATE = Result(success=False, reason="timed out", phase="connect", address="10.1.2.3")
LOCAL = Result(success=False, reason="refused", phase="connect", address="127.0.0.1")
UP = Result(success=True, reason="status 200", address="52.94.5.5")


class Canaries:
    """A prober whose canaries answer, or do not, as a test says; counts the looks."""

    def __init__(self) -> None:
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self.hold: asyncio.Event | None = None

    async def probe(self, probe: Probe) -> Result:
        self.asked.append(probe.job.shown)
        if self.hold is not None:
            await self.hold.wait()
        up = probe.job.shown not in self.silent
        return Result(success=up, reason="connected" if up else "timed out after 2s")


def canaries(*hosts: str) -> list[Mapping[str, object]]:
    return [{"name": host, "tcp": {"host": host, "port": 443}} for host in hosts]


CONFIG = ProbesConfig.model_validate(
    {
        "canaries": canaries("a", "b", "c"),
        "scopes": {"office": {"match": ['net="office"'], "canaries": canaries("x", "y", "z")}},
    }
)
ALL = {"a:443", "b:443", "c:443"}


class Watch:
    """A sight with its canaries and its clock."""

    def __init__(self, config: ProbesConfig = CONFIG) -> None:
        self.clock, self.canaries = ManualClock(), Canaries()
        self.sight = Sight(self.clock, self.canaries, scopes_of(config, "eu-west-1"))  # type: ignore[arg-type]

    def scope(self, **labels: str) -> Scope | None:
        return self.sight.scope_of(labels)

    async def judged(self, result: Result = DOWN, *, begun: float | None = None, **labels: str) -> Result:
        began = self.clock.monotonic() if begun is None else begun
        return await self.sight.judge(result, self.scope(**labels), began)

    async def acquainted(self) -> Watch:
        """All canaries have worked, a while ago."""
        await self.judged()
        await self.judged(net="office")
        self.clock.advance(60)
        self.canaries.asked.clear()
        return self


async def test_a_target_that_fails_while_the_canaries_answer_is_down() -> None:
    assert await (await Watch().acquainted()).judged() == DOWN


async def test_one_silent_canary_of_three_is_no_blindness() -> None:
    watch = await Watch().acquainted()
    watch.canaries.silent = {"a:443"}
    assert await watch.judged() == DOWN


async def test_what_fails_while_most_canaries_are_silent_is_unknown_and_says_which() -> None:
    watch = await Watch().acquainted()
    watch.canaries.silent = {"a:443", "b:443"}

    result = await watch.judged()

    assert (result.success, result.trouble) == (None, TroubleReason.BLIND)
    assert result.reason == (
        "prober blind: 2 of 3 canaries do not answer (a: timed out after 2s, b: timed out after 2s)"
    )


async def test_a_success_asks_no_canary() -> None:
    watch = Watch()
    assert await watch.judged(UP) == UP
    assert watch.canaries.asked == []


async def test_a_failure_on_this_machine_itself_asks_no_canary() -> None:
    watch = Watch()
    assert await watch.judged(LOCAL) == LOCAL
    assert watch.canaries.asked == []


async def test_a_canary_that_never_worked_does_not_vote() -> None:
    watch = Watch()
    watch.canaries.silent = ALL
    assert await watch.judged() == DOWN


async def test_a_canary_that_worked_before_a_restart_votes_after_it() -> None:
    before, after = await Watch().acquainted(), Watch()
    after.sight.recall(before.sight.worked)
    after.canaries.silent = ALL
    assert (await after.judged()).success is None


async def test_all_failures_of_a_moment_share_one_look() -> None:
    watch = await Watch().acquainted()
    watch.canaries.hold = asyncio.Event()
    judging = [asyncio.create_task(watch.judged()) for _ in range(50)]
    await asyncio.sleep(0)
    watch.canaries.hold.set()
    await asyncio.gather(*judging)

    assert sorted(watch.canaries.asked) == sorted(ALL)


async def test_a_failure_after_the_cut_is_not_judged_by_a_look_from_before_it() -> None:
    watch = await Watch().acquainted()
    assert (await watch.judged()).success is False
    watch.canaries.silent = ALL
    watch.clock.advance(0.3)
    judging = asyncio.create_task(watch.judged())
    await asyncio.sleep(0.01)
    watch.clock.advance(0.2)

    assert (await judging).success is None


async def test_failures_that_come_during_a_look_share_the_next_one() -> None:
    watch = await Watch().acquainted()
    watch.canaries.hold = asyncio.Event()
    first = asyncio.create_task(watch.judged())
    await until(lambda: len(watch.canaries.asked) == 3)
    later = [asyncio.create_task(watch.judged()) for _ in range(20)]
    await asyncio.sleep(0)
    watch.clock.advance(1)
    watch.canaries.hold.set()
    await first
    watch.canaries.silent = ALL

    assert {result.success for result in await asyncio.gather(*later)} == {None}
    assert len(watch.canaries.asked) == 6


async def test_a_later_failure_looks_again() -> None:
    watch = await Watch().acquainted()
    assert (await watch.judged()).success is False
    watch.clock.advance(1.1)
    watch.canaries.silent = ALL
    assert (await watch.judged()).success is None


async def test_a_probe_that_spent_its_time_in_the_dark_is_unknown_though_it_is_light_again() -> None:
    watch = await Watch().acquainted()
    begun = watch.clock.monotonic()
    watch.clock.advance(2)
    watch.canaries.silent = ALL
    await watch.judged()
    watch.clock.advance(2)
    watch.canaries.silent = set()

    assert (await watch.judged(begun=begun)).success is None
    watch.clock.advance(2)
    assert (await watch.judged()).success is False


async def test_a_private_target_is_judged_while_anything_answers_and_unknown_when_nothing_does() -> None:
    watch = await Watch().acquainted()
    watch.canaries.silent = {"b:443", "c:443"}
    assert await watch.judged(PRIVATE) == PRIVATE
    watch.clock.advance(2)
    watch.canaries.silent = ALL
    assert (await watch.judged(PRIVATE)).success is None


async def test_a_scope_has_canaries_of_its_own() -> None:
    watch = await Watch().acquainted()
    watch.canaries.silent = ALL
    assert await watch.judged(PRIVATE, net="office") == PRIVATE
    watch.clock.advance(2)
    watch.canaries.silent = {"x:443", "y:443"}
    assert "2 of 3 canaries of scope office" in (await watch.judged(PRIVATE, net="office")).reason
    watch.clock.advance(2)
    assert (await watch.judged(net="elsewhere")).success is False


async def test_without_canaries_every_failure_is_the_targets() -> None:
    watch = Watch(ProbesConfig.model_validate({"canaries": []}))
    assert watch.scope() is None
    assert await watch.judged() == DOWN


async def test_canaries_are_looked_at_now_and_then_while_all_is_well() -> None:
    watch = Watch()
    scope = watch.scope()
    assert scope is not None
    for _ in range(3):
        await watch.sight.acquaint([scope])
        watch.clock.advance(299)
    assert sorted(watch.canaries.asked) == sorted(ALL)
    watch.clock.advance(299)
    await watch.sight.acquaint([scope])
    assert len(watch.canaries.asked) == 6


async def test_a_look_that_nobody_waits_for_any_more_ends_with_the_source() -> None:
    watch = Watch()
    watch.canaries.hold = asyncio.Event()
    judging = asyncio.create_task(watch.judged())
    await asyncio.sleep(0)
    judging.cancel()
    await watch.sight.close()
    await asyncio.gather(judging, return_exceptions=True)

    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("canaries")]


def test_the_built_in_canaries_take_three_paths() -> None:
    shown = [canary.kind.job(canary.target).shown for canary in default_canaries("eu-south-2")]
    assert shown == ["sts.amazonaws.com A", "sts.eu-south-2.amazonaws.com:443", "1.1.1.1:443"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"canaries": canaries("a", "b")}, "2 of at least 3 canaries"),
        ({"canaries": canaries("a", "b", "a")}, "the canary 'a' is named twice"),
        ({"scopes": {"x": {"match": [], "canaries": canaries("a", "b", "c")}}}, "at least 1 item"),
    ],
)
def test_what_could_never_judge_is_refused(given: Mapping[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ProbesConfig.model_validate(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "exactly one of http, tcp, tls, dns, icmp"),
        ({"tcp": {"port": 443}}, "a canary has no target; write its host into tcp"),
        ({"tcp": {"host": "a"}}, "names no port"),
    ],
)
def test_a_canary_asks_one_thing_of_one_place(given: Mapping[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Canary.model_validate({"name": "a", **given})
